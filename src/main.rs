//! Arguments -> command -> exit status.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use mailsleuth::command::{Cli, Outcome};

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Ok(Outcome::Incomplete) => ExitCode::from(2),
        Err(error) => {
            let text = format!("{error:#}");
            let text = mailsleuth::render::printable(&text);
            let _ = writeln!(std::io::stderr(), "mailsleuth: {text}");
            ExitCode::from(2)
        }
    }
}

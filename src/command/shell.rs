//! `mailsleuth completions` and `mailsleuth man`: what a shell and a manual page need, from the arguments themselves.

use std::io::{self, Write};

use anyhow::Result;
use clap::{Args, CommandFactory};

use super::{Cli, Outcome};

/// Completions for a shell, to be put where it looks for them.
#[derive(Debug, Args)]
pub struct Completions {
    shell: clap_complete::Shell,
}

/// The manual page in roff, of the program or of one of its commands.
#[derive(Debug, Args)]
pub struct Manual {
    /// A command's name; without it: the program's page
    command: Option<String>,
}

pub(super) fn completions(arguments: &Completions) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "mailsleuth",
        &mut script,
    );
    write(&script)
}

pub(super) fn manual(arguments: &Manual) -> Result<Outcome> {
    let mut program = Cli::command();
    program.build();
    let page = match &arguments.command {
        None => program,
        Some(name) => match program.find_subcommand(name) {
            Some(command) => command.clone().display_name(format!("mailsleuth-{name}")),
            None => anyhow::bail!("no command is called {name:?}"),
        },
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    write(&text)
}

/// A reader that leaves early is a quiet end.
fn write(bytes: &[u8]) -> Result<Outcome> {
    match io::stdout().write_all(bytes) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Outcome::Done),
        written => Ok(written.map(|()| Outcome::Done)?),
    }
}

//! One file for each command: its arguments, its help, its answer.

mod accounts;
mod arguments;
mod detect;
mod events;
mod explain;
mod findings;
mod messages;
mod output;
mod queue;
mod report;
mod selection;
mod shell;
mod story;
mod tables;
mod timeline;
mod trace;
mod unknown;
mod words;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::finding::Level;
use crate::read::Coverage;

pub use arguments::Common;

/// Rebuilds every message's life from mail logs and names the abused account.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "Exit status: 0 done; 1 done, and there is a finding at or above --fail-on; \
    2 wrong usage, or an input that could not be read to its end."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The whole story of a period: findings first, then the traffic
    Report(report::Arguments),
    /// Findings only
    Detect(detect::Arguments),
    /// What happened to a message, an address, a login, a client
    Trace(trace::Arguments),
    /// Every SASL login, how it behaves, and its risk with the reasons
    Accounts(accounts::Arguments),
    /// Every line of the log as a record
    Events(events::Arguments),
    /// Every reconstructed message as a record
    Messages(messages::Arguments),
    /// Queue IDs still in the queue, ready for postsuper, chosen by login, sender, client or finding
    Queue(queue::Arguments),
    /// What a detector looks for, its thresholds, false positives and remedies
    Explain(explain::Arguments),
    /// Completions for a shell
    Completions(shell::Completions),
    /// The manual page
    Man(shell::Manual),
}

/// How a command ended; `main` turns it into an exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// There is a finding at or above the level that was asked for.
    Found,
    /// Something could not be read; what was read is in the answer.
    Incomplete,
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// Wrong arguments, nothing to read, nothing understood, or an output that cannot be written.
    pub fn run(self) -> Result<Outcome> {
        match self.command {
            Command::Report(arguments) => report::run(arguments),
            Command::Detect(arguments) => detect::run(arguments),
            Command::Trace(arguments) => trace::run(arguments),
            Command::Accounts(arguments) => accounts::run(arguments),
            Command::Events(arguments) => events::run(arguments),
            Command::Messages(arguments) => messages::run(arguments),
            Command::Queue(arguments) => queue::run(arguments),
            Command::Explain(arguments) => explain::run(arguments),
            Command::Completions(arguments) => shell::completions(&arguments),
            Command::Man(arguments) => shell::manual(&arguments),
        }
    }
}

/// The outcome of a run that read logs: an input that broke off weighs more than a finding.
fn outcome(coverage: &Coverage, worst: Option<Level>, fail_on: Option<Level>) -> Outcome {
    let fails = fail_on.is_some_and(|limit| worst.is_some_and(|worst| worst >= limit));
    if !coverage.faults.is_empty() {
        Outcome::Incomplete
    } else if fails {
        Outcome::Found
    } else {
        Outcome::Done
    }
}

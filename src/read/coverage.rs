//! What was read, and how far it was understood: the facts that an answer rests on.

use serde::Serialize;

use super::rhythm::{HostRhythm, Moment};
use crate::mail::Timestamp;
use crate::syslog::{FileYear, HostZone};

/// A silence that is told as a fact, whatever the log's rhythm: even a small server has cron mail once a day.
const LONG_SILENCE_MICROS: i64 = 36 * 3_600_000_000;
/// Breaks and losses told: log text can make up any number of them.
const MAX_BREAKS: usize = 20;
const MAX_LOSSES: usize = 1000;
const MAX_LOSS_CHARS: usize = 200;

/// What was read, and how far it was understood: every line is counted once.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Coverage {
    pub lines: u64,
    /// Lines of mail programs that a rule understands.
    pub understood: u64,
    /// Lines of mail programs that no rule understands.
    pub unknown: u64,
    /// Lines of other programs.
    pub other: u64,
    /// Lines with bytes that are not UTF-8.
    pub lossy: u64,
    /// Lines too long to be read whole.
    pub cut: u64,
    /// Lines without a time.
    pub undated: u64,
    /// Lines that the logging system itself says it dropped, as far as it counts them.
    pub lines_lost: u64,
    /// Lines that say so.
    pub loss_notices: u64,
    /// Those lines; the first ones.
    #[serde(skip)]
    pub losses: Vec<Loss>,
    /// The first line of a mail program that no rule understands.
    #[serde(skip)]
    pub first_unknown: Option<Moment>,
    /// Messages let go before their end, because too many were open at once.
    #[serde(skip)]
    pub n_evicted: u64,
    /// How the lines of each host lie in time.
    #[serde(skip)]
    pub hosts: Vec<HostRhythm>,
    /// Places where the log is silent for long, or its clock goes back; the first ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<Break>,
    /// By program, where it is one of a mail server; the first ones met.
    pub programs: Vec<ProgramCoverage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    pub files: Vec<FileCoverage>,
    /// Which year was taken for lines without one, and why.
    pub years: Vec<FileYear>,
    /// Which zone was taken for lines without an offset, and why.
    pub zones: Vec<HostZone>,
    /// What was taken as this server's own, and from where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<OwnPart>,
    /// What could not be read: the answer is incomplete.
    pub faults: Vec<FaultCoverage>,
    pub notices: Vec<String>,
}

/// A domain, a network, or a table that holds more of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnPart {
    /// `domain`, `relayed domain`, `network`, `table`.
    pub kind: &'static str,
    pub name: String,
    pub because: String,
}

impl Coverage {
    /// Takes a line in which the logging system says that it dropped lines.
    pub(super) fn note_loss(&mut self, seen: Moment, host: &str, n_lines: Option<u64>, text: &str) {
        if self.losses.len() < MAX_LOSSES {
            self.losses.push(Loss {
                seen,
                host: host.to_owned(),
                n_lines,
                text: text.chars().take(MAX_LOSS_CHARS).collect(),
            });
        }
    }
}

/// A place where a host's time is not continuous.
#[derive(Debug, Clone, Serialize)]
pub struct Break {
    pub file: String,
    /// The first line after it.
    pub line: u32,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// A line in which the logging system says that it dropped lines.
#[derive(Debug, Clone)]
pub struct Loss {
    pub seen: Moment,
    pub host: String,
    pub n_lines: Option<u64>,
    pub text: String,
}

/// A program's lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProgramCoverage {
    pub program: String,
    pub lines: u64,
    pub unknown: u64,
}

/// One source.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FileCoverage {
    pub file: String,
    pub lines: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}

/// A source that could not be read, or not to its end.
#[derive(Debug, Clone, Serialize)]
pub struct FaultCoverage {
    pub file: String,
    pub message: String,
    pub lines_read: u64,
}

/// The first places, in log order, where a host is silent for long or its clock goes back.
pub(super) fn breaks(hosts: &[HostRhythm], files: &[FileCoverage]) -> Vec<Break> {
    let silences = hosts.iter().flat_map(|host| &host.silences);
    let silences = silences.filter(|silence| silence.micros() > LONG_SILENCE_MICROS);
    let silences = silences.map(|silence| (silence.before, silence.after));
    let steps = hosts.iter().flat_map(|host| &host.steps_back);
    let steps = steps.map(|step| (step.before, step.after));
    let mut breaks: Vec<(Moment, Moment)> = silences.chain(steps).collect();
    breaks.sort_by_key(|(_, after)| after.at);
    breaks.truncate(MAX_BREAKS);
    let told = |(before, after): (Moment, Moment)| Break {
        file: files[after.at.file as usize].file.clone(),
        line: after.at.line,
        from: before.timestamp,
        to: after.timestamp,
    };
    breaks.into_iter().map(told).collect()
}

//! From logs to findings: the part that `report` and `detect` share.

use std::ops::ControlFlow;

use anyhow::Result;

use super::arguments::Output;
use super::output;
use crate::correlate::Correlator;
use crate::detect;
use crate::finding::{FINDING, Finding, LOGS, Level, shell_word};
use crate::incident;
use crate::knowledge::Knowledge;
use crate::options::Options;
use crate::read::Log;
use crate::render::evidence;
use crate::tables::{Tables, TablesBuilder};

/// All that a run found.
pub(super) struct Investigation {
    pub(super) log: Log,
    pub(super) tables: Tables,
    /// The worst first.
    pub(super) findings: Vec<Finding>,
    /// Findings below the level that was asked for.
    pub(super) n_hidden: usize,
}

impl Investigation {
    /// Keeps the findings of a level and above.
    pub(super) fn hide_below(&mut self, min_level: Level) {
        let n_found = self.findings.len();
        self.findings.retain(|finding| finding.level >= min_level);
        self.n_hidden = n_found - self.findings.len();
    }
}

/// Reads the logs, rebuilds the messages, asks the detectors and quotes their evidence.
pub(super) fn investigate(options: &Options, output: &Output) -> Result<Investigation> {
    let knowledge = Knowledge::load(options)?;
    detect::check_thresholds(&knowledge.config)?;
    let mut correlator = Correlator::new(false);
    let mut builder = TablesBuilder::new(options.period);
    let mut log = output::read(options, output, &mut |record, _| {
        correlator.observe(record);
        builder.take_finished(&mut correlator);
        ControlFlow::Continue(())
    })?;
    let (rest, told) = correlator.finish();
    log.note_evicted(told.n_evicted);
    for message in &rest {
        builder.push(message, &told.strings);
    }
    let log_end = log.coverage.last_seen.map_or(0, |moment| moment.micros);
    let tables = builder.finish(told, log_end)?;
    let detected = detect::detect(&tables, &knowledge, &log.coverage)?;
    log.coverage.own = detected.own;
    let mut findings = incident::arrange(detected.findings);
    evidence::quote(&mut log, &mut findings);
    let logs = logs(options, &log);
    for finding in &mut findings {
        for action in &mut finding.actions {
            let command = action.command.replace(FINDING, &finding.id);
            action.command = command.replace(LOGS, &logs);
        }
    }
    Ok(Investigation {
        log,
        tables,
        findings,
        n_hidden: 0,
    })
}

/// The logs of this run as words of a shell.
fn logs(options: &Options, log: &Log) -> String {
    let is_piped = log.sources.iter().any(|source| source.name == "-");
    match options.paths.as_slice() {
        [] if is_piped => "-".to_owned(),
        [] => "/var/log/mail.log*".to_owned(),
        paths => {
            let words = paths.iter().map(|path| shell_word(&path.to_string_lossy()));
            words.collect::<Vec<String>>().join(" ")
        }
    }
}

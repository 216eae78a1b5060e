//! The detectors on sets whose truth is known: `cargo test --test evaluation -- --nocapture` prints how good they are.

// The tables are what this test is run for.
#![allow(clippy::print_stdout)]

mod common;
mod judged;

use std::path::Path;

use judged::{Judgement, judge, page};
use mailsleuth::finding::Level;
use rayon::prelude::*;

const HALVES: [(&str, &str); 2] = [
    ("choose", "on which thresholds may be chosen"),
    ("report", "at which nobody looked before"),
];

fn judgements() -> Vec<Judgement> {
    let folders = common::subfolders(Path::new("tests/evaluation"));
    folders.par_iter().map(|folder| judge(folder)).collect()
}

/// What may never happen, whatever the table says.
fn hard_failures(judgement: &Judgement) -> Vec<String> {
    let set = &judgement.set;
    let mut failures = Vec::new();
    for verdict in &judgement.verdicts {
        for wrong in &verdict.wrong {
            failures.push(format!("{set}: {}: {wrong}", verdict.detector));
        }
    }
    let alarms = judgement.false_alarms.iter();
    for alarm in alarms.filter(|alarm| judgement.is_quiet && alarm.level >= Level::High) {
        failures.push(format!(
            "{set}: a quiet set, but {}: {}",
            alarm.detector, alarm.title
        ));
    }
    failures
}

#[test]
fn quiet_servers_get_no_alarm_and_numbers_are_right() {
    let judgements = judgements();
    let tables = page::tables(&judgements, &HALVES);
    println!("{tables}");
    let failures: Vec<String> = judgements.iter().flat_map(hard_failures).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

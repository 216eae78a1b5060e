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
    (
        "report",
        "kept for the report; how blind it still is stands below",
    ),
];

fn judgements() -> Vec<Judgement> {
    let folders = common::subfolders(Path::new("tests/evaluation"));
    folders.par_iter().map(|folder| judge(folder)).collect()
}

/// What may never happen, whatever the page says.
fn alarms_on_quiet_sets(judgement: &Judgement) -> Vec<String> {
    let alarms = judgement.false_alarms.iter();
    let urgent = alarms.filter(|alarm| judgement.is_quiet && alarm.level >= Level::High);
    let told = urgent.map(|alarm| {
        let (set, detector, title) = (&judgement.set, &alarm.detector, &alarm.title);
        format!("{set} is quiet, but {detector}: {title}")
    });
    told.collect()
}

#[test]
fn the_detectors_are_as_good_as_the_page_says() {
    let judgements = judgements();
    let tables = page::tables(&judgements, &HALVES);
    println!("{tables}");
    let failures: Vec<String> = judgements.iter().flat_map(alarms_on_quiet_sets).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    page::check(&judgements, &tables);
}

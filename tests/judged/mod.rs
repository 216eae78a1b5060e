//! Findings on a log whose truth is known: what was found, missed, and said without reason.

pub(crate) mod page;
pub(crate) mod table;
pub(crate) mod truth;

use std::collections::BTreeSet;
use std::path::Path;

use clap::ValueEnum;
use mailsleuth::finding::Level;
use serde_json::Value;

use crate::common::json;
use truth::{Expectation, Truth};

/// What became of one expectation.
pub(crate) struct Verdict {
    pub(crate) detector: String,
    pub(crate) subject: String,
    pub(crate) min_level: Level,
    /// The highest level of the findings that fit; `None` where there is none.
    pub(crate) came: Option<Level>,
    /// Numbers that must be right wherever something was found.
    pub(crate) wrong: Vec<String>,
    /// Other differences from the truth, worth a look.
    pub(crate) differences: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_found(&self) -> bool {
        self.came.is_some_and(|level| level >= self.min_level)
    }

    /// Found, and every number of the driver's record is met.
    pub(crate) fn is_exact(&self) -> bool {
        self.is_found() && self.wrong.is_empty() && self.differences.is_empty()
    }
}

/// A finding that nothing in the truth asks for or allows.
pub(crate) struct FalseAlarm {
    pub(crate) detector: String,
    pub(crate) subject: String,
    pub(crate) level: Level,
    pub(crate) title: String,
}

/// All that is to say about one set.
pub(crate) struct Judgement {
    pub(crate) set: String,
    pub(crate) half: String,
    pub(crate) is_quiet: bool,
    pub(crate) verdicts: Vec<Verdict>,
    /// Detector and level of findings that fit an expectation.
    pub(crate) right: Vec<(String, Level)>,
    pub(crate) false_alarms: Vec<FalseAlarm>,
}

pub(crate) fn level(finding: &Value) -> Level {
    Level::from_str(text(finding, "level"), true).expect("a known level")
}

pub(crate) fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record[field].as_str().unwrap_or_default()
}

/// Runs `detect` over a set and compares.
pub(crate) fn judge(folder: &Path) -> Judgement {
    let truth = Truth::read(folder);
    let year = truth.year.to_string();
    let path = folder.to_string_lossy();
    let mut arguments = vec!["detect", "--format", "json", "--min-level", "info"];
    arguments.extend(["--timezone", &truth.timezone, "--year", &year, &path]);
    let answer = json(&arguments);
    let findings = answer["findings"].as_array().expect("a list");
    let fits = |finding: &&Value| truth.expect.iter().any(|e| e.fits(finding));
    let (right, others): (Vec<&Value>, Vec<&Value>) = findings.iter().partition(fits);
    let detector_and_level = |f: &&Value| (text(f, "detector").to_owned(), level(f));
    let unasked = others.into_iter().filter(|f| !truth.allows(f));
    Judgement {
        verdicts: truth.expect.iter().map(|e| verdict(e, &right)).collect(),
        right: right.iter().map(detector_and_level).collect(),
        false_alarms: unasked.map(false_alarm).collect(),
        is_quiet: truth.expect.is_empty(),
        set: truth.name,
        half: truth.half,
    }
}

fn false_alarm(finding: &Value) -> FalseAlarm {
    FalseAlarm {
        detector: text(finding, "detector").to_owned(),
        subject: text(&finding["subject"], "name").to_owned(),
        level: level(finding),
        title: text(finding, "title").to_owned(),
    }
}

fn verdict(expectation: &Expectation, findings: &[&Value]) -> Verdict {
    let fits = |finding: &&&Value| expectation.fits(finding);
    let found: Vec<&Value> = findings.iter().filter(fits).copied().collect();
    let mut verdict = Verdict {
        detector: expectation.detector.clone(),
        subject: expectation.subject(),
        min_level: expectation.min_level(),
        came: found.iter().map(|finding| level(finding)).max(),
        wrong: Vec::new(),
        differences: Vec::new(),
    };
    if !found.is_empty() {
        verdict.wrong = wrong_counts(expectation, &found);
        verdict.differences = differences(expectation, &found);
    }
    verdict
}

fn sum(findings: &[&Value], count: &str) -> Option<u64> {
    let numbers = findings.iter().filter_map(|f| f["counts"][count].as_u64());
    numbers.reduce(|sum, number| sum + number)
}

fn number(told: Option<u64>) -> String {
    told.map_or_else(|| "nothing".to_owned(), |number| number.to_string())
}

/// Counts of messages, and of recipients where one finding tells of all.
fn wrong_counts(expectation: &Expectation, findings: &[&Value]) -> Vec<String> {
    let truth = expectation.counts.iter();
    let compared = truth.filter(|(count, _)| *count == "messages" || findings.len() == 1);
    let wrong = compared.filter_map(|(count, right)| {
        let told = sum(findings, count);
        (told != Some(*right)).then(|| format!("{count}: told {}, true {right}", number(told)))
    });
    wrong.collect()
}

fn differences(expectation: &Expectation, findings: &[&Value]) -> Vec<String> {
    let mut differences = Vec::new();
    if findings.len() > 1 {
        differences.push(format!("{} findings instead of one", findings.len()));
    }
    for (count, right) in expectation.driver_counts() {
        let told = sum(findings, count);
        if told != Some(right) {
            differences.push(format!(
                "{count}: told {}, the driver has {right}",
                number(told)
            ));
        }
    }
    let told: BTreeSet<&str> = findings
        .iter()
        .flat_map(|finding| finding["clients"].as_array().into_iter().flatten())
        .map(|client| text(client, "ip"))
        .collect();
    let true_ones: BTreeSet<&str> = expectation.clients.iter().map(String::as_str).collect();
    if !true_ones.is_empty() && told != true_ones {
        let strangers = told.difference(&true_ones).count();
        let missing = true_ones.difference(&told).count();
        differences.push(format!(
            "clients: {strangers} too many, {missing} of {} missing",
            true_ones.len()
        ));
    }
    differences.extend(expectation.wrong_times(findings));
    differences
}

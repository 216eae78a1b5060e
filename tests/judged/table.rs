//! Precision and recall for each detector and level, as a table, and what was missed or said without reason.

use std::fmt::Write;

use mailsleuth::finding::Level;

use super::Judgement;

/// Detectors in the order of the contract.
const DETECTORS: [&str; 11] = [
    "compromised-account",
    "credential-attack",
    "sender-mismatch",
    "backscatter-victim",
    "backscatter-source",
    "spoofed-local-sender",
    "open-relay",
    "locked-out-user",
    "dnsbl-failure",
    "queue-trouble",
    "log-integrity",
];

#[derive(Default)]
struct Row {
    expected: usize,
    found: usize,
    exact: usize,
    right: usize,
    false_alarms: usize,
}

impl Row {
    fn is_empty(&self) -> bool {
        self.expected + self.right + self.false_alarms == 0
    }
}

fn row(judgements: &[&Judgement], detector: &str, level: Level) -> Row {
    let mut row = Row::default();
    for judgement in judgements {
        let verdicts = judgement.verdicts.iter();
        for verdict in verdicts.filter(|v| v.detector == detector && v.min_level >= level) {
            row.expected += 1;
            row.found += usize::from(verdict.is_found());
            row.exact += usize::from(verdict.is_exact());
        }
        let right = judgement.right.iter();
        row.right += right.filter(|(d, l)| d == detector && *l >= level).count();
        let alarms = judgement.false_alarms.iter();
        row.false_alarms += alarms
            .filter(|alarm| alarm.detector == detector && alarm.level >= level)
            .count();
    }
    row
}

fn percent(part: usize, whole: usize) -> String {
    match whole {
        0 => "-".to_owned(),
        _ => format!("{} %", part * 100 / whole),
    }
}

/// A row says: of what must be said at this level or above, and of what was said at this level or above.
pub(crate) fn table(judgements: &[&Judgement]) -> String {
    let mut text = String::from(
        "| detector | at least | expected | found | exact | missed | right | false | precision | recall |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for detector in DETECTORS {
        for level in [Level::Low, Level::Medium, Level::High] {
            let row = row(judgements, detector, level);
            if row.is_empty() {
                continue;
            }
            let level = level.as_str();
            let missed = row.expected - row.found;
            let said = row.right + row.false_alarms;
            let (precision, recall) = (percent(row.right, said), percent(row.found, row.expected));
            let Row {
                expected,
                found,
                exact,
                right,
                false_alarms,
            } = row;
            let _ = writeln!(
                text,
                "| {detector} | {level} | {expected} | {found} | {exact} | {missed} | {right} | {false_alarms} | {precision} | {recall} |"
            );
        }
    }
    text
}

/// Something missed, said without reason, or counted wrong.
pub(crate) struct Mistake {
    pub(crate) set: String,
    pub(crate) detector: String,
    pub(crate) line: String,
}

/// What was missed, what was said without reason at `medium` or above, and wrong counts.
pub(crate) fn mistakes(judgement: &Judgement) -> Vec<Mistake> {
    let set = &judgement.set;
    let mistake = |detector: &str, line: String| Mistake {
        set: set.clone(),
        detector: detector.to_owned(),
        line: format!("`{set}`: {line}"),
    };
    let mut mistakes = Vec::new();
    for verdict in &judgement.verdicts {
        let (detector, subject) = (&verdict.detector, &verdict.subject);
        let asked = verdict.min_level.as_str();
        let came = verdict.came.map_or("nothing came", Level::as_str);
        if !verdict.is_found() {
            let line = format!("missed `{detector}` about {subject}, at least {asked}: {came}");
            mistakes.push(mistake(detector, line));
        }
        for wrong in &verdict.wrong {
            mistakes.push(mistake(detector, format!("wrong `{detector}`: {wrong}")));
        }
    }
    let alarms = judgement.false_alarms.iter();
    for alarm in alarms.filter(|alarm| alarm.level >= Level::Medium) {
        let (detector, subject) = (&alarm.detector, &alarm.subject);
        let (level, title) = (alarm.level.as_str(), &alarm.title);
        let line = format!("false `{detector}` about {subject}, {level}: {title}");
        mistakes.push(mistake(detector, line));
    }
    mistakes
}

/// Differences from the driver's record in what was found, a line each.
pub(crate) fn inexact(judgement: &Judgement) -> Vec<String> {
    let mut lines = Vec::new();
    for verdict in &judgement.verdicts {
        let (set, detector) = (&judgement.set, &verdict.detector);
        for difference in &verdict.differences {
            lines.push(format!("`{set}`: `{detector}`: {difference}"));
        }
    }
    lines
}

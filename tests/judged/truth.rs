//! What the driver of a set recorded: who did what, and what must or may be said about it.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, FixedOffset};
use clap::ValueEnum;
use mailsleuth::finding::Level;
use serde::Deserialize;
use serde_json::Value;

use super::text;

/// Seconds by which a server's stamp may differ from the driver's.
const TOLERANCE_SECONDS: i64 = 60;

#[derive(Deserialize)]
pub(crate) struct Truth {
    pub(crate) name: String,
    pub(crate) half: String,
    pub(crate) timezone: String,
    pub(crate) year: i32,
    pub(crate) expect: Vec<Expectation>,
    may: Vec<Allowance>,
}

#[derive(Deserialize)]
struct Subject {
    kind: String,
    name: String,
}

impl Subject {
    fn fits(&self, finding: &Value) -> bool {
        let subject = &finding["subject"];
        let same_name = self.name == "*" || self.name.eq_ignore_ascii_case(text(subject, "name"));
        self.kind == text(subject, "kind") && same_name
    }
}

/// Something that must be said.
#[derive(Deserialize)]
pub(crate) struct Expectation {
    pub(crate) detector: String,
    /// Any of these is right.
    subjects: Vec<Subject>,
    min_level: String,
    #[serde(default)]
    pub(crate) counts: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) clients: Vec<String>,
    first_login: Option<String>,
    first_message: Option<String>,
    last_message: Option<String>,
    auth_failures: Option<u64>,
    bounces: Option<u64>,
    notifications: Option<u64>,
}

/// Something that may be said besides.
#[derive(Deserialize)]
struct Allowance {
    detector: String,
    max_level: String,
    #[serde(default)]
    subjects: Vec<Subject>,
}

fn known_level(word: &str) -> Level {
    Level::from_str(word, true).expect("a known level")
}

fn moment(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).expect("RFC 3339")
}

impl Truth {
    pub(crate) fn read(folder: &Path) -> Self {
        let path = folder.join("truth.json");
        let text = std::fs::read_to_string(&path).expect("a set has its truth");
        let truth: Self = serde_json::from_str(&text).expect("the truth is JSON");
        assert!(folder.ends_with(&truth.name), "{}", path.display());
        truth
    }

    /// True for a finding that may be there, though nothing asks for it.
    pub(crate) fn allows(&self, finding: &Value) -> bool {
        self.may.iter().any(|allowance| {
            let subjects = &allowance.subjects;
            allowance.detector == text(finding, "detector")
                && super::level(finding) <= known_level(&allowance.max_level)
                && (subjects.is_empty() || subjects.iter().any(|s| s.fits(finding)))
        })
    }
}

impl Expectation {
    pub(crate) fn fits(&self, finding: &Value) -> bool {
        self.detector == text(finding, "detector")
            && self.subjects.iter().any(|subject| subject.fits(finding))
    }

    pub(crate) fn min_level(&self) -> Level {
        known_level(&self.min_level)
    }

    /// The subject that the truth names first.
    pub(crate) fn subject(&self) -> String {
        let first = self.subjects.first().expect("an expectation has a subject");
        format!("{} {}", first.kind, first.name)
    }

    /// Further numbers of the driver, by the finding's names.
    pub(crate) fn driver_counts(&self) -> Vec<(&'static str, u64)> {
        let numbers = [
            ("auth_failures", self.auth_failures),
            ("bounces_received", self.bounces),
            ("bounces_generated", self.notifications),
        ];
        let known = numbers.into_iter();
        known
            .filter_map(|(name, number)| Some((name, number?)))
            .collect()
    }

    /// Misuse begins with the intruder's first login or first message, and ends with his last message.
    pub(crate) fn wrong_times(&self, findings: &[&Value]) -> Vec<String> {
        let mut wrong = Vec::new();
        let told = |field| findings.iter().map(move |f| moment(text(f, field)));
        if let (Some(login), Some(message)) = (&self.first_login, &self.first_message) {
            let first = told("first_seen").min().expect("a finding");
            let early = (moment(login) - first).num_seconds();
            let late = (first - moment(message)).num_seconds();
            if early > TOLERANCE_SECONDS || late > TOLERANCE_SECONDS {
                wrong.push(format!(
                    "first_seen: told {first}, true {login} to {message}"
                ));
            }
        }
        if let Some(message) = &self.last_message {
            let last = told("last_seen").max().expect("a finding");
            if (moment(message) - last).num_seconds().abs() > TOLERANCE_SECONDS {
                wrong.push(format!("last_seen: told {last}, true {message}"));
            }
        }
        wrong
    }
}

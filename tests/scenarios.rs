//! Log -> findings: each folder of `tests/scenarios` tells a story, and its name says how it must end.

mod common;

use std::path::Path;

use common::{check_expected, json, subfolders};
use serde_json::{Value, json};

#[test]
fn every_scenario_ends_as_its_name_says() {
    let detectors = subfolders(Path::new("tests/scenarios"));
    assert!(detectors.len() >= 2, "{detectors:?}");
    for detector in &detectors {
        let cases = subfolders(detector);
        for case in &cases {
            check(detector, case);
        }
        let has = |prefix: &str| cases.iter().any(|case| name(case).starts_with(prefix));
        assert!(has("fires-") && has("silent-"), "{}", detector.display());
    }
}

#[test]
fn every_detector_has_scenarios() {
    for detector in mailsleuth::detect::DETECTORS {
        let folder = Path::new("tests/scenarios").join(detector.id);
        assert!(folder.is_dir(), "{}", folder.display());
    }
}

/// Runs the detectors over a case and holds what they found against `expected.json` and the folder's name.
fn check(detector: &Path, case: &Path) {
    let answer = json(&[
        "detect",
        "--format",
        "json",
        &case.join("mail.log").to_string_lossy(),
    ]);
    let findings = answer["findings"].as_array().expect("a list of findings");
    let urgent = findings.iter().filter(|finding| {
        let level = finding["level"].as_str().unwrap_or_default();
        finding["detector"] == *name(detector) && matches!(level, "medium" | "high" | "critical")
    });
    let fires = name(case).starts_with("fires-");
    assert_eq!(
        urgent.count() > 0,
        fires,
        "{}: {findings:#?}",
        case.display()
    );
    let brief: Vec<Value> = findings.iter().map(brief).collect();
    check_expected(&case.join("expected.json"), &Value::Array(brief));
}

/// What of a finding a story decides; ids and wordings may change without changing the story.
fn brief(finding: &Value) -> Value {
    let names = |list: &str| -> Vec<Value> {
        let list = finding[list].as_array().expect("a list");
        list.iter().map(|item| item["name"].clone()).collect()
    };
    let lines: Vec<&Value> = finding["evidence"]
        .as_array()
        .expect("evidence")
        .iter()
        .map(|line| &line["line"])
        .collect();
    assert!(!lines.is_empty(), "a finding without evidence: {finding:#}");
    json!({
        "detector": finding["detector"],
        "level": finding["level"],
        "subject": finding["subject"]["name"],
        "first_seen": finding["first_seen"],
        "last_seen": finding["last_seen"],
        "counts": finding["counts"],
        "signals": names("signals"),
        "mitigations": names("mitigations"),
        "evidence": lines,
    })
}

fn name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().expect("a folder").to_string_lossy()
}

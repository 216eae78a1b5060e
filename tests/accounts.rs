//! `accounts` against the record of what happened, and incidents that keep their names as logs grow.

mod common;

use common::run;

const ROOT: &str = "sample-logs/root-compromise/mail.log.gz";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn unpack(path: &str) -> String {
    use std::io::Read;
    let file = std::fs::File::open(path).expect("a sample");
    let mut log = String::new();
    let mut reader = flate2::read::MultiGzDecoder::new(file);
    reader.read_to_string(&mut log).expect("whole gzip");
    log
}

#[test]
fn accounts_come_with_their_risk_the_riskiest_first() {
    let output = run(&["accounts", "--format", "json", ROOT]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(0));
    let accounts = answer["accounts"].as_array().expect("a list");
    let names: Vec<&str> = accounts
        .iter()
        .map(|account| account["sasl_username"].as_str().expect("a name"))
        .collect();
    assert_eq!(names.len(), 6, "{names:?}");
    let root = &accounts[0];
    assert_eq!(root["sasl_username"], "root");
    assert_eq!(root["level"], "high");
    // What the record of the sending side says.
    assert_eq!(root["counts"]["messages"], 70);
    assert_eq!(root["counts"]["recipients"], 174);
    assert_eq!(root["counts"]["client_ips"], 2);
    assert_eq!(root["undelivered_share"], 0.52);
    assert_eq!(root["countries"], serde_json::json!(["MD"]));
    // The same reasons as the finding's, and its id.
    let finding = run(&["detect", "--format", "json", ROOT]);
    let finding: serde_json::Value = serde_json::from_slice(&finding.stdout).expect("JSON");
    let finding = &finding["findings"][0];
    assert_eq!(root["score"], finding["score"]);
    assert_eq!(root["findings"][0], finding["id"]);
    let of = |record: &serde_json::Value| -> Vec<String> {
        let signals = record["signals"].as_array().expect("a list").iter();
        let signals = signals.filter(|signal| signal["weight"].as_f64() > Some(0.0));
        signals.map(|signal| signal["name"].to_string()).collect()
    };
    assert_eq!(of(root), of(finding));
    // The others have no finding, and stand by risk, then by name.
    let scores: Vec<f64> = accounts
        .iter()
        .map(|account| account["score"].as_f64().expect("a number"))
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    assert!(
        accounts[1..]
            .iter()
            .all(|account| account["level"].is_null())
    );
}

#[test]
fn accounts_are_chosen_and_written_in_every_format() {
    let lines = |more: &[&str]| {
        let output = run(&[&["accounts", ROOT][..], more].concat());
        assert_eq!(output.status.code(), Some(0), "{more:?}");
        text(&output.stdout)
    };
    assert_eq!(lines(&["--format", "jsonl"]).lines().count(), 6);
    assert_eq!(
        lines(&["--format", "jsonl", "--min-level", "high"])
            .lines()
            .count(),
        1
    );
    let one = lines(&["--format", "csv", "--account", "ROOT"]);
    let mut rows = csv::Reader::from_reader(one.as_bytes());
    let head = rows.headers().expect("a head").clone();
    let row = rows.records().next().expect("a row").expect("a whole row");
    let cell = |name: &str| {
        let at = head.iter().position(|column| column == name).expect(name);
        row.get(at).expect(name).to_owned()
    };
    assert_eq!(
        (cell("sasl_username"), cell("level")),
        ("root".to_owned(), "high".to_owned())
    );
    assert!(cell("reasons").contains("system-login"), "{one}");
    assert_eq!(rows.records().count(), 0);
    for format in ["text", "markdown"] {
        let shown = lines(&["--format", format, "--account", "root"]);
        assert!(shown.contains("1 of 6 logins"), "{shown}");
        assert!(
            shown.contains("nobody has a mail program for it"),
            "{shown}"
        );
    }
    let status = |more: &[&str]| run(&[&["accounts", ROOT][..], more].concat()).status.code();
    assert_eq!(status(&["--fail-on", "high"]), Some(1));
    assert_eq!(status(&["--fail-on", "critical"]), Some(0));
}

/// Lines that come tomorrow, and ordinary ones that are rotated away, leave an incident its name.
#[test]
fn an_incident_keeps_its_id_as_logs_grow() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = unpack("sample-logs/phished-partner/mail.log.gz");
    let id = |name: &str, lines: Vec<&str>| {
        let path = folder.path().join(name);
        std::fs::write(&path, lines.join("\n") + "\n").expect("a temporary file");
        let output = run(&[
            "detect",
            "--format",
            "json",
            "--year",
            "2023",
            &path.to_string_lossy(),
        ]);
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let findings = answer["findings"].as_array().expect("a list").clone();
        let mut stolen = findings
            .into_iter()
            .filter(|f| f["detector"] == "compromised-account");
        let finding = stolen.next().expect("a finding");
        assert_eq!(finding["subject"]["name"], "partner@nagano-seiki.example");
        finding["id"].to_string()
    };
    let whole = id("whole", log.lines().collect());
    let at = |text: &str| {
        log.lines()
            .position(|line| line.starts_with(text))
            .expect("a line")
    };
    let grows = id("grows", log.lines().take(at("Sep 13 11:")).collect());
    let rotated = id("rotated", log.lines().skip(at("Sep 12 08:")).collect());
    assert_eq!(grows, whole);
    assert_eq!(rotated, whole);
}

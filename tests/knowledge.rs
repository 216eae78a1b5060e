//! What the user gives beside the logs: the configuration changes answers, and its mistakes are named.

mod common;

use std::path::PathBuf;

use common::{json, run};
use serde_json::Value;

const ROOT: &str = "sample-logs/root-compromise/mail.log.gz";

fn write(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("mailsleuth.toml");
    std::fs::write(&path, text).expect("a temporary file");
    path
}

fn findings(config: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = write(&folder, config);
    let path = path.to_string_lossy();
    let answer = json(&["detect", "--format", "json", "--config", &path, ROOT]);
    answer["findings"].as_array().expect("a list").clone()
}

fn find<'a>(findings: &'a [Value], detector: &str) -> Option<&'a Value> {
    findings
        .iter()
        .find(|finding| finding["detector"] == detector)
}

#[test]
fn thresholds_are_changed_by_the_configuration() {
    let found = findings("");
    let root = find(&found, "compromised-account").expect("a finding");
    let has = |finding: &Value, name: &str| {
        let signals = finding["signals"].as_array().expect("a list");
        signals.iter().any(|signal| signal["name"] == name)
    };
    assert!(has(root, "undelivered"), "{root:#}");
    let found = findings("[thresholds.compromised-account]\nundelivered-share = 1.1\n");
    let root = find(&found, "compromised-account").expect("a finding");
    assert!(!has(root, "undelivered"), "{root:#}");
}

#[test]
fn a_trusted_account_is_told_for_information_only() {
    let found = findings("trusted_accounts = [\"ROOT\"]\n");
    let root = find(&found, "compromised-account").expect("a finding");
    assert_eq!(root["level"], "info", "{root:#}");
}

#[test]
fn a_key_that_is_not_known_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cases = [
        ("trusted = []", "trusted"),
        ("[thresholds.open-doors]\nx = 1", "thresholds.open-doors"),
        (
            "[thresholds.compromised-account]\nx = 1",
            "thresholds.compromised-account.x",
        ),
    ];
    for (text, key) in cases {
        let path = write(&folder, text);
        let output = run(&["detect", "--config", &path.to_string_lossy(), ROOT]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}: {errors}");
        assert!(errors.contains(key), "{text}: {errors}");
    }
}

const MISMATCH: &str =
    "tests/scenarios/sender-mismatch/fires-three-messages-as-two-colleagues/mail.log";

#[test]
fn senders_that_an_account_is_allowed_are_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let allow = |senders: &str| {
        let path = write(
            &folder,
            &format!("[accounts.alice]\nsenders = [{senders}]\n"),
        );
        let path = path.to_string_lossy();
        let answer = json(&["detect", "--format", "json", "--config", &path, MISMATCH]);
        answer["findings"].as_array().expect("a list").clone()
    };
    assert!(find(&allow("\"x@example.net\""), "sender-mismatch").is_some());
    assert!(find(&allow("\"@example.com\""), "sender-mismatch").is_none());
}

#[test]
fn the_configuration_of_postfix_says_what_is_own_and_what_would_have_stopped_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("postconf.txt");
    let text = "myhostname = mail.example.com\nmydestination = $mydomain\n\
        mynetworks = 127.0.0.0/8 203.0.113.0/24\nvirtual_alias_maps = hash:/etc/postfix/virtual\n\
        smtpd_sender_restrictions = permit_sasl_authenticated\n";
    std::fs::write(&path, text).expect("a temporary file");
    let path = path.to_string_lossy();
    let answer = json(&["detect", "--format", "json", "--postconf", &path, MISMATCH]);
    let own = answer["coverage"]["own"].as_array().expect("what is own");
    let named = |kind: &str, name: &str| {
        own.iter()
            .any(|part| part["kind"] == kind && part["name"] == name)
    };
    assert!(named("domain", "example.com"), "{own:#?}");
    assert!(named("network", "203.0.113.0/24"), "{own:#?}");
    assert!(named("table", "hash:/etc/postfix/virtual"), "{own:#?}");
    let findings = answer["findings"].as_array().expect("a list");
    let finding = find(findings, "sender-mismatch").expect("a finding");
    let actions = finding["actions"].to_string();
    assert!(
        actions.contains("smtpd_sender_login_maps is not set"),
        "{actions}"
    );
    assert!(
        actions.contains("reject_authenticated_sender_login_mismatch is in no restriction"),
        "{actions}"
    );
}

#[test]
fn a_file_that_is_no_postconf_is_named() {
    let output = run(&["detect", "--postconf", "tests/scenarios", MISMATCH]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("--postconf"), "{errors}");
}

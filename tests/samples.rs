//! The sample logs, written by real daemons, against the record of what really happened.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::json;
use serde_json::Value;

/// Findings at or above `high`.
fn urgent(path: &str) -> Vec<Value> {
    let answer = json(&["detect", "--format", "json", "--min-level", "high", path]);
    answer["findings"].as_array().expect("a list").clone()
}

fn truth(folder: &str) -> Value {
    let path = Path::new("sample-logs").join(folder).join("truth.json");
    let text = std::fs::read_to_string(path).expect("the truth is there");
    serde_json::from_str(&text).expect("the truth is JSON")
}

fn set(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|item| item.as_str().expect("a text").to_owned())
        .collect()
}

/// Holds a finding about an account against the truth: counts, addresses, times.
fn check_account(path: &str, folder: &str) {
    let findings = urgent(path);
    let truth = &truth(folder)["findings"][0];
    assert_eq!(findings.len(), 1, "{path}: {findings:#?}");
    let finding = &findings[0];
    assert_eq!(finding["detector"], "compromised-account");
    assert_eq!(finding["subject"]["kind"], "account");
    assert_eq!(finding["subject"]["name"], truth["account"]);
    assert_eq!(finding["counts"]["messages"], truth["messages"]);
    assert_eq!(
        finding["counts"]["recipients"],
        truth["distinct_recipients"]
    );
    let ips: BTreeSet<String> = finding["clients"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|client| client["ip"].as_str().expect("an address").to_owned())
        .collect();
    assert_eq!(ips, set(&truth["ips"]));
    for moment in ["first_seen", "last_seen"] {
        let told = finding[moment].as_str().expect("a moment");
        let told = chrono::DateTime::parse_from_rfc3339(told).expect("RFC 3339");
        let true_one = truth[moment].as_str().expect("a moment");
        let true_one = chrono::DateTime::parse_from_rfc3339(true_one).expect("RFC 3339");
        let apart = (told - true_one).num_milliseconds().abs();
        assert!(apart <= 1000, "{path}: {moment}: {told} is not {true_one}");
        assert_eq!(told.offset(), true_one.offset(), "{path}");
    }
    assert!(!finding["evidence"].as_array().expect("evidence").is_empty());
}

#[test]
fn root_compromise_in_both_dresses() {
    for name in ["mail.log.gz", "mail.rfc3339.log.gz"] {
        let path = format!("sample-logs/root-compromise/{name}");
        check_account(&path, "root-compromise");
        let finding = &urgent(&path)[0];
        let providers = finding["providers"].as_array().expect("providers");
        let told: Vec<(&str, u64)> = providers
            .iter()
            .map(|p| {
                (
                    p["provider"].as_str().unwrap(),
                    p["recipients"].as_u64().unwrap(),
                )
            })
            .collect();
        assert_eq!(told, [("cox.net", 123), ("verizon.net", 51)]);
    }
}

/// What the log itself says of the queue: IDs of the login that no `removed` line follows.
#[test]
fn root_compromise_names_what_is_still_queued() {
    use std::io::Read;
    let file = std::fs::File::open("sample-logs/root-compromise/mail.log.gz").unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let id = |line: &str| {
        line.split("]: ")
            .nth(1)
            .and_then(|rest| rest.split(": ").next().map(str::to_owned))
    };
    let mut waiting: BTreeSet<String> = BTreeSet::new();
    for line in text.lines() {
        if line.ends_with("sasl_username=root") {
            waiting.extend(id(line));
        } else if line.ends_with(": removed") {
            waiting.remove(&id(line).unwrap());
        }
    }
    assert_eq!(waiting.len(), 44);
    let finding = &urgent("sample-logs/root-compromise/mail.log.gz")[0];
    assert_eq!(set(&finding["still_queued"]), waiting);
}

#[test]
fn phished_partner_is_told_from_the_owner() {
    check_account("sample-logs/phished-partner/mail.log.gz", "phished-partner");
    let finding = &urgent("sample-logs/phished-partner/mail.log.gz")[0];
    let truth = &truth("phished-partner")["findings"][0];
    assert_eq!(set(&finding["queue_ids"]), set(&truth["queue_ids"]));
    assert_eq!(finding["totals"]["messages"], 167);
    assert_eq!(finding["counts"]["bounced"], truth["unknown_recipients"]);
    assert_eq!(
        finding["counts"]["bounces_generated"],
        truth["messages_with_unknown_recipient"]
    );
    assert_eq!(
        finding["counts"]["bounces_received"],
        truth["messages_with_unknown_recipient"]
    );
}

#[test]
fn backscatter_is_no_stolen_account() {
    let findings = urgent("sample-logs/backscatter-flood/mail.log.gz");
    let truth = &truth("backscatter-flood")["findings"][0];
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0]["detector"], "backscatter-victim");
    assert_eq!(findings[0]["subject"]["name"], truth["account"]);
    assert_eq!(
        findings[0]["counts"]["bounces_received"],
        truth["null_sender_messages"]
    );
    assert_eq!(findings[0]["counts"]["client_ips"], truth["source_ips"]);
}

#[test]
fn a_clean_day_gives_no_finding_at_all() {
    let answer = json(&[
        "detect",
        "--format",
        "json",
        "sample-logs/clean-day/mail.log.gz",
    ]);
    assert_eq!(answer["findings"], serde_json::json!([]));
    assert_eq!(answer["coverage"]["unknown"], 0);
}

/// `queue_ids` name what `grep` counts: one line for each submission with the login.
#[test]
fn counts_add_up_against_the_truth_of_the_log() {
    for folder in ["clean-day", "root-compromise", "phished-partner"] {
        let path = format!("sample-logs/{folder}/mail.log.gz");
        let answer = json(&["messages", "--format", "json", &path]);
        let messages = answer["messages"].as_array().expect("a list");
        let counts = &truth(folder)["log_counts"];
        assert_eq!(
            messages.len() as u64,
            counts["distinct_queue_ids"],
            "{folder}"
        );
        let by_account = counts["sasl_submissions_by_account"].as_object().unwrap();
        for (account, expected) in by_account {
            let told = messages
                .iter()
                .filter(|m| m["origin"]["sasl_username"] == **account);
            assert_eq!(told.count() as u64, *expected, "{folder} {account}");
        }
    }
}

//! Real daemons' logs -> messages, held against the record of the program that sent the mail.
//!
//! Each folder of `tests/driver` has the log that Postfix wrote, and `accepted.jsonl`: what the sending side was told
//! (`250 2.0.0 Ok: queued as …`), with login, address, envelope. Both must tell the same, for every message.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use common::{json, subfolders};
use serde_json::Value;

/// Relations whose child is the same submission.
const SAME: [&str; 4] = ["reinjected", "forwarded", "resubmitted", "relayed"];

#[test]
fn every_message_is_as_its_sender_knows_it() {
    let cases = subfolders(Path::new("tests/driver"));
    assert!(cases.len() >= 6, "{cases:?}");
    for case in cases {
        let accepted = accepted(&case);
        let messages = messages(&logs(&case));
        let faults = differences(&messages, &accepted);
        assert!(faults.is_empty(), "{}: {faults:#?}", case.display());
        let faults = against_the_lines(&messages, &text(&case));
        assert!(faults.is_empty(), "{}: {faults:#?}", case.display());
    }
}

#[test]
fn a_wrong_record_is_noticed() {
    let case = Path::new("tests/driver/content-filter-without-xforward");
    let messages = messages(&logs(case));
    let mut changed = accepted(case);
    changed[0]["sasl_username"] = "nobody@example.com".into();
    changed[1]["client_ip"] = "192.0.2.1".into();
    changed[2]["from"] = "x@example.com".into();
    changed[3]["to"] = serde_json::json!(["x@example.com"]);
    changed.remove(4);
    let faults = differences(&messages, &changed);
    assert_eq!(faults.len(), 5, "{faults:#?}");
}

/// C4, L8: what a log with its head or tail cut off still tells of a message is true, and known as a part.
#[test]
fn a_part_of_a_log_tells_nothing_wrong() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parts");
    std::fs::create_dir_all(&folder).expect("a folder for logs");
    let part = folder.join("mail.log");
    for case in subfolders(Path::new("tests/driver")) {
        let accepted = accepted(&case);
        let lines = text(&case);
        let n = lines.len();
        for (from, until) in [(n / 3, n), (0, n / 2), (n / 4, n * 3 / 4), (n - 40, n)] {
            std::fs::write(&part, lines[from..until].join("\n")).expect("a log can be written");
            let messages = messages(std::slice::from_ref(&part));
            let faults = more_than_the_record(&messages, &accepted);
            assert!(
                faults.is_empty(),
                "{} {from}..{until}: {faults:#?}",
                case.display()
            );
        }
    }
}

/// What the messages tell and the record does not.
fn more_than_the_record(messages: &[Value], accepted: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    for message in messages.iter().filter(|message| is_submission(message)) {
        let origin = &message["origin"];
        let is_it = |record: &&Value| {
            record["queue_id"] == message["queue_id"]
                && record["sasl_username"] == origin["sasl_username"]
                && record["client_ip"] == origin["client_ip"]
                && (message["from"].is_null() || message["from"] == record["from"])
                && recipients(message).is_subset(&words(&record["to"]))
        };
        let through_filter = origin["client_ip"] == "127.0.0.1";
        let from_next_door = origin["client_ip"] == "192.168.77.2";
        if !through_filter && !from_next_door && !accepted.iter().any(|r| is_it(&r)) {
            faults.push(message.to_string());
        }
    }
    faults
}

fn logs(case: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(case).expect("a folder");
    let mut logs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    logs.sort();
    logs
}

fn text(case: &Path) -> Vec<String> {
    let mut text = String::new();
    for log in logs(case) {
        let file = std::fs::File::open(log).expect("the log is there");
        flate2::read::MultiGzDecoder::new(file)
            .read_to_string(&mut text)
            .expect("a whole log of UTF-8");
    }
    text.lines().map(str::to_owned).collect()
}

fn accepted(case: &Path) -> Vec<Value> {
    let file = std::fs::File::open(case.join("accepted.jsonl")).expect("the record is there");
    let lines = BufReader::new(file).lines();
    let lines = lines.map(|line| line.expect("a line of the record"));
    lines
        .map(|line| serde_json::from_str(&line).expect("a line of JSON"))
        .collect()
}

fn messages(logs: &[PathBuf]) -> Vec<Value> {
    let mut arguments = vec!["messages", "--format", "json"];
    arguments.extend(logs.iter().map(|log| log.to_str().expect("a plain name")));
    let answer = json(&arguments);
    answer["messages"].as_array().expect("a list").clone()
}

/// True for what was handed in from outside: not the copy of a filter, an alias or the next server.
fn is_submission(message: &Value) -> bool {
    let relation = message["parent"]["relation"].as_str();
    message["origin"]["kind"] == "smtpd" && !relation.is_some_and(|word| SAME.contains(&word))
}

/// Where messages and record tell different things.
fn differences(messages: &[Value], accepted: &[Value]) -> Vec<String> {
    let mut by_queue_id: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for message in messages.iter().filter(|message| is_submission(message)) {
        let queue_id = message["queue_id"].as_str().expect("a queue ID");
        by_queue_id.entry(queue_id).or_default().push(message);
    }
    let mut faults = Vec::new();
    for record in accepted {
        let queue_id = record["queue_id"].as_str().expect("a queue ID");
        // Short queue IDs are used again: the record is in the order of time, as the messages are.
        let found = by_queue_id.get_mut(queue_id);
        let Some(message) = found.filter(|list| !list.is_empty()) else {
            faults.push(format!("{queue_id}: not told"));
            continue;
        };
        let message = message.remove(0);
        let origin = &message["origin"];
        let told = [
            ("login", &origin["sasl_username"], &record["sasl_username"]),
            ("client", &origin["client_ip"], &record["client_ip"]),
            ("sender", &message["from"], &record["from"]),
        ];
        for (what, told, is) in told {
            if told != is {
                faults.push(format!("{queue_id}: {what} {told}, not {is}"));
            }
        }
        let (told, is) = (recipients(message), words(&record["to"]));
        if told != is {
            faults.push(format!("{queue_id}: recipients {told:?}, not {is:?}"));
        }
    }
    let rest = by_queue_id.values().flatten();
    faults.extend(rest.map(|message| format!("{}: nobody sent it", message["queue_id"])));
    faults
}

/// Recipients as the sender named them.
fn recipients(message: &Value) -> BTreeSet<String> {
    let recipients = message["recipients"].as_array().expect("a list").iter();
    let named = recipients.map(|r| {
        let orig_to = r["orig_to"].as_str();
        orig_to.or(r["to"].as_str()).expect("a recipient")
    });
    named.map(str::to_lowercase).collect()
}

fn words(list: &Value) -> BTreeSet<String> {
    let words = list.as_array().expect("a list").iter();
    words
        .map(|word| word.as_str().expect("a text").to_lowercase())
        .collect()
}

/// Notifications with their parents, and the last status of every recipient, as the plain lines tell them.
fn against_the_lines(messages: &[Value], lines: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut told: BTreeSet<(String, String)> = BTreeSet::new();
    let mut attempts: BTreeMap<(String, String), u64> = BTreeMap::new();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for message in messages {
        let parent = &message["parent"];
        if parent.is_object() && !SAME.contains(&word(&parent["relation"]).as_str()) {
            told.insert((word(&parent["queue_id"]), word(&message["queue_id"])));
        }
        for recipient in message["recipients"].as_array().expect("a list") {
            let key = (word(&message["queue_id"]), word(&recipient["to"]));
            *attempts.entry(key).or_default() += recipient["attempts"].as_u64().expect("a number");
            if recipient["status"] == "unknown" {
                faults.push(format!("{message}: a recipient of unknown status"));
            }
        }
    }
    let mut notified: BTreeSet<(String, String)> = BTreeSet::new();
    let mut tried: BTreeMap<(String, String), u64> = BTreeMap::new();
    for line in lines {
        let Some((_, text)) = line.split_once("]: ") else {
            continue;
        };
        if let Some((parent, child)) = text.split_once(": sender non-delivery notification: ") {
            notified.insert((parent.to_owned(), child.to_owned()));
        }
        if let Some((queue_id, rest)) = text.split_once(": to=<")
            && let Some((to, rest)) = rest.split_once('>')
            && rest.contains(" status=")
        {
            let key = (queue_id.to_owned(), to.to_owned());
            *tried.entry(key).or_default() += 1;
        }
    }
    if told != notified {
        let wrong = told.symmetric_difference(&notified);
        faults.extend(wrong.map(|pair| format!("notification {pair:?}")));
    }
    if attempts != tried {
        faults.push(format!(
            "{} recipients tried, not {}",
            attempts.len(),
            tried.len()
        ));
    }
    faults
}

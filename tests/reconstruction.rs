//! Log -> messages: each folder of `tests/reconstruction` is what real logs do to a message, named after its mark.

mod common;

use std::collections::VecDeque;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use common::{check_expected, subfolders};
use mailsleuth::answer::message_record::Messages;
use mailsleuth::correlate::{Correlator, Lineage, Message};
use mailsleuth::options::Options;
use mailsleuth::read;
use serde_json::{Map, Value, json};

/// The marks of the list of what real logs do to a message: none is without a case.
const MARKS: [&str; 50] = [
    "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "T13", "T14", "T15",
    "C1", "C2", "C3", "C4", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "L1", "L2", "L3", "L4", "L5",
    "L6", "L7", "L8", "L9", "L10", "L11", "L12", "L13", "L14", "L15", "L16", "V1", "V2", "V3",
    "V4", "V5", "V6", "V7", "R",
];

#[test]
fn every_mark_has_a_case() {
    let cases = subfolders(Path::new("tests/reconstruction"));
    let names: Vec<String> = cases
        .iter()
        .filter_map(|case| Some(case.file_name()?.to_str()?.to_owned()))
        .collect();
    for mark in MARKS {
        let has_case = names
            .iter()
            .any(|name| name.split('-').any(|part| part == mark));
        assert!(has_case, "{mark}");
    }
}

#[test]
fn every_case_gives_the_messages_that_were() {
    let cases = subfolders(Path::new("tests/reconstruction"));
    assert!(cases.len() >= 55, "{}", cases.len());
    for case in cases {
        let answer = reconstruct_all(&logs(&case));
        check_expected(&case.join("expected.json"), &Value::Array(answer));
    }
}

/// L15, P7: daemons write at the same time, so that only the lines of one process have an order.
#[test]
fn another_order_within_a_second_gives_the_same_messages() {
    let cases = subfolders(Path::new("tests/reconstruction"));
    let mut logs: Vec<PathBuf> = cases.iter().map(|case| case.join("mail.log")).collect();
    for sample in ["clean-day", "phished-partner", "root-compromise"] {
        logs.push(format!("sample-logs/{sample}/mail.log.gz").into());
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shuffled");
    std::fs::create_dir_all(&folder).expect("a folder for shuffled logs");
    let mut n_changed = 0;
    for log in &logs {
        let text = text(log);
        let expected = sorted(reconstruct(log));
        for seed in 1..=5 {
            let shuffled = shuffle(&text, seed);
            n_changed += usize::from(shuffled != text);
            let path = folder.join("mail.log");
            // The clock takes the year of a traditional stamp from the file's own time.
            std::fs::write(&path, &shuffled).expect("a shuffled log can be written");
            let answer = sorted(reconstruct(&path));
            assert!(
                answer == expected,
                "{} with seed {seed}: {:#?}\n{}",
                log.display(),
                differences(&expected, &answer),
                shuffled.get(..4000).unwrap_or(&shuffled),
            );
        }
    }
    assert!(n_changed > 100, "only {n_changed} logs changed their order");
}

/// P7: the logs of several hosts, in whichever order they are named or mixed, tell the same.
#[test]
fn several_hosts_give_the_same_messages_in_any_order() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hosts");
    std::fs::create_dir_all(&folder).expect("a folder for logs");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a log can be written");
        path
    };
    let case = Path::new("tests/reconstruction/two-hosts-one-hands-on-to-the-next/mail.log");
    let both = text(case);
    let of_host = |host: &str| -> String {
        let lines = both.split_inclusive('\n');
        let its = lines.filter(|line| line.split(' ').nth(1) == Some(host));
        its.collect()
    };
    let (gate, store) = (
        write("gate.log", &of_host("gate")),
        write("store.log", &of_host("store")),
    );
    let expected = sorted(reconstruct(case));
    assert!(expected.iter().any(|message| message.contains("relayed")));
    assert_eq!(
        sorted(reconstruct_all(&[gate.clone(), store.clone()])),
        expected
    );
    assert_eq!(sorted(reconstruct_all(&[store, gate])), expected);

    // Two servers that have nothing to do with each other, one after the other and line by line.
    let first = text(Path::new(
        "tests/reconstruction/L6-deferred-then-expired/mail.log",
    ));
    let second = text(Path::new(
        "tests/reconstruction/T3-filter-with-xforward/mail.log",
    ));
    let second = second.replace(" mail ", " other ");
    let mut mixed: Vec<&str> = first.lines().chain(second.lines()).collect();
    mixed.sort_by_key(|line| line.get(..25).map(str::to_owned));
    let mixed = write("mixed.log", &mixed.join("\n"));
    let (first, second) = (write("first.log", &first), write("second.log", &second));
    let mut apart = reconstruct(&first);
    apart.extend(reconstruct(&second));
    let apart = sorted(apart);
    assert_eq!(sorted(reconstruct(&mixed)), apart);
    assert_eq!(
        sorted(reconstruct_all(&[first.clone(), second.clone()])),
        apart
    );
    assert_eq!(sorted(reconstruct_all(&[second, first])), apart);
}

/// All logs of a case.
fn logs(case: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(case).expect("a case is a folder");
    let paths = files.map(|file| file.expect("a file of the case").path());
    let mut logs: Vec<PathBuf> = paths
        .filter(|path| !path.ends_with("expected.json"))
        .collect();
    logs.sort();
    logs
}

/// The messages of a log, abridged to what decides their stories.
fn reconstruct(log: &Path) -> Vec<Value> {
    reconstruct_all(&[log.to_owned()])
}

fn reconstruct_all(logs: &[PathBuf]) -> Vec<Value> {
    let options = Options {
        paths: logs.to_owned(),
        timezone: Some("UTC".to_owned()),
        ..Options::default()
    };
    let mut correlator = Correlator::new(true);
    let mut list: Vec<Message> = Vec::new();
    let input = read::discover(&options);
    read::read(&options, input, &AtomicU64::new(0), &mut |record, _| {
        correlator.observe(record);
        list.extend(correlator.take_finished().0);
        ControlFlow::Continue(())
    })
    .expect("the log can be read");
    let (rest, told) = correlator.finish();
    list.extend(rest);
    let lineage = Lineage::new(told.n_messages, &told.links);
    let messages = Messages::new(list, lineage, told.strings);
    let list = messages.list.iter();
    list.map(|message| {
        let record = messages.record(message, &[]);
        let record = serde_json::to_value(record).expect("a record is JSON");
        brief(message, &record)
    })
    .collect()
}

fn brief(message: &Message, record: &Value) -> Value {
    let recipients = record["recipients"].as_array().expect("a list").iter();
    let recipients: Vec<Value> = recipients
        .zip(&message.recipients)
        .map(|(r, recipient)| {
            let mut brief =
                json!({ "to": r["to"], "status": r["status"], "attempts": r["attempts"] });
            // Only a step: the delivery is the child's.
            if recipient.is_hop {
                brief["hop"] = true.into();
            }
            brief
        })
        .collect();
    let mut brief = Map::new();
    for field in ["instance", "queue_id", "state", "complete", "from"] {
        brief.insert(field.to_owned(), record[field].clone());
    }
    if !record["incomplete"].is_null() {
        brief.insert("incomplete".to_owned(), record["incomplete"].clone());
    }
    let origin = &record["origin"];
    for field in ["kind", "sasl_username", "client_ip"] {
        brief.insert(field.to_owned(), origin[field].clone());
    }
    brief.insert("recipients".to_owned(), Value::Array(recipients));
    let parent = &record["parent"];
    let parent = (!parent.is_null()).then(|| json!([parent["relation"], parent["queue_id"]]));
    brief.insert("parent".to_owned(), parent.unwrap_or(Value::Null));
    brief.insert("accepted".to_owned(), message.was_accepted().into());
    let n_events = record["events"].as_array().map_or(0, Vec::len);
    brief.insert("lines".to_owned(), n_events.into());
    Value::Object(brief)
}

/// Recipients and messages without the order in which the log told them, and without the number of lines.
///
/// A milter's verdict that comes before the first line of its message is not in the message's timeline: that text
/// opens no message. It should be there.
fn sorted(mut messages: Vec<Value>) -> Vec<String> {
    for message in &mut messages {
        message["lines"].take();
        let recipients = message["recipients"].as_array_mut().expect("a list");
        recipients.sort_by_key(Value::to_string);
    }
    let mut texts: Vec<String> = messages.iter().map(Value::to_string).collect();
    texts.sort();
    texts
}

fn differences<'a>(expected: &'a [String], answer: &'a [String]) -> Vec<(&'static str, &'a str)> {
    let only_in = |name, these: &'a [String], those: &'a [String]| {
        let these = these.iter().filter(|text| !those.contains(text));
        these.map(move |text| (name, text.as_str())).take(5)
    };
    let lost = only_in("lost", expected, answer);
    lost.chain(only_in("new", answer, expected)).collect()
}

fn text(log: &Path) -> String {
    let bytes = std::fs::read(log).expect("the log is there");
    if log.extension().is_some_and(|extension| extension == "gz") {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(&*bytes)
            .read_to_string(&mut text)
            .expect("a whole log of UTF-8");
        return text;
    }
    String::from_utf8(bytes).expect("a log of UTF-8")
}

/// Deals the lines of each second out anew; those of one process keep their order.
fn shuffle(text: &str, seed: u64) -> String {
    let mut random = seed;
    let mut shuffled = String::with_capacity(text.len());
    let lines: Vec<&str> = text.lines().collect();
    for second in lines.chunk_by(|a, b| second(a) == second(b)) {
        let mut processes: Vec<(&str, VecDeque<&str>)> = Vec::new();
        for line in second {
            let process = process(line);
            match processes.iter_mut().find(|(name, _)| *name == process) {
                Some((_, lines)) => lines.push_back(line),
                None => processes.push((process, VecDeque::from([*line]))),
            }
        }
        while !processes.is_empty() {
            // Knuth's constants for a linear congruential generator.
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let index = (random >> 33) as usize % processes.len();
            let line = processes[index].1.pop_front().expect("none is left empty");
            shuffled.push_str(line);
            shuffled.push('\n');
            if processes[index].1.is_empty() {
                processes.swap_remove(index);
            }
        }
    }
    shuffled
}

/// `Mar  4 08:00:00` or `2024-03-04T08:00:00`.
fn second(line: &str) -> &str {
    let length = if line.starts_with("20") { 19 } else { 15 };
    line.get(..length).unwrap_or(line)
}

/// `postfix/smtpd[10]:`, the word after stamp and host.
fn process(line: &str) -> &str {
    let n_before = if line.starts_with("20") { 2 } else { 4 };
    line.split_ascii_whitespace()
        .nth(n_before)
        .unwrap_or_default()
}

//! Log -> messages: each folder of `tests/reconstruction` is what real logs do to a message, named after its mark.

mod common;

use std::path::Path;

use common::{check_expected, json, subfolders};
use serde_json::{Map, Value, json};

#[test]
fn every_case_gives_the_messages_that_were() {
    let cases = subfolders(Path::new("tests/reconstruction"));
    assert!(cases.len() >= 20, "{}", cases.len());
    for case in cases {
        let log = case.join("mail.log");
        let answer = json(&["messages", "--format", "json", &log.to_string_lossy()]);
        let messages = answer["messages"].as_array().expect("a list");
        let brief: Vec<Value> = messages.iter().map(brief).collect();
        check_expected(&case.join("expected.json"), &Value::Array(brief));
    }
}

/// What decides a message's story, without ids and times.
fn brief(message: &Value) -> Value {
    let recipients = message["recipients"].as_array().expect("a list").iter();
    let recipients: Vec<Value> = recipients
        .map(|r| json!({ "to": r["to"], "status": r["status"], "attempts": r["attempts"] }))
        .collect();
    let mut brief = Map::new();
    for field in ["instance", "queue_id", "state", "complete", "from"] {
        brief.insert(field.to_owned(), message[field].clone());
    }
    let origin = &message["origin"];
    for field in ["kind", "sasl_username", "client_ip"] {
        brief.insert(field.to_owned(), origin[field].clone());
    }
    brief.insert("recipients".to_owned(), Value::Array(recipients));
    let parent = &message["parent"];
    let parent = (!parent.is_null()).then(|| json!([parent["relation"], parent["queue_id"]]));
    brief.insert("parent".to_owned(), parent.unwrap_or(Value::Null));
    let n_events = message["events"].as_array().map_or(0, Vec::len);
    brief.insert("lines".to_owned(), n_events.into());
    Value::Object(brief)
}

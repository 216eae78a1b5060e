//! One message's life for people: who handed it in, to whom, what became of it, and its lines.

use std::collections::BTreeMap;

use crate::answer::message_record::{MessageRecord, Messages};
use crate::answer::{Block, Document, Table};
use crate::correlate::{EventSeen, Message};
use crate::mail::LineRef;

/// Lines shown of a message: all of an ordinary life; of a long wait the beginning and the end.
const N_FIRST: usize = 20;
const N_LAST: usize = 10;

/// The lines that [`add`] quotes.
pub(super) fn shown_events(message: &Message) -> impl Iterator<Item = &EventSeen> {
    let n_events = message.events.len();
    let is_shown = move |index: usize| index < N_FIRST || index + N_LAST >= n_events;
    let indexed = message.events.iter().enumerate();
    indexed
        .filter(move |(index, _)| is_shown(*index))
        .map(|(_, seen)| seen)
}

/// Adds a message; `depth` is its generation in the family.
pub(super) fn add(
    document: &mut Document,
    messages: &Messages,
    message: &Message,
    depth: usize,
    texts: &BTreeMap<LineRef, String>,
    names: &[String],
) {
    let record = messages.record(message, names);
    let relation = record.parent.as_ref().map_or(String::new(), |parent| {
        format!(
            "{}{} of {}: ",
            "  ".repeat(depth.saturating_sub(1)),
            parent.relation,
            parent.queue_id
        )
    });
    document.heading(format!(
        "{relation}{} on {}: {}",
        record.queue_id, record.host, record.state
    ));
    document.paragraph(story(&record));
    document.table(recipients(&record));
    let quoted = shown_events(message).map(|seen| {
        let name = names.get(seen.at.file as usize).map_or("", String::as_str);
        let text = texts
            .get(&seen.at)
            .map_or("(not read again)", String::as_str);
        (
            format!("{name}:{} {}", seen.at.line, seen.event),
            text.to_owned(),
        )
    });
    document.blocks.push(Block::Quote(quoted.collect()));
    let hidden = message.events.len() - shown_events(message).count();
    if hidden > 0 {
        document.paragraph(format!(
            "({hidden} lines between them are not shown; --format json has all.)"
        ));
    }
}

/// Who did what, in plain words.
fn story(record: &MessageRecord) -> String {
    let origin = &record.origin;
    let client = match (&origin.client_name, &origin.client_ip) {
        (Some(name), Some(ip)) => format!("{name} [{ip}]"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => "an unknown client".to_owned(),
    };
    let when = record.first_seen.for_people();
    let how = match (origin.kind, &origin.sasl_username) {
        (_, Some(login)) => format!("Handed in at {when} by {client} with the login {login}"),
        ("smtpd", None) => format!("Handed in at {when} by {client} without a login"),
        ("pickup", _) => {
            let uid = origin
                .uid
                .map_or(String::new(), |uid| format!(" by uid {uid}"));
            format!("Handed in at {when} on this host{uid} (sendmail), without a login")
        }
        ("bounce", _) => format!("Made by this server at {when} to report on another message"),
        ("forward", _) => format!("Made by this server at {when} for an alias or a .forward file"),
        ("reinjected", _) => format!("Came back from a content filter at {when}"),
        _ => format!("First seen at {when}; how it came in is not in these logs"),
    };
    let from = match record.from.as_deref() {
        Some("") => ", null sender".to_owned(),
        Some(from) => format!(", from {from}"),
        None => String::new(),
    };
    let size = record
        .size
        .map_or(String::new(), |size| format!(", {size} bytes"));
    let missing = if record.complete {
        ""
    } else {
        " These logs do not hold its whole life."
    };
    format!("{how}{from}{size}.{missing}")
}

fn recipients(record: &MessageRecord) -> Table {
    let rows = record.recipients.iter().map(|recipient| {
        let relay = recipient.relay_name.clone().unwrap_or_default();
        let dsn = recipient.dsn.clone().unwrap_or_default();
        vec![
            recipient.to.clone(),
            recipient.status.to_owned(),
            dsn,
            recipient.attempts.to_string(),
            recipient.last_attempt.for_people(),
            relay,
        ]
    });
    Table {
        head: vec!["to", "status", "dsn", "tries", "last try", "relay"],
        rows: rows.collect(),
        numbers: vec![3],
    }
}

//! One message's life for people: who handed it in, to whom, what became of it, line by line.

use std::collections::BTreeMap;

use super::words::words;
use crate::answer::message_record::{EventLine, MessageRecord, Messages};
use crate::answer::{Block, Document, Table};
use crate::correlate::{EventSeen, Message};
use crate::knowledge::postcat::QueueFile;
use crate::mail::LineRef;
use crate::parse;
use crate::syslog;

/// Lines shown of a message: all of an ordinary life; of a long wait the beginning and the end.
const N_FIRST: usize = 20;
const N_LAST: usize = 10;

/// What a timeline is told from.
pub(super) struct Sources<'a> {
    pub(super) messages: &'a Messages,
    /// Texts of the lines, read again.
    pub(super) texts: &'a BTreeMap<LineRef, String>,
    pub(super) file_names: &'a [String],
    /// Show the raw lines instead of words.
    pub(super) raw_lines: bool,
}

/// The lines that [`add`] tells of.
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
    sources: &Sources<'_>,
    message: &Message,
    depth: usize,
    queue_file: Option<&QueueFile>,
) {
    let record = sources.messages.record(message, sources.file_names);
    let relation = record.parent.as_ref().map_or(String::new(), |parent| {
        let branch = format!("{}└ ", "  ".repeat(depth.saturating_sub(1)));
        format!("{branch}{} of {}: ", parent.relation, parent.queue_id)
    });
    document.heading(format!(
        "{relation}{} on {}: {}",
        record.queue_id, record.host, record.state
    ));
    document.paragraph(story(&record));
    if let Some(file) = queue_file {
        document.list(facts_of(file));
    }
    document.table(recipients(&record));
    if sources.raw_lines {
        document.blocks.push(Block::Quote(quoted(sources, message)));
    } else {
        document.table(lines(sources, message));
    }
    let hidden = message.events.len() - shown_events(message).count();
    if hidden > 0 {
        document.paragraph(format!(
            "({hidden} lines between them are not shown; --format json has all.)"
        ));
    }
}

/// What a queue file alone tells of a message that the logs do not know.
pub(super) fn add_unknown(document: &mut Document, file: &QueueFile) {
    document.heading(format!("{}: only its queue file is known", file.queue_id));
    document.paragraph("None of these logs has a line of this queue ID.");
    document.list(facts_of(file));
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
    let arrival = record.arrival.map_or(String::new(), |arrival| {
        format!(
            " The logs begin after it arrived: the delay of its deliveries puts that at {}.",
            arrival.for_people()
        )
    });
    let missing: String = record
        .incomplete
        .iter()
        .filter(|lack| **lack != "no_beginning" || record.arrival.is_none())
        .map(|lack| match *lack {
            "no_beginning" => " The logs do not hold its beginning.",
            "still_queued" => " It still waited where the logs end.",
            "never_queued" => " It was never seen in the queue: whoever handed it in broke off.",
            "queue_id_used_again" => {
                " The logs do not hold its end; later its queue ID is another message's."
            }
            _ => " The logs do not hold its end.",
        })
        .collect();
    format!("{how}{from}{size}.{arrival}{missing}")
}

/// The queue file's envelope, a fact a line.
fn facts_of(file: &QueueFile) -> Vec<String> {
    let mut facts = Vec::new();
    let mut add = |what: &str, value: &Option<String>| {
        if let Some(value) = value {
            facts.push(format!("queue file: {what} {value}"));
        }
    };
    add("SASL login", &file.sasl_username);
    add("SASL method", &file.sasl_method);
    add("client address", &file.client_ip);
    add("client name", &file.client_name);
    add("HELO", &file.helo);
    add("envelope sender", &file.from);
    add("arrived", &file.message_arrival_time);
    if !file.to.is_empty() {
        facts.push(format!("queue file: still to {}", file.to.join(", ")));
    }
    facts
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

/// Time, time since the line before, and what the line says.
fn lines(sources: &Sources<'_>, message: &Message) -> Table {
    let mut before = None;
    let mut rows = Vec::new();
    for seen in shown_events(message) {
        let text = sources.texts.get(&seen.at).map_or("", String::as_str);
        let header = syslog::header(text);
        let told = words(&parse::event(header.program, header.text));
        let gap = before.map_or(String::new(), |before| gap(seen.timestamp.micros - before));
        before = Some(seen.timestamp.micros);
        rows.push(vec![
            seen.timestamp.for_people(),
            gap,
            seen.at.line.to_string(),
            if told.is_empty() {
                seen.event.to_owned()
            } else {
                told
            },
        ]);
    }
    Table {
        head: vec!["time", "after", "line", "what happened"],
        rows,
        numbers: vec![1, 2],
    }
}

fn quoted(sources: &Sources<'_>, message: &Message) -> Vec<(String, String)> {
    let record = sources.messages.record(message, sources.file_names);
    let shown = shown_events(message).map(|seen| seen.at);
    let places = record.events.iter().zip(&message.events);
    let places: BTreeMap<LineRef, &EventLine> =
        places.map(|(line, seen)| (seen.at, line)).collect();
    shown
        .filter_map(|at| {
            let line = places.get(&at)?;
            let text = sources
                .texts
                .get(&at)
                .map_or("(not read again)", String::as_str);
            Some((format!("{}:{}", line.file, line.line), text.to_owned()))
        })
        .collect()
}

/// `1.2 s`, `5 min`, `26 h`; nothing for lines of the same moment.
fn gap(micros: i64) -> String {
    let seconds = micros as f64 / 1e6;
    match seconds {
        s if s.abs() < 0.05 => String::new(),
        s if s.abs() < 60.0 => format!("{s:.1} s"),
        s if s.abs() < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s.abs() < 48.0 * 3600.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_short() {
        assert_eq!(gap(0), "");
        assert_eq!(gap(1_200_000), "1.2 s");
        assert_eq!(gap(300_000_000), "5 min");
        assert_eq!(gap(26 * 3_600_000_000), "26 h");
        assert_eq!(gap(-3_000_000), "-3.0 s");
    }
}

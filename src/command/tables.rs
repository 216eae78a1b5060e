//! Messages and deliveries as tables: what a row shows to people, and the columns of a spreadsheet.

use super::story::Story;
use crate::answer::message_record::MessageRecord;
use crate::answer::{Document, Table};
use crate::render::Column;

/// The columns of `messages --format csv`.
pub(super) const MESSAGE_COLUMNS: &[Column] = &[
    ("id", "/id"),
    ("host", "/host"),
    ("instance", "/instance"),
    ("queue_id", "/queue_id"),
    ("first_seen", "/first_seen"),
    ("last_seen", "/last_seen"),
    ("origin", "/origin/kind"),
    ("client_name", "/origin/client_name"),
    ("client_ip", "/origin/client_ip"),
    ("sasl_method", "/origin/sasl_method"),
    ("sasl_username", "/origin/sasl_username"),
    ("message_id", "/message_id"),
    ("from", "/from"),
    ("size", "/size"),
    ("nrcpt", "/nrcpt"),
    ("state", "/state"),
    ("complete", "/complete"),
    ("parent", "/parent/queue_id"),
    ("relation", "/parent/relation"),
];

/// The columns of `messages --deliveries --format csv`.
pub(super) const DELIVERY_COLUMNS: &[Column] = &[
    ("id", "/id"),
    ("host", "/host"),
    ("queue_id", "/queue_id"),
    ("first_seen", "/first_seen"),
    ("client_ip", "/client_ip"),
    ("sasl_username", "/sasl_username"),
    ("from", "/from"),
    ("to", "/to"),
    ("orig_to", "/orig_to"),
    ("status", "/status"),
    ("dsn", "/dsn"),
    ("relay_name", "/relay_name"),
    ("relay_ip", "/relay_ip"),
    ("provider", "/provider"),
    ("attempts", "/attempts"),
    ("first_attempt", "/first_attempt"),
    ("last_attempt", "/last_attempt"),
    ("delay", "/delay"),
    ("reason", "/reason"),
];

/// A row for each message.
pub(super) fn messages(story: &Story, chosen: &[u32]) -> Document {
    let messages = chosen
        .iter()
        .filter_map(|number| story.messages.find(*number));
    let records = messages.map(|message| story.messages.record(message, &[]));
    let rows: Vec<Vec<String>> = records.map(|record| message_row(&record)).collect();
    let mut document = Document::default();
    document.paragraph(format!("{} messages", rows.len()));
    document.table(Table {
        head: vec![
            "first seen",
            "queue ID",
            "from",
            "to",
            "state",
            "login",
            "client",
        ],
        rows,
        numbers: Vec::new(),
    });
    document
}

/// A row for each recipient.
pub(super) fn deliveries(story: &Story, chosen: &[u32]) -> Document {
    let messages = chosen
        .iter()
        .filter_map(|number| story.messages.find(*number));
    let records = messages.flat_map(|message| story.messages.deliveries(message));
    let rows = records.map(|record| {
        let recipient = record.recipient;
        vec![
            recipient.last_attempt.for_people(),
            record.queue_id,
            recipient.to,
            recipient.status.to_owned(),
            recipient.attempts.to_string(),
            recipient.provider.unwrap_or_default(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut document = Document::default();
    document.paragraph(format!("{} deliveries", rows.len()));
    document.table(Table {
        head: vec!["last try", "queue ID", "to", "status", "tries", "provider"],
        rows,
        numbers: vec![4],
    });
    document
}

fn message_row(record: &MessageRecord) -> Vec<String> {
    let to = match record.recipients.as_slice() {
        [] => record.nrcpt.map(|n| format!("({n})")).unwrap_or_default(),
        [one] => one.to.clone(),
        [first, rest @ ..] => format!("{} +{}", first.to, rest.len()),
    };
    let from = record.from.as_deref().map(|from| match from {
        "" => "<>",
        from => from,
    });
    vec![
        record.first_seen.for_people(),
        record.queue_id.clone(),
        from.unwrap_or("?").to_owned(),
        to,
        record.state.to_owned(),
        record.origin.sasl_username.clone().unwrap_or_default(),
        record.origin.client_ip.clone().unwrap_or_default(),
    ]
}

//! Since when and how long: no reason by itself, but what is asked first.

use hashbrown::HashMap;
use serde_json::json;

use crate::detect::compromised_account::account::Account;
use crate::detect::compromised_account::misuse::Misuse;
use crate::detect::compromised_account::traffic::HOUR_MICROS;
use crate::detect::compromised_account::{DETECTOR, travel, words};
use crate::finding::Signal;
use crate::mail::Timestamp;

/// Envelope senders named; the rest is in the messages.
const N_SENDERS: usize = 20;

pub(super) fn signal(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let (first, last) = misuse.span();
    let first_message = misuse.submissions.first().map(|s| s.seen);
    let first_login = misuse.opened().next().map(|login| login.seen);
    let at = |micros: i64| Timestamp { micros, ..first };
    let owners: Vec<i64> = travel::uses(account)
        .into_iter()
        .filter(|one| !misuse.places.contains(&one.place))
        .map(|one| one.micros)
        .collect();
    let before = owners.iter().rev().find(|micros| **micros < first.micros);
    let dwell = (last.micros - first.micros) as f64 / HOUR_MICROS as f64;
    let owner = match before {
        Some(before) => format!(
            "the owner's last use before was at {}",
            at(*before).for_people()
        ),
        None => "no use by the owner is in the logs before".to_owned(),
    };
    let detail = format!(
        "used by somebody else from {} to {} ({}); {owner}",
        first.for_people(),
        last.for_people(),
        words::duration(dwell)
    );
    let text = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
    let facts = json!({
        "first_use": first.to_string(),
        "first_mailbox_login": text(first_login),
        "first_message": text(first_message),
        "last_use": last.to_string(),
        "dwell_hours": (dwell * 100.0).round() / 100.0,
        "owner_last_before": before.map(|micros| at(*micros).to_string()),
        "owner_last": owners.last().map(|micros| at(*micros).to_string()),
        "mailbox_logins": protocols(account, misuse),
        "senders": senders(account, misuse),
    });
    DETECTOR.signal("timeline", detail, without_nulls(facts))
}

/// How often the mailbox was opened, by protocol.
fn protocols(account: &Account<'_>, misuse: &Misuse<'_>) -> serde_json::Value {
    let mut counts = serde_json::Map::new();
    for login in misuse.opened() {
        let protocol = login
            .protocol
            .map_or("", |protocol| account.strings().get(protocol));
        let before = counts
            .get(protocol)
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0);
        counts.insert(protocol.to_owned(), json!(before + 1));
    }
    serde_json::Value::Object(counts)
}

/// The envelope senders, those with most messages first.
fn senders(account: &Account<'_>, misuse: &Misuse<'_>) -> Vec<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for from in misuse.submissions.iter().filter_map(|s| s.from) {
        *counts.entry(account.strings().get(from)).or_default() += 1;
    }
    let mut senders: Vec<(&str, usize)> = counts.into_iter().collect();
    senders.sort_unstable_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
    let senders = senders.into_iter().take(N_SENDERS);
    senders.map(|(sender, _)| sender.to_owned()).collect()
}

/// A field without a value is left out.
fn without_nulls(mut facts: serde_json::Value) -> serde_json::Value {
    if let Some(facts) = facts.as_object_mut() {
        facts.retain(|_, value| !value.is_null());
    }
    facts
}

//! Sendmail: sessions, messages and deliveries under its own queue IDs (`w1S9L7lZ012345`).

mod delivery;
mod refusal;
mod session;

use super::take;
use crate::event::{Event, NotificationKind, Submission};
use crate::mail::{Address, Client, QueueId};

/// Reads any line of sendmail(8), with or without a queue ID in front.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let (queue_id, rest) = match queue_id(text) {
        Some((queue_id, rest)) => (Some(queue_id), rest),
        // A session without a message has no ID yet.
        None => (None, text.strip_prefix("NOQUEUE: ").unwrap_or(text)),
    };
    if let Some(id) = queue_id
        && let Some(event) = message(id, rest)
    {
        return Some(event);
    }
    refusal::parse(queue_id, rest).or_else(|| session::parse(queue_id, rest))
}

/// Fourteen letters and digits: date, hour, minute, second, process.
fn queue_id(text: &str) -> Option<(QueueId<'_>, &str)> {
    let (word, rest) = take::split_at_text(text, ": ")?;
    let bytes = word.as_bytes();
    let is_id = (12..=16).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && bytes.iter().rev().take(5).all(u8::is_ascii_digit);
    is_id.then_some((QueueId(word), rest))
}

fn message<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    if let Some(rest) = text.strip_prefix("from=") {
        return sender(queue_id, rest);
    }
    if let Some(rest) = text.strip_prefix("to=") {
        return delivery::parse(queue_id, rest);
    }
    if text.starts_with("done; ") {
        return Some(Event::Removed {
            queue_id,
            how: None,
        });
    }
    notification(queue_id, text)
}

/// What follows `from=`: `<a@example.com>, size=1, class=0, nrcpts=1, msgid=<…>, …, relay=host [ip]`.
///
/// The sender chooses the Message-ID; what stands behind it is read from the end.
fn sender<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let (from, rest) = address_or_name(text)?;
    let (size, rest) = take::optional(rest, "size");
    let (_class, rest) = take::optional(rest, "class");
    let (_pri, rest) = take::optional(rest, "pri");
    let (nrcpts, rest) = take::optional(rest, "nrcpts");
    let message_id =
        take::separator(rest)
            .strip_prefix("msgid=")
            .map(|id| match take::address(id) {
                Some((id, _)) => id.0,
                None => take::split_at_byte(id, b',').map_or(id, |(id, _)| id),
            });
    let (front, relay) = take::split_at_last(rest, ", relay=").unwrap_or((rest, ""));
    let proto = take::split_at_last(front, ", proto=")
        .map(|(_, proto)| take::split_at_byte(proto, b',').map_or(proto, |(proto, _)| proto));
    // `relay=bob@localhost`: a user of this host called sendmail(8).
    let is_local = relay.contains('@') && !relay.contains('[');
    Some(Event::Client(Box::new(Submission {
        queue_id: Some(queue_id),
        client: match is_local {
            true => Client::default(),
            false => host(relay).unwrap_or_default(),
        },
        from: Some(from),
        message_id: message_id.filter(|id| !id.is_empty()),
        size: Some(size?.parse().ok()?),
        nrcpt: nrcpts.and_then(|nrcpts| nrcpts.parse().ok()),
        proto: proto.filter(|proto| take::is_word(proto)),
        is_local,
        ..Submission::default()
    })))
}

/// `NEW: DSN: User unknown`, `NEW: return to sender: …`, `NEW: sender notify: …`, `NEW: postmaster notify: …`.
fn notification<'a>(parent: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let (child, rest) = queue_id(text)?;
    let kinds = [
        ("DSN: Return receipt", NotificationKind::Success),
        ("return receipt", NotificationKind::Success),
        ("DSN: ", NotificationKind::Bounce),
        ("return to sender: ", NotificationKind::Bounce),
        ("sender notify: ", NotificationKind::Delay),
        ("postmaster notify: ", NotificationKind::Postmaster),
    ];
    let (_, kind) = kinds.iter().find(|(words, _)| rest.starts_with(words))?;
    Some(Event::Notification {
        queue_id: parent,
        kind: *kind,
        child: Some(child),
    })
}

/// `<a@example.com>`, or a local user's bare name.
fn address_or_name(text: &str) -> Option<(Address<'_>, &str)> {
    if text.starts_with('<') {
        return take::address(text);
    }
    // `to="|/usr/bin/vacation bob, x"`
    if text.starts_with('"')
        && let Some(end) = take::end_of_quoted(text.as_bytes())
    {
        return Some((Address(text.get(..end)?), text.get(end..)?));
    }
    let end = memchr::memchr(b',', text.as_bytes()).unwrap_or(text.len());
    Some((Address(text.get(..end)?), text.get(end..)?))
}

/// `,<c@x>,<d@x>`: what follows the first recipient of a line.
pub(super) fn recipients(text: &str) -> impl Iterator<Item = Address<'_>> + use<'_> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (address, after) = address_or_name(rest.strip_prefix(',')?)?;
        rest = after;
        Some(address)
    })
}

/// `host. [ip]`, `host [ip] (may be forged)`, `[ip]`.
fn host(text: &str) -> Option<Client<'_>> {
    let Some((name, rest)) = take::split_at_byte(text, b'[') else {
        return Some(Client {
            name: take::known(text.trim_end_matches('.')),
            ..Client::default()
        });
    };
    let (ip, _) = take::split_at_byte(rest, b']')?;
    let name = name.trim_end().trim_end_matches('.');
    let ip = ip.strip_prefix("IPv6:").unwrap_or(ip);
    (!name.contains(' ')).then_some(Client {
        name: take::known(name),
        ip: take::known(ip),
        port: None,
    })
}

#[cfg(test)]
mod tests;

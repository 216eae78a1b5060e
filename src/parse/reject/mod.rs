//! What smtpd(8), postscreen(8), cleanup(8) and milters refuse, hold, redirect: action, reason, who.

mod class;
mod tail;

use super::take;
use crate::event::{Event, Reject, RejectClass};
use crate::mail::{Client, EnhancedStatus, QueueId};

/// True for what `whatsup` can be in smtpd's `log_whatsup()`, postscreen and the milter code.
fn is_action(word: &str) -> bool {
    matches!(
        word,
        "reject"
            | "reject_warning"
            | "warn"
            | "hold"
            | "discard"
            | "redirect"
            | "filter"
            | "prepend"
            | "bcc"
            | "delay"
            | "permit"
            | "info"
            | "milter-reject"
            | "milter-hold"
            | "milter-discard"
            | "milter-quarantine"
            | "milter-warn"
            | "proxy-reject"
    )
}

/// `[QID: |NOQUEUE: ]reject: RCPT from host[ip]: 554 5.7.1 text; from=<> to=<> proto= helo=<>`.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let (queue_id, rest) = take::queue_id_if_any(text);
    action(queue_id, rest)
}

/// The text without `; from=<> to=<> …`, and those fields.
pub(super) fn tail(text: &str) -> (&str, Reject<'_>) {
    tail::split(text)
}

/// The same, when the queue ID is read already.
pub(super) fn action<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let (action, rest) = take::split_at_text(text, ": ")?;
    if !is_action(action) {
        return None;
    }
    let (stage, client, text) = match action {
        // A proxy's reply comes at once: the session is that of the lines around.
        "proxy-reject" => {
            let (stage, text) = take::split_at_text(rest, ": ")?;
            (stage, Client::default(), text)
        }
        _ => {
            let (stage, rest) = take::split_at_text(rest, " from ")?;
            let (client, rest) = take::client(rest)?;
            (stage, client, rest.strip_prefix(':')?.trim_start())
        }
    };
    if !take::is_word(stage) {
        return None;
    }
    let (text, tail) = tail::split(text);
    let (reply_code, text) = take::reply_code(text);
    let (dsn, reason) = take::enhanced_status(text);
    let (class, dnsbl) = class::of(reason);
    Some(Event::Reject(Box::new(Reject {
        queue_id,
        action,
        stage,
        client,
        reply_code,
        dsn,
        reason,
        content: None,
        class: by_action(action, reply_code, dsn, class),
        dnsbl,
        ..tail
    })))
}

/// cleanup(8): `reject: header Subject: … from host[ip]; from=<> to=<> proto= helo=<>: 5.7.1 text`.
pub(super) fn content_check<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let (action, rest) = take::split_at_text(text, ": ")?;
    let (stage, rest) = take::split_at_byte(rest, b' ')?;
    if !take::is_word(action)
        || !matches!(
            stage,
            "header" | "body" | "mime-header" | "nested-header" | "mime-error"
        )
    {
        return None;
    }
    let (content, client, text, tail) = tail::after_content(rest)?;
    let (dsn, reason) = take::enhanced_status(text);
    Some(Event::Reject(Box::new(Reject {
        queue_id,
        action,
        stage,
        client,
        dsn,
        reason,
        content: Some(content),
        class: RejectClass::Content,
        ..tail
    })))
}

/// A milter or a content filter refuses for reasons of its own, unless its words are known ones.
fn by_action(
    action: &str,
    reply_code: Option<u16>,
    dsn: Option<EnhancedStatus>,
    class: RejectClass,
) -> RejectClass {
    let is_filter = action.starts_with("milter") || action == "proxy-reject";
    if class != RejectClass::Other || !is_filter {
        return class;
    }
    let is_temporary =
        reply_code.is_some_and(|code| code < 500) || dsn.is_some_and(|dsn| dsn.class == 4);
    match is_temporary {
        true => RejectClass::Policy,
        false => RejectClass::Content,
    }
}

#[cfg(test)]
mod tests;

//! cleanup(8): a message's Message-ID, and what header checks, body checks and milters did.

use super::{delivery, reject, take};
use crate::event::Event;
use crate::mail::QueueId;

/// Reads a line about one message; `NOQUEUE` and no ID at all occur in old or broken logs.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let Some((queue_id, rest)) = take::queue_id(text) else {
        let rest = text.strip_prefix("NOQUEUE: ").unwrap_or(text);
        return reject::action(None, rest).or_else(|| reject::content_check(None, rest));
    };
    message_id(queue_id, rest)
        .or_else(|| reject::content_check(Some(queue_id), rest))
        .or_else(|| reject::action(Some(queue_id), rest))
        .or_else(|| rewritten(queue_id, rest))
        .or_else(|| milter(queue_id, rest))
        .or_else(|| delivery::recipient(queue_id, rest))
        .or_else(|| end(queue_id, rest))
}

/// `message-id=<…>`, `resent-message-id=<…>`: the client's text up to the end of the line.
fn message_id<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let (resent, id) = match text.strip_prefix("message-id=") {
        Some(id) => (false, id),
        None => (true, text.strip_prefix("resent-message-id=")?),
    };
    Some(Event::MessageId {
        queue_id,
        message_id: take::unbracketed(id),
        resent,
    })
}

/// smtp(8), too: `replace: header OLD: NEW`, without origin and tail.
pub(super) fn rewritten<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let actions = ["replace: ", "prepend: ", "strip: ", "info: ", "warning: "];
    let rest = actions
        .iter()
        .find_map(|action| text.strip_prefix(action))?;
    let is_check = rest.starts_with("header ") || rest.starts_with("body ");
    is_check.then_some(Event::Note {
        queue_id: Some(queue_id),
        client: None,
        text,
    })
}

/// `milter triggers …`, and what cleanup did for a milter.
fn milter<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let known = ["milter-replace-header: ", "milter-", "milter triggers "];
    known
        .iter()
        .any(|known| text.starts_with(known))
        .then_some(Event::Note {
            queue_id: Some(queue_id),
            client: None,
            text,
        })
}

/// Postfix 3.10: `canceled`, `removed (canceled)`: the client left before the end of its message.
fn end<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let how = match text {
        "canceled" | "discarded" => text,
        _ => text.strip_prefix("removed (")?.strip_suffix(')')?,
    };
    Some(Event::Removed {
        queue_id,
        how: Some(how),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids() {
        let check = |line: &str, message_id, resent| {
            let wanted = Event::MessageId {
                queue_id: QueueId("3FF7C4317"),
                message_id,
                resent,
            };
            assert_eq!(parse(line), Some(wanted), "{line}");
        };
        check(
            "3FF7C4317: message-id=<1@example.com>",
            "1@example.com",
            false,
        );
        check(
            "3FF7C4317: resent-message-id=<1@example.com>",
            "1@example.com",
            true,
        );
        check("3FF7C4317: message-id=<>", "", false);
        check("3FF7C4317: message-id=", "", false);
        check("3FF7C4317: message-id=2021 10:00", "2021 10:00", false);
        check("3FF7C4317: message-id=<cut off", "cut off", false);
        check(
            "3FF7C4317: message-id=<a> 3FF7C4318: removed>",
            "a> 3FF7C4318: removed",
            false,
        );
    }

    #[test]
    fn other_lines() {
        let removed = |how| Event::Removed {
            queue_id: QueueId("3FF7C4317"),
            how: Some(how),
        };
        assert_eq!(parse("3FF7C4317: canceled"), Some(removed("canceled")));
        assert_eq!(
            parse("3FF7C4317: removed (discarded)"),
            Some(removed("discarded"))
        );
        assert!(matches!(
            parse("3FF7C4317: replace: header X: 1: X: 2"),
            Some(Event::Note {
                queue_id: Some(_),
                client: None,
                ..
            })
        ));
        assert_eq!(parse("3FF7C4317: something new"), None);
        assert_eq!(parse("message-id=<x>"), None);
    }
}

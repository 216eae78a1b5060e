//! qmgr(8): a message becomes active, expires, is removed; some recipients are deferred at once.

use super::{delivery, take};
use crate::event::Event;
use crate::mail::{Address, QueueId};

/// Reads a line about one message.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let (queue_id, rest) = take::queue_id(text)?;
    match rest.as_bytes().first()? {
        b'f' => sender(queue_id, rest.strip_prefix("from=<")?),
        b't' => delivery::recipient(queue_id, rest),
        b'r' if rest.starts_with("removed") => removed(queue_id, rest),
        b'c' => (rest == "canceled").then_some(Event::Removed {
            queue_id,
            how: Some(rest),
        }),
        _ => note(queue_id, rest),
    }
}

/// `removed`; since Postfix 3.10 also `removed (canceled)`, `removed (discarded)`.
fn removed<'a>(queue_id: QueueId<'a>, rest: &'a str) -> Option<Event<'a>> {
    let how = rest.strip_prefix("removed")?;
    if how.is_empty() {
        return Some(Event::Removed {
            queue_id,
            how: None,
        });
    }
    let how = Some(how.strip_prefix(" (")?.strip_suffix(')')?);
    Some(Event::Removed { queue_id, how })
}

/// What follows `from=<`. All after the sender is qmgr's own and holds no `>`: so the last one ends it.
fn sender<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let at = memchr::memrchr(b'>', text.as_bytes())?;
    let from = Address(text.get(..at)?);
    let rest = take::separator(text.get(at + 1..)?);
    if let Some(status) = rest.strip_prefix("status=") {
        let (status, _) = take::split_at_byte(status, b',').unwrap_or((status, ""));
        return take::is_word(status).then_some(Event::Expired {
            queue_id,
            from,
            status,
        });
    }
    let (size, rest) = take::number(rest.strip_prefix("size=")?)?;
    let nrcpt = take::separator(rest)
        .strip_prefix("nrcpt=")
        .and_then(take::number)
        .map(|(nrcpt, _)| nrcpt);
    Some(Event::Queued {
        queue_id,
        from,
        size: Some(size),
        nrcpt,
    })
}

/// What qmgr(8) has to say of a message without consequences for it.
fn note<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let known = [
        "skipped, still being delivered",
        "status=deferred (bounce failed)",
        "recipient limit ",
    ];
    known
        .iter()
        .any(|known| text.starts_with(known))
        .then_some(Event::Note {
            queue_id: Some(queue_id),
            client: None,
            text,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: QueueId<'static> = QueueId("3FF7C4317");

    fn queued(from: &str, size: u64, nrcpt: Option<u32>) -> Event<'_> {
        Event::Queued {
            queue_id: ID,
            from: Address(from),
            size: Some(size),
            nrcpt,
        }
    }

    #[test]
    fn lines() {
        let check = |line, wanted| assert_eq!(parse(line), Some(wanted), "{line}");
        check(
            "3FF7C4317: from=<a@example.com>, size=807, nrcpt=2 (queue active)",
            queued("a@example.com", 807, Some(2)),
        );
        check(
            "3FF7C4317: from=<a@example.com>,size=807, nrcpt=2 (queue active)",
            queued("a@example.com", 807, Some(2)),
        );
        check("3FF7C4317: from=<>, size=807", queued("", 807, None));
        let from = "a@example.com";
        let expired = |status| Event::Expired {
            queue_id: ID,
            from: Address(from),
            status,
        };
        check(
            "3FF7C4317: from=<a@example.com>, status=expired, returned to sender",
            expired("expired"),
        );
        check(
            "3FF7C4317: from=<a@example.com>, status=force-expired, returned to sender",
            expired("force-expired"),
        );
        check(
            "3FF7C4317: removed",
            Event::Removed {
                queue_id: ID,
                how: None,
            },
        );
        check(
            "3FF7C4317: removed (canceled)",
            Event::Removed {
                queue_id: ID,
                how: Some("canceled"),
            },
        );
    }

    #[test]
    fn a_sender_is_not_believed() {
        let from = "x>, size=1, nrcpt=9 (queue active)@example.com";
        let line = format!("3FF7C4317: from=<{from}>, size=5, nrcpt=1 (queue active)");
        assert_eq!(parse(&line), Some(queued(from, 5, Some(1))));
        let from = "\"x>, status=expired, y\"@example.com";
        let line = format!("3FF7C4317: from=<{from}>, size=5, nrcpt=1 (queue active)");
        assert_eq!(parse(&line), Some(queued(from, 5, Some(1))));
        assert_eq!(parse("3FF7C4317: removed by me"), None);
        assert_eq!(parse("FOOBAR99: removed"), None);
    }
}

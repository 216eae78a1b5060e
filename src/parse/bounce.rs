//! bounce(8): a notification about a message became a message of its own.

use super::take;
use crate::event::{Event, NotificationKind};
use crate::mail::QueueId;

/// `QID: sender non-delivery notification: NEW`.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let (queue_id, rest) = take::queue_id(text)?;
    if rest == "undeliverable postmaster notification discarded" {
        return Some(Event::Note {
            queue_id: Some(queue_id),
            client: None,
            text: rest,
        });
    }
    let kinds = [
        ("sender non-delivery notification", NotificationKind::Bounce),
        ("sender delay notification", NotificationKind::Delay),
        (
            "sender delivery status notification",
            NotificationKind::Success,
        ),
        (
            "postmaster non-delivery notification",
            NotificationKind::Postmaster,
        ),
        (
            "postmaster delay notification",
            NotificationKind::Postmaster,
        ),
        (
            "postmaster delivery status notification",
            NotificationKind::Postmaster,
        ),
        // Postfix 3.11: `sender notification failed to <addr>: reason`; of which kind, it does not say.
        ("sender notification", NotificationKind::Bounce),
        ("postmaster notification", NotificationKind::Postmaster),
    ];
    let (kind, rest) = kinds
        .iter()
        .find_map(|(words, kind)| Some((*kind, rest.strip_prefix(words)?)))?;
    let child = match rest.strip_prefix(": ") {
        Some(id) if take::is_queue_id(id) => Some(QueueId(id)),
        Some(_) => return None,
        None if rest.starts_with(" failed") => None,
        None => return None,
    };
    Some(Event::Notification {
        queue_id,
        kind,
        child,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let check = |line, kind, child: Option<&'static str>| {
            let wanted = Event::Notification {
                queue_id: QueueId("3FF7C4317"),
                kind,
                child: child.map(QueueId),
            };
            assert_eq!(parse(line), Some(wanted), "{line}");
        };
        let new = Some("7446BCD68");
        check(
            "3FF7C4317: sender non-delivery notification: 7446BCD68",
            NotificationKind::Bounce,
            new,
        );
        check(
            "3FF7C4317: sender delay notification: 7446BCD68",
            NotificationKind::Delay,
            new,
        );
        check(
            "3FF7C4317: sender delivery status notification: 7446BCD68",
            NotificationKind::Success,
            new,
        );
        check(
            "3FF7C4317: postmaster non-delivery notification: 7446BCD68",
            NotificationKind::Postmaster,
            new,
        );
        check(
            "3FF7C4317: sender notification failed to <a@example.com>: sender non-delivery notification: 7446BCD68",
            NotificationKind::Bounce,
            None,
        );
        assert_eq!(
            parse("3FF7C4317: sender non-delivery notification: x y"),
            None
        );
    }
}

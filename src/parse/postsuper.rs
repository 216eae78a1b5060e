//! postsuper(1): what the administrator did to messages in the queue.

use super::take;
use crate::event::{Event, SuperuserAction};

/// `QID: removed`, and the totals at the end.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let Some((queue_id, rest)) = take::queue_id(text) else {
        return totals(text);
    };
    let action = match rest {
        "removed" => SuperuserAction::Removed,
        "placed on hold" => SuperuserAction::Held,
        "released from hold" => SuperuserAction::Released,
        "requeued" => SuperuserAction::Requeued,
        "expired" | "force-expired" => SuperuserAction::Expired,
        _ if rest.starts_with("skipped") => {
            return Some(Event::Note {
                queue_id: Some(queue_id),
                client: None,
                text: rest,
            });
        }
        _ => return None,
    };
    Some(Event::Superuser { queue_id, action })
}

/// `Deleted: 2 messages`
fn totals(text: &str) -> Option<Event<'_>> {
    let kinds = [
        "Deleted: ",
        "Requeued: ",
        "Placed on hold: ",
        "Released from hold: ",
        "Expired: ",
        "Force-expired: ",
        "Renamed to match inode number: ",
        "Renamed: ",
    ];
    let rest = kinds.iter().find_map(|kind| text.strip_prefix(kind))?;
    let (_, rest) = take::number::<u64>(rest)?;
    matches!(rest, " message" | " messages").then_some(Event::Note {
        queue_id: None,
        client: None,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::QueueId;

    #[test]
    fn lines() {
        let check = |line, action| {
            let wanted = Event::Superuser {
                queue_id: QueueId("3FF7C4317"),
                action,
            };
            assert_eq!(parse(line), Some(wanted), "{line}");
        };
        check("3FF7C4317: removed", SuperuserAction::Removed);
        check("3FF7C4317: placed on hold", SuperuserAction::Held);
        check("3FF7C4317: released from hold", SuperuserAction::Released);
        check("3FF7C4317: requeued", SuperuserAction::Requeued);
        check("3FF7C4317: expired", SuperuserAction::Expired);
        assert!(matches!(
            parse("Placed on hold: 2 messages"),
            Some(Event::Note { .. })
        ));
        assert_eq!(parse("Placed on hold: many messages"), None);
        assert_eq!(parse("3FF7C4317: removed by hand"), None);
    }
}

//! pickup(8): mail handed in on this host through sendmail(1).

use super::take;
use crate::event::Event;

/// `QID: uid=0 from=<root>`; ` orig_id=QID` follows when postsuper(1) requeued the message.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let (queue_id, rest) = take::queue_id(text)?;
    let (uid, rest) = take::number(rest.strip_prefix("uid=")?)?;
    let (from, rest) = take::address(rest.strip_prefix(" from=")?)?;
    let orig_queue_id = take::separator(rest)
        .strip_prefix("orig_id=")
        .filter(|id| take::is_queue_id(id))
        .map(crate::mail::QueueId);
    Some(Event::Pickup {
        queue_id,
        uid,
        from,
        orig_queue_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Address, QueueId};

    #[test]
    fn lines() {
        let check = |line, uid, from, orig: Option<&'static str>| {
            let wanted = Event::Pickup {
                queue_id: QueueId("3FF7C4317"),
                uid,
                from: Address(from),
                orig_queue_id: orig.map(QueueId),
            };
            assert_eq!(parse(line), Some(wanted), "{line}");
        };
        check("3FF7C4317: uid=0 from=<root>", 0, "root", None);
        check("3FF7C4317: uid=33 from=<>", 33, "", None);
        check(
            "3FF7C4317: uid=33 from=<a@example.com> orig_id=4A0B1C2D3E",
            33,
            "a@example.com",
            Some("4A0B1C2D3E"),
        );
        check(
            "3FF7C4317: uid=33 from=<\"x> orig_id=4A0B1C2D3E\"@b>",
            33,
            "\"x> orig_id=4A0B1C2D3E\"@b",
            None,
        );
        assert_eq!(parse("3FF7C4317: uid=-1 from=<x>"), None);
        assert_eq!(parse("uid=0 from=<x>"), None);
    }
}

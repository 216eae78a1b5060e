//! smtp(8), lmtp(8), local(8), virtual(8), pipe(8), error(8), discard(8): one line per recipient tried.

use super::take;
use crate::event::{Delivery, Event};
use crate::mail::{EnhancedStatus, QueueId};

/// Reads what `log_adhoc()` writes behind the queue ID, field by field in its order. Old servers leave some out.
pub(super) fn recipient<'a>(queue_id: QueueId<'a>, rest: &'a str) -> Option<Event<'a>> {
    let (to, rest) = take::address(rest.strip_prefix("to=")?)?;
    let (orig_to, rest) = match take::separator(rest).strip_prefix("orig_to=") {
        Some(rest) => {
            let (orig_to, rest) = take::address(rest)?;
            (Some(orig_to), rest)
        }
        None => (None, rest),
    };
    let (relay, rest) = take::optional(rest, "relay");
    let (_conn_use, rest) = take::optional(rest, "conn_use");
    let (delay, rest) = take::optional(rest, "delay");
    let (delays, rest) = take::optional(rest, "delays");
    let (_tls, rest) = take::optional(rest, "tls"); // Postfix 3.11
    let (dsn, rest) = take::optional(rest, "dsn");
    let rest = take::separator(rest).strip_prefix("status=")?;
    let (status, rest) = take::split_at_byte(rest, b' ').unwrap_or((rest, ""));
    if !take::is_word(status) {
        return None;
    }
    Some(Event::Delivery(Box::new(Delivery {
        queue_id,
        to,
        orig_to,
        relay: relay.map(take::relay).unwrap_or_default(),
        delay: delay.and_then(take::decimal),
        delays: delays.and_then(four),
        dsn: dsn.and_then(EnhancedStatus::parse),
        status,
        reason: outer_parentheses(rest),
        ..Delivery::default()
    })))
}

/// `0.01/0/0.2/3`
fn four(text: &str) -> Option<[f64; 4]> {
    let (a, rest) = take::split_near(text, b'/')?;
    let (b, rest) = take::split_near(rest, b'/')?;
    let (c, rest) = take::split_near(rest, b'/')?;
    let (d, _) = take::split_near(rest, b'/').unwrap_or((rest, ""));
    let number = take::decimal;
    Some([number(a)?, number(b)?, number(c)?, number(d)?])
}

/// Without the outer parentheses; syslog may have cut the second one off.
fn outer_parentheses(text: &str) -> &str {
    match text.strip_prefix('(') {
        Some(inner) => inner.strip_suffix(')').unwrap_or(inner),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Address, Relay};

    fn parse(line: &str) -> Option<Event<'_>> {
        let (queue_id, rest) = take::queue_id(line)?;
        recipient(queue_id, rest)
    }

    fn check(line: &str, wanted: Delivery<'_>) {
        assert_eq!(
            parse(line),
            Some(Event::Delivery(Box::new(wanted))),
            "{line}"
        );
    }

    fn sent() -> Delivery<'static> {
        Delivery {
            queue_id: QueueId("3FF7C4317"),
            to: Address("b@example.net"),
            relay: Relay {
                name: Some("mx.example.net"),
                ip: Some("192.0.2.1"),
                port: Some(25),
            },
            delay: Some(1.5),
            delays: Some([1.0, 0.25, 0.25, 0.0]),
            dsn: EnhancedStatus::parse("2.0.0"),
            status: "sent",
            reason: "250 2.0.0 Ok: queued as AB4D259B1",
            ..Delivery::default()
        }
    }

    #[test]
    fn every_version() {
        check(
            "3FF7C4317: to=<b@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=1.5, delays=1/0.25/0.25/0, \
             dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as AB4D259B1)",
            sent(),
        );
        check(
            "3FF7C4317: to=<b@example.net>, orig_to=<root>, relay=mx.example.net[192.0.2.1]:25, conn_use=2, delay=1.5, \
             delays=1/0.25/0.25/0, tls=none, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as AB4D259B1)",
            Delivery {
                orig_to: Some(Address("root")),
                ..sent()
            },
        );
        // 2003 to 2006: no delays=, no dsn=, no port.
        check(
            "3FF7C4317: to=<b@example.net>, relay=127.0.0.1[127.0.0.1], delay=209, status=sent (250 2.6.0 Ok)",
            Delivery {
                relay: Relay {
                    name: Some("127.0.0.1"),
                    ip: Some("127.0.0.1"),
                    port: None,
                },
                delay: Some(209.0),
                delays: None,
                dsn: None,
                reason: "250 2.6.0 Ok",
                ..sent()
            },
        );
        check(
            "3FF7C4317: to=<b@example.net>, relay=none, delay=0.13, dsn=5.7.1, status=bounced (cut off here",
            Delivery {
                relay: Relay::default(),
                delay: Some(0.13),
                delays: None,
                dsn: EnhancedStatus::parse("5.7.1"),
                status: "bounced",
                reason: "cut off here",
                ..sent()
            },
        );
    }

    #[test]
    fn neither_recipient_nor_reply_is_believed() {
        let to = "\"x>, relay=evil[198.51.100.1]:25, status=sent (\"@example.net";
        let reason = "host mx.example.net[192.0.2.1] said: 550 3FF7C4317: to=<c@x>, relay=r, status=sent (250 Ok) (in reply)";
        let line = format!(
            "3FF7C4317: to=<{to}>, relay=mx.example.net[192.0.2.1]:25, delay=1.5, delays=1/0.25/0.25/0, dsn=2.0.0, \
             status=bounced ({reason})"
        );
        check(
            &line,
            Delivery {
                to: Address(to),
                status: "bounced",
                reason,
                ..sent()
            },
        );
        assert_eq!(parse("3FF7C4317: to=<a>, x, status=sent (ok)"), None);
        assert_eq!(
            parse("3FF7C4317: to=<a>, relay=local, status=se(nt (ok)"),
            None
        );
    }
}

//! `=>`, `->`, `**`, `==`: one recipient of an Exim message.

use super::{client, field};
use crate::event::{Delivery, Event};
use crate::mail::{Address, Client, EnhancedStatus, QueueId, Relay};
use crate::parse::take;

/// What follows the flag: `rcpt <orig> F=<> R=router T=transport H=host [ip]:port … C="250 OK"`,
/// and for failures `: reason` or `defer (-53): reason`.
pub(super) fn parse<'a>(
    queue_id: QueueId<'a>,
    status: &'a str,
    text: &'a str,
) -> Option<Event<'a>> {
    let (to, mut rest) = take::split_at_byte(text, b' ').unwrap_or((text, ""));
    let mut found = Delivery {
        queue_id,
        to: Address(to.trim_end_matches(':')),
        status,
        ..Delivery::default()
    };
    if rest.starts_with('<')
        && let Some((address, after)) = take::address(rest)
    {
        // A file, a pipe or a local user stands first then, and the address in brackets.
        match to.contains('@') {
            true => found.orig_to = Some(address),
            false => found.to = address,
        }
        rest = after.trim_start();
    }
    loop {
        // Without an address the host is a field like the others.
        if let Some((peer, after)) = rest.strip_prefix("H=").and_then(client) {
            found.relay = relay(peer);
            rest = after.trim_start();
            continue;
        }
        match field(rest) {
            Some(("T", transport, _)) if found.relay.name.is_none() => {
                found.relay.name = Some(transport.trim_end_matches(':'));
            }
            Some(("C", reply, after)) => {
                found.reason = reply;
                found.delay = queue_time(after);
                break;
            }
            Some(("QT", time, _)) => found.delay = take::duration(time),
            Some((key, ..)) if is_key(key) => {}
            _ => {
                found.reason = without_time(reason(rest, &mut found.relay));
                break;
            }
        }
        rest = field(rest).map_or("", |(_, _, after)| after);
    }
    found.dsn = enhanced_status(found.reason);
    Some(Event::Delivery(Box::new(found)))
}

/// Fields are of one to three capital letters, and `id`; flags of the connection: `L`, `K`, `PRX`.
fn is_key(key: &str) -> bool {
    matches!(key.len(), 1..=4)
        && key
            .bytes()
            .all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'.' | b'*'))
}

fn relay(peer: Client<'_>) -> Relay<'_> {
    Relay {
        name: peer.name,
        ip: peer.ip,
        port: peer.port,
    }
}

/// `QT=1m2s DT=0.5s`: the time in the queue, behind the reply.
fn queue_time(text: &str) -> Option<f64> {
    let rest = text.strip_prefix("QT=")?;
    take::duration(take::split_at_byte(rest, b' ').map_or(rest, |(time, _)| time))
}

/// `: reason`, `defer (-53): reason`, `defer (-44) H=mx [ip]: reason`, `routing defer (-56): reason`.
fn reason<'a>(text: &'a str, found: &mut Relay<'a>) -> &'a str {
    let text = text.trim_start_matches([':', ' ']);
    let defer = text
        .strip_prefix("routing defer (")
        .or_else(|| text.strip_prefix("defer ("));
    let Some((_, rest)) = defer.and_then(|rest| take::split_at_byte(rest, b')')) else {
        return text;
    };
    let host = rest.strip_prefix(" H=").and_then(client);
    let rest = match host {
        Some((peer, after)) => {
            *found = relay(peer);
            after
        }
        None => rest,
    };
    // `+deliver_time` puts its field before the colon here.
    let rest = match rest.strip_prefix(" DT=") {
        Some(time) => take::split_at_byte(time, b':').map_or("", |(_, reason)| reason),
        None => rest.strip_prefix(':').unwrap_or(rest),
    };
    rest.trim_start()
}

/// `+deliver_time` ends the line of a failure: `…: 550 5.1.1 User unknown DT=0s`.
fn without_time(text: &str) -> &str {
    match take::split_at_last(text, " DT=") {
        Some((front, time)) if take::duration(time).is_some() => front,
        _ => text,
    }
}

/// `550 5.1.1 …`, `SMTP error from remote mail server after RCPT TO:<b@x>: 550 5.1.1 …`.
fn enhanced_status(reason: &str) -> Option<EnhancedStatus> {
    let reply = match reason.strip_prefix("SMTP error from remote mail server after ") {
        Some(rest) => {
            let rest = match take::split_at_text(rest, ":<") {
                Some((command, _)) => take::address(rest.get(command.len() + 1..)?)?.1,
                None => rest,
            };
            take::split_at_text(rest, ": ")?.1
        }
        None => reason,
    };
    let (code, rest) = take::reply_code(reply);
    code.and_then(|_| take::enhanced_status(rest).0)
}

#[cfg(test)]
mod tests {
    use crate::event::{Delivery, Event};
    use crate::mail::{Address, EnhancedStatus, QueueId, Relay};
    use crate::parse::exim::parse;

    fn check(line: &str, wanted: Delivery<'_>) {
        assert_eq!(
            parse(line),
            Some(Event::Delivery(Box::new(wanted))),
            "{line}"
        );
    }

    #[test]
    fn fields_with_blanks_and_times() {
        let relay = Relay {
            name: Some("mx.example.net"),
            ip: Some("192.0.2.25"),
            port: Some(25),
        };
        let sent = Delivery {
            queue_id: QueueId("1tAbCd-0001Ab-2c"),
            to: Address("b@example.net"),
            relay,
            delay: Some(3723.5),
            dsn: EnhancedStatus::parse("2.0.0"),
            status: "sent",
            reason: "250 2.0.0 Ok: queued as 3FF7C4317",
            ..Delivery::default()
        };
        check(
            "1tAbCd-0001Ab-2c => b@example.net R=dnslookup T=remote_smtp H=mx.example.net [192.0.2.25]:25 L K X=TLS1.3:A:256 \
             CV=dane DN=\"/CN=mx.example.net x\" C=\"250 2.0.0 Ok: queued as 3FF7C4317\" QT=1h2m3.5s DT=1s",
            sent,
        );
        check(
            "1tAbCd-0001Ab-2c == b@example.net R=dnslookup T=remote_smtp defer (-44) H=mx.example.net [192.0.2.25]:25: SMTP error \
             from remote mail server after RCPT TO:<b@example.net>: 450 4.2.0 Greylisted",
            Delivery {
                delay: None,
                dsn: EnhancedStatus::parse("4.2.0"),
                status: "deferred",
                reason: "SMTP error from remote mail server after RCPT TO:<b@example.net>: 450 4.2.0 Greylisted",
                ..sent
            },
        );
    }

    /// Exim 4.96 with `log_selector = +deliver_time`.
    #[test]
    fn the_time_of_an_attempt() {
        let reason = "SMTP error from remote mail server after RCPT TO:<b@example.net>: 450 4.2.0 Greylisted; try later";
        let deferred = Delivery {
            queue_id: QueueId("1xW4he-000553-1k"),
            to: Address("b@example.net"),
            relay: Relay {
                name: Some("mx.example.net"),
                ip: Some("192.0.2.25"),
                port: Some(25),
            },
            dsn: EnhancedStatus::parse("4.2.0"),
            status: "deferred",
            reason,
            ..Delivery::default()
        };
        let line = "1xW4he-000553-1k == b@example.net R=remote T=remote_smtp defer (-44) H=mx.example.net [192.0.2.25]:25 DT=0s: ";
        check(&format!("{line}{reason}"), deferred);
        let reason = "SMTP error from remote mail server after RCPT TO:<b@example.net>: 550 5.1.1 User unknown";
        let line = "1xW4he-000553-1k ** b@example.net F=<a@x> R=remote T=remote_smtp H=mx.example.net [192.0.2.25]:25: ";
        check(
            &format!("{line}{reason} DT=0s"),
            Delivery {
                dsn: EnhancedStatus::parse("5.1.1"),
                status: "bounced",
                reason,
                ..deferred
            },
        );
        check(
            "1xW4he-000553-1k == b@example.net routing defer (-52) DT=0s: retry time not reached",
            Delivery {
                relay: Relay::default(),
                dsn: None,
                reason: "retry time not reached",
                ..deferred
            },
        );
        check(
            "1xW4he-000553-1k == b@example.net <c@example.net> R=local_user T=local defer (-1) DT=0s",
            Delivery {
                relay: Relay {
                    name: Some("local"),
                    ..Relay::default()
                },
                orig_to: Some(Address("c@example.net")),
                dsn: None,
                reason: "",
                ..deferred
            },
        );
    }

    #[test]
    fn recipients() {
        let sent = Delivery {
            queue_id: QueueId("1tAbCd-0001Ab-2c"),
            to: Address("b@example.net"),
            relay: Relay {
                name: Some("mx.example.net"),
                ip: Some("192.0.2.25"),
                port: None,
            },
            status: "sent",
            reason: "250 OK id=x",
            ..Delivery::default()
        };
        let relay = sent.relay;
        check(
            "1tAbCd-0001Ab-2c => b@example.net F=<a@x> R=dnslookup T=remote_smtp H=mx.example.net [192.0.2.25] X=TLS1.3:A:256 C=\"250 OK id=x\"",
            Delivery {
                relay: Relay {
                    name: Some("mx.example.net"),
                    ..relay
                },
                ..sent
            },
        );
        check(
            "1tAbCd-0001Ab-2c => bob <b@example.net> R=localuser T=local_delivery",
            Delivery {
                relay: Relay {
                    name: Some("local_delivery"),
                    ..Relay::default()
                },
                reason: "",
                ..sent
            },
        );
        check(
            "1tAbCd-0001Ab-2c == b@example.net R=dnslookup T=remote_smtp defer (-53): retry time not reached",
            Delivery {
                relay: Relay {
                    name: Some("remote_smtp"),
                    ..Relay::default()
                },
                status: "deferred",
                reason: "retry time not reached",
                ..sent
            },
        );
        check(
            "1tAbCd-0001Ab-2c ** b@example.net R=dnslookup T=remote_smtp H=mx.example.net [192.0.2.25]: SMTP error from remote mail server: 550 => c@x",
            Delivery {
                relay,
                status: "bounced",
                reason: "SMTP error from remote mail server: 550 => c@x",
                ..sent
            },
        );
    }
}

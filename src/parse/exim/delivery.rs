//! `=>`, `->`, `**`, `==`: one recipient of an Exim message.

use super::client;
use crate::event::{Delivery, Event};
use crate::mail::{Address, QueueId, Relay};
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
            found.relay = Relay {
                name: peer.name,
                ip: peer.ip,
                port: peer.port,
            };
            rest = after.trim_start();
            continue;
        }
        let (field, after) = take::split_at_byte(rest, b' ').unwrap_or((rest, ""));
        match take::split_at_byte(field, b'=') {
            Some(("T", transport)) if found.relay.name.is_none() => {
                found.relay.name = Some(transport.trim_end_matches(':'));
            }
            Some(("C", _)) => {
                found.reason = confirmation(rest);
                break;
            }
            Some((key, _)) if is_key(key) => {}
            // Flags of the connection: `L`, `K`, `PRX`.
            None if !field.is_empty() && field.bytes().all(|b| b.is_ascii_uppercase()) => {}
            _ => {
                found.reason = reason(rest);
                break;
            }
        }
        rest = after;
    }
    Some(Event::Delivery(Box::new(found)))
}

/// Fields are of one to three capital letters, and `id`.
fn is_key(key: &str) -> bool {
    matches!(key.len(), 1..=3) && key.bytes().all(|b| b.is_ascii_alphabetic())
}

/// `C="250 OK"`
fn confirmation(text: &str) -> &str {
    let text = text.strip_prefix("C=\"").unwrap_or(text);
    take::split_at_last(text, "\"").map_or(text, |(reply, _)| reply)
}

/// `: reason`, `defer (-53): reason`, `routing defer (-56): reason`.
fn reason(text: &str) -> &str {
    let text = text.trim_start_matches([':', ' ']);
    let defer = text
        .strip_prefix("routing defer (")
        .or_else(|| text.strip_prefix("defer ("))
        .and_then(|rest| take::split_at_text(rest, ": "));
    defer.map_or(text, |(_, reason)| reason)
}

#[cfg(test)]
mod tests {
    use crate::event::{Delivery, Event};
    use crate::mail::{Address, QueueId, Relay};
    use crate::parse::exim::parse;

    fn check(line: &str, wanted: Delivery<'_>) {
        assert_eq!(
            parse(line),
            Some(Event::Delivery(Box::new(wanted))),
            "{line}"
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

//! smtp(8) and the other delivery agents: trouble with a remote server, TLS, what they try next.

use super::{cleanup, delivery, take, tls, warning};
use crate::event::Event;
use crate::mail::{Address, QueueId, Relay};

/// Reads any line of a delivery agent.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    if let Some((queue_id, rest)) = take::queue_id(text) {
        if rest.starts_with("to=") {
            return delivery::recipient(queue_id, rest);
        }
        // Its own header checks log no client: what looks like one is the header's text.
        return about_message(queue_id, rest).or_else(|| cleanup::rewritten(queue_id, rest));
    }
    warning::parse(text)
        .or_else(|| tls::parse(None, text))
        .or_else(|| connect_to(text))
        .or_else(|| trouble(None, text))
        .or_else(|| note(None, text))
}

fn about_message<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let queue_id = Some(queue_id);
    tls::parse(queue_id, text)
        .or_else(|| trouble(queue_id, text))
        .or_else(|| note(queue_id, text))
}

/// `host mx[ip] said: …`, `host mx[ip] refused to talk to me: …`, `lost connection with mx[ip] while …`,
/// `conversation with mx[ip] timed out while …`, `Cannot start TLS: handshake failure`.
fn trouble<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    if let Some(rest) = text.strip_prefix("SASL ") {
        return sasl_trouble(queue_id, text, rest);
    }
    let starts = ["host ", "lost connection with ", "conversation with "];
    let rest = starts.iter().find_map(|start| text.strip_prefix(start))?;
    let (relay, rest) = server(rest)?;
    let follows = [
        " said: ",
        " refused to talk to me: ",
        " while ",
        " timed out",
    ];
    let is_known = follows.iter().any(|follow| rest.starts_with(follow));
    is_known.then_some(Event::RemoteTrouble {
        queue_id,
        relay,
        reason: text,
    })
}

/// What follows `SASL `: `authentication failed; server mx[ip] said: 535 …`.
fn sasl_trouble<'a>(
    queue_id: Option<QueueId<'a>>,
    text: &'a str,
    rest: &'a str,
) -> Option<Event<'a>> {
    let rest = rest.strip_prefix("[CACHED] ").unwrap_or(rest);
    let rest = rest.strip_prefix("authentication failed; ")?;
    let rest = rest
        .strip_prefix("cannot authenticate to server ")
        .or_else(|| rest.strip_prefix("server "))?;
    let (relay, _) = server(rest)?;
    Some(Event::RemoteTrouble {
        queue_id,
        relay,
        reason: text,
    })
}

/// `connect to mx[ip]:25: Connection timed out`.
fn connect_to(text: &str) -> Option<Event<'_>> {
    let (relay, rest) = server(text.strip_prefix("connect to ")?)?;
    rest.starts_with(": ").then_some(Event::RemoteTrouble {
        queue_id: None,
        relay,
        reason: text,
    })
}

/// `mx[ip]:25`; a bare name in old versions.
fn server(text: &str) -> Option<(Relay<'_>, &str)> {
    let end = text.find([' ', '[']).unwrap_or(text.len());
    if text.get(end..)?.starts_with('[') {
        let (client, rest) = take::client(text)?;
        let relay = Relay {
            name: client.name,
            ip: client.ip.filter(|ip| !ip.contains('/')),
            port: client.port,
        };
        return Some((relay, rest));
    }
    let name = text.get(..end)?;
    let relay = Relay {
        name: take::known(name.trim_end_matches(':')),
        ..Relay::default()
    };
    Some((relay, text.get(end..)?))
}

/// Sentences of the delivery agents that change nothing.
fn note<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let notes = [
        "enabling PIX workarounds: ",
        "enabling PIX <CRLF>.<CRLF> workaround for ",
        "disabling PIX ",
        "breaking line > ",
        "discarding EHLO keywords: ",
        "setting up TLS connection to ",
        "SSL_connect error to ",
        "SSL_connect:",
        "Host offered STARTTLS: ",
        "Cannot start TLS: ",
        "TLS is required, but ",
        "certificate verification failed for ",
        "server certificate verification failed for ",
        "Server certificate could not be verified",
        "Server certificate not ",
        "fingerprint=",
        "Peer certificate ",
        "Peer verification: ",
        "subject_CN=",
        "Verified: subject_CN=",
        "Unverified: subject_CN=",
        "Untrusted: subject_CN=",
        "Trusted: subject_CN=",
        "using DANE RR: ",
        "TLS policy ",
        "TLSA ",
        "depth=",
        "REQUIRETLS ",
        "looking for session ",
        "looking up session ",
        "reloaded session ",
        "save session ",
        "remove session ",
        "SSL3 alert ",
    ];
    let is_known = notes.iter().any(|note| text.starts_with(note))
        || passing(text).is_some()
        || offered(text)
        || tls::about_peer(text).is_some();
    is_known.then_some(Event::Note {
        queue_id,
        client: None,
        text,
    })
}

/// Postfix 3.6: `passing <rcpt> to transport=local`.
fn passing(text: &str) -> Option<Address<'_>> {
    let (to, rest) = take::address(text.strip_prefix("passing ")?)?;
    rest.starts_with(" to transport=").then_some(to)
}

/// `host mx[ip]:25 offered STARTTLS …`, `smtp_tls_note_starttls_offer`.
fn offered(text: &str) -> bool {
    let Some((_, rest)) = text.strip_prefix("host ").and_then(server) else {
        return false;
    };
    rest.starts_with(" offered ") || rest.starts_with(" greeted me with my own hostname")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_with_a_server() {
        let check = |line: &str, queue_id: Option<&'static str>, reason: &str, name, ip, port| {
            let wanted = Event::RemoteTrouble {
                queue_id: queue_id.map(QueueId),
                relay: Relay { name, ip, port },
                reason,
            };
            assert_eq!(parse(line), Some(wanted), "{line}");
        };
        let (mx, ip) = (Some("mx.example.net"), Some("192.0.2.1"));
        let whole = "connect to mx.example.net[192.0.2.1]:25: Connection timed out";
        check(whole, None, whole, mx, ip, Some(25));
        let whole = "connect to mx.example.net[192.0.2.1]: Connection refused (port 25)";
        check(whole, None, whole, mx, ip, None);
        for reason in [
            "host mx.example.net[192.0.2.1] said: 421 3FF7C4318: to=<a@x>, relay=local, status=sent (ok) (in reply to DATA)",
            "host mx.example.net[192.0.2.1] refused to talk to me: 553 no",
            "lost connection with mx.example.net[192.0.2.1] while sending MAIL FROM",
            "conversation with mx.example.net[192.0.2.1] timed out while receiving the initial server greeting",
            "SASL authentication failed; server mx.example.net[192.0.2.1] said: 535 no",
            "SASL authentication failed; cannot authenticate to server mx.example.net[192.0.2.1]: no mechanism available",
        ] {
            check(
                &format!("3FF7C4317: {reason}"),
                Some("3FF7C4317"),
                reason,
                mx,
                ip,
                None,
            );
        }
    }

    #[test]
    fn notes_and_the_unknown() {
        for line in [
            "3FF7C4317: passing <a@example.com> to transport=local",
            "3FF7C4317: enabling PIX workarounds: disable_esmtp delay_dotcrlf for mx[192.0.2.1]:25",
            "setting up TLS connection to mx.example.net[192.0.2.1]:25",
        ] {
            assert!(matches!(parse(line), Some(Event::Note { .. })), "{line}");
        }
        for line in [
            "host says hello",
            "3FF7C4317: passing the salt",
            "connect to nowhere",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}

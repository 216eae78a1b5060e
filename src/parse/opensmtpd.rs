//! OpenSMTPD's smtpd(8), 6.4 and later: every line begins with its session.

use super::take;
use crate::event::{AuthFailure, Delivery, Event, Submission};
use crate::mail::{Address, Client, QueueId, Relay};

/// Reads `SESSION smtp connected address=… host=…`, `SESSION mta delivery evpid=… from=<> to=<> …`.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let session = take::split_at_byte(text, b' ').filter(|(word, _)| is_session(word));
    let Some((_, rest)) = session else {
        return note(text);
    };
    if let Some(rest) = rest.strip_prefix("smtp ") {
        return smtp(rest);
    }
    let rest = rest
        .strip_prefix("mta ")
        .or_else(|| rest.strip_prefix("mda "))
        .or_else(|| rest.strip_prefix("bounce "))?;
    match rest.strip_prefix("delivery ") {
        Some(rest) => delivery(rest),
        None => Some(about(None, rest)),
    }
}

/// Sixteen hexadecimal digits.
fn is_session(word: &str) -> bool {
    word.len() == 16 && word.bytes().all(|b| b.is_ascii_hexdigit())
}

fn smtp(text: &str) -> Option<Event<'_>> {
    let (what, rest) = take::split_at_byte(text, b' ').unwrap_or((text, ""));
    match what {
        "connected" => {
            let (ip, rest) = field(rest, "address=")?;
            let (host, _) = field(rest, "host=").unwrap_or(("", ""));
            let name = host.trim_matches(['<', '>']);
            Some(Event::Connect {
                client: Client {
                    name: take::known(name),
                    ip: take::known(ip),
                    port: None,
                },
            })
        }
        "authentication" => authentication(rest),
        "message" => {
            let (id, rest) = field(rest, "msgid=")?;
            let (size, _) = field(rest, "size=")?;
            Some(Event::Client(Box::new(Submission {
                queue_id: Some(QueueId(id)),
                size: size.parse().ok(),
                ..Submission::default()
            })))
        }
        "disconnected" | "envelope" | "failed-command" | "tls" | "cert-check" | "starttls"
        | "bad-input" => Some(about(None, text)),
        _ => None,
    }
}

/// `user=bob address=192.0.2.1 host=h result=permfail`: the name is the client's, the rest is not.
fn authentication(text: &str) -> Option<Event<'_>> {
    let (front, result) = take::split_at_last(text, " result=")?;
    let (user, ip) = match take::split_at_last(front, " address=") {
        Some((user, rest)) => {
            let (ip, _) = take::split_at_byte(rest, b' ').unwrap_or((rest, ""));
            (user, Some(ip))
        }
        None => (front, None),
    };
    if result == "ok" {
        return Some(about(None, text));
    }
    Some(Event::AuthFailure(Box::new(AuthFailure {
        protocol: "smtp",
        client: Client {
            ip,
            ..Client::default()
        },
        sasl_method: None,
        sasl_username: user.strip_prefix("user="),
        reason: result,
        own_fault: result == "tempfail",
        attempts: 1,
    })))
}

/// `evpid=… from=<> to=<> rcpt=<> source="…" relay="ip (host)" delay=1s result="Ok" stat="250 …"`.
fn delivery(text: &str) -> Option<Event<'_>> {
    let (evpid, rest) = field(text, "evpid=")?;
    // The message's part of an envelope's ID.
    let id = evpid.get(..8).unwrap_or(evpid);
    let (_from, rest) = bracketed(rest, "from=")?;
    let (to, rest) = bracketed(rest, "to=")?;
    let (orig_to, rest) = match bracketed(rest, "rcpt=") {
        Some((rcpt, rest)) => (Some(rcpt).filter(|rcpt| !rcpt.is_null()), rest),
        None => (None, rest),
    };
    let (_, rest) = take::split_at_text(rest, "result=")?;
    let (result, stat) = take::split_at_text(rest, " stat=").unwrap_or((rest, ""));
    let status = match result.trim_matches('"') {
        "Ok" => "sent",
        "PermFail" => "bounced",
        _ => "deferred",
    };
    Some(Event::Delivery(Box::new(Delivery {
        queue_id: QueueId(id),
        to,
        orig_to,
        relay: Relay::default(),
        status,
        reason: stat.trim_matches('"'),
        ..Delivery::default()
    })))
}

fn field<'a>(text: &'a str, key: &str) -> Option<(&'a str, &'a str)> {
    let rest = text.strip_prefix(key)?;
    Some(take::split_at_byte(rest, b' ').unwrap_or((rest, "")))
}

fn bracketed<'a>(text: &'a str, key: &str) -> Option<(Address<'a>, &'a str)> {
    let (address, rest) = take::address(text.strip_prefix(key)?)?;
    Some((address, rest.trim_start()))
}

/// Before 6.4 the process came first; and what smtpd says of itself.
fn note(text: &str) -> Option<Event<'_>> {
    let known = [
        "smtp-in: ",
        "smtp-out: ",
        "delivery: ",
        "relay: ",
        "info: ",
        "warn: ",
        "debug: ",
        "lookup: ",
        "queue: ",
        "scheduler: ",
        "control: ",
        "mta: ",
        "pony express",
        "setup_proc",
        "smtp: ",
    ];
    known
        .iter()
        .any(|known| text.starts_with(known))
        .then(|| about(None, text))
}

fn about<'a>(client: Option<Client<'a>>, text: &'a str) -> Event<'a> {
    Event::Note {
        queue_id: None,
        client,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let client = Client {
            name: Some("h.example.com"),
            ip: Some("192.0.2.1"),
            port: None,
        };
        let line = "08d856b172f69c5c smtp connected address=192.0.2.1 host=h.example.com";
        assert_eq!(parse(line), Some(Event::Connect { client }));
        let failure = AuthFailure {
            protocol: "smtp",
            client: Client {
                name: None,
                ..client
            },
            sasl_username: Some("x result=ok"),
            reason: "permfail",
            attempts: 1,
            ..AuthFailure::default()
        };
        let line = "08d856b172f69c5c smtp authentication user=x result=ok address=192.0.2.1 host=h result=permfail";
        assert_eq!(parse(line), Some(Event::AuthFailure(Box::new(failure))));
        let sent = Delivery {
            queue_id: QueueId("a1b2c3d4"),
            to: Address("b@example.net"),
            status: "sent",
            reason: "250 OK",
            ..Delivery::default()
        };
        let line = "08d856b172f69c5c mta delivery evpid=a1b2c3d4e5f60718 from=<a@x> to=<b@example.net> rcpt=<> source=\"192.0.2.2\" \
                    relay=\"192.0.2.25 (mx)\" delay=1s result=\"Ok\" stat=\"250 OK\"";
        assert_eq!(parse(line), Some(Event::Delivery(Box::new(sent))));
        assert_eq!(parse("an arbitrary sentence"), None);
    }
}

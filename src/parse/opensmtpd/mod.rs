//! OpenSMTPD's smtpd(8): since 6.0 every line begins with its session.

mod old;

use super::take;
use crate::event::{
    AuthFailure, Delivery, Disconnect, Event, Login, Reject, RejectClass, Submission,
};
use crate::mail::{Address, Client, EnhancedStatus, QueueId, Relay};

/// Reads `SESSION smtp connected address=… host=…`, `SESSION mta delivery evpid=… from=<> to=<> …`.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let session = take::split_at_byte(text, b' ').filter(|(word, _)| is_session(word));
    let Some((_, rest)) = session else {
        return old::parse(text);
    };
    if let Some(rest) = rest.strip_prefix("smtp ") {
        return smtp(rest.strip_prefix("event=").unwrap_or(rest));
    }
    let rest = rest
        .strip_prefix("mta ")
        .or_else(|| rest.strip_prefix("mda "))
        .or_else(|| rest.strip_prefix("bounce "))?;
    let rest = rest.strip_prefix("event=").unwrap_or(rest);
    match rest.strip_prefix("delivery ") {
        Some(rest) => delivery(rest),
        None => Some(about(None, rest)),
    }
}

/// One process serves all clients, so a connection is known by the number in front, cut to what a process ID has.
pub(super) fn session(text: &str) -> Option<u32> {
    let word = text.get(..16).filter(|word| is_session(word))?;
    u32::from_str_radix(word.get(8..)?, 16).ok()
}

/// Sixteen hexadecimal digits.
fn is_session(word: &str) -> bool {
    word.len() == 16 && word.bytes().all(|b| b.is_ascii_hexdigit())
}

fn smtp(text: &str) -> Option<Event<'_>> {
    let (what, rest) = take::split_at_byte(text, b' ').unwrap_or((text, ""));
    let (client, rest) = address_and_host(rest);
    match what {
        "connected" => Some(Event::Connect { client }),
        // The client's name comes before its address here.
        "authentication" => authentication(text.strip_prefix("authentication ")?),
        "envelope" => {
            let (evpid, rest) = field(rest, "evpid=")?;
            let (from, _) = bracketed(rest, "from=")?;
            submission(message_part(evpid), client, Some(from), "")
        }
        "message" => {
            let (id, rest) = field(rest, "msgid=")?;
            let (from, rest) = match bracketed(rest, "from=") {
                Some((from, rest)) => (Some(from), rest),
                None => (None, rest),
            };
            let rest = bracketed(rest, "to=").map_or(rest, |(_, rest)| rest);
            submission(id, client, from, rest)
        }
        "failed-command" => refused(client, rest),
        "disconnected" | "closed" => Some(Event::Disconnect(Disconnect {
            client,
            ..Disconnect::default()
        })),
        "tls" | "cert-check" | "starttls" | "bad-input" | "link-identify" | "report" => {
            Some(about(Some(client), text))
        }
        _ => None,
    }
}

/// `address=192.0.2.1 host=h `, when it is there; `address=local` for sendmail(8) on this host.
fn address_and_host(text: &str) -> (Client<'_>, &str) {
    let Some((ip, rest)) = field(text, "address=") else {
        return (Client::default(), text);
    };
    let (host, rest) = field(rest, "host=").unwrap_or(("", rest));
    let ip = ip.trim_matches(['[', ']']);
    let ip = ip.strip_prefix("IPv6:").unwrap_or(ip);
    let client = Client {
        name: take::known(host.trim_matches(['<', '>'])),
        ip: take::looks_like_ip(ip).then_some(ip),
        port: None,
    };
    (client, rest)
}

/// What follows sender and recipient: `size=123 nrcpt=1 proto=ESMTP`; before 6.4 `ndest=`.
pub(super) fn submission<'a>(
    id: &'a str,
    client: Client<'a>,
    from: Option<Address<'a>>,
    text: &'a str,
) -> Option<Event<'a>> {
    let mut found = Submission {
        queue_id: (id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit()))
            .then_some(QueueId(id)),
        client,
        from,
        ..Submission::default()
    };
    for word in text.split([' ', ',']) {
        match take::split_at_byte(word, b'=') {
            Some(("size", size)) => found.size = size.parse().ok(),
            Some(("nrcpt" | "ndest", nrcpt)) => found.nrcpt = nrcpt.parse().ok(),
            Some(("proto", proto)) => found.proto = Some(proto),
            _ => {}
        }
    }
    found.queue_id?;
    Some(Event::Client(Box::new(found)))
}

/// `user=bob address=192.0.2.1 host=h result=permfail`: the name is the client's, the rest is not.
fn authentication(text: &str) -> Option<Event<'_>> {
    let (front, result) = take::split_at_last(text, " result=")?;
    let (user, client) = match take::split_at_last(front, " address=") {
        Some((user, _)) => (user, address_and_host(front.get(user.len() + 1..)?).0),
        None => (front, Client::default()),
    };
    let user = user.strip_prefix("user=")?;
    match result.trim_matches('"') {
        "ok" => Some(Event::Login(Box::new(Login {
            protocol: "smtp",
            sasl_username: user,
            client_ip: client.ip,
            ..Login::default()
        }))),
        result => Some(Event::AuthFailure(Box::new(AuthFailure {
            protocol: "smtp",
            client,
            sasl_method: None,
            sasl_username: Some(user),
            reason: result,
            own_fault: result == "tempfail",
            attempts: 1,
        }))),
    }
}

/// `command="RCPT TO:<b@y>" result="550 Invalid recipient: <b@y>"`: the command is the client's text, the last result ours.
pub(super) fn refused<'a>(client: Client<'a>, text: &'a str) -> Option<Event<'a>> {
    let (command, reply) = take::split_at_last(text, " result=")?;
    let command = command.strip_prefix("command=")?.trim_matches('"');
    refusal(client, command, reply.trim_matches('"'))
}

pub(super) fn refusal<'a>(
    client: Client<'a>,
    command: &'a str,
    reply: &'a str,
) -> Option<Event<'a>> {
    let end = command
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(command.len());
    let (stage, argument) = command.split_at_checked(end)?;
    let stages = [
        "AUTH", "DATA", "EHLO", "HELO", "MAIL", "RCPT", "STARTTLS", "VRFY",
    ];
    let stage = stages
        .into_iter()
        .find(|known| stage.eq_ignore_ascii_case(known))
        .unwrap_or("UNKNOWN");
    let address = take::split_at_byte(argument, b':')
        .and_then(|(_, address)| take::address(address.trim_start()))
        .map(|(address, _)| address);
    let (reply_code, rest) = take::reply_code(reply);
    let (dsn, reason) = take::enhanced_status(rest);
    Some(Event::Reject(Box::new(Reject {
        action: "reject",
        stage,
        client,
        reply_code,
        dsn,
        reason,
        class: class(reason),
        from: address.filter(|_| stage == "MAIL"),
        to: address.filter(|_| stage == "RCPT"),
        ..Reject::default()
    })))
}

/// The words of OpenSMTPD's own replies.
fn class(reason: &str) -> RejectClass {
    let reason = reason.trim_start_matches([':', ' ']);
    let known = [
        ("Invalid recipient", RejectClass::UnknownRecipient),
        ("Recipient rejected", RejectClass::RecipientRefused),
        (
            "Destination address required",
            RejectClass::RecipientRefused,
        ),
        ("Sender rejected", RejectClass::SenderRefused),
        ("Domain of sender address", RejectClass::SenderRefused),
        ("Must issue a STARTTLS ", RejectClass::Policy),
        ("Must issue an AUTH ", RejectClass::RelayDenied),
        ("Invalid command", RejectClass::Protocol),
        ("Command not ", RejectClass::Protocol),
        ("Message too big", RejectClass::Size),
        ("Too many ", RejectClass::RateLimit),
        ("Limit exceeded", RejectClass::RateLimit),
        ("Temporary failure", RejectClass::OwnTrouble),
        ("Message rejected", RejectClass::Content),
    ];
    known
        .iter()
        .find(|(words, _)| reason.starts_with(words))
        .map_or(RejectClass::Other, |(_, class)| *class)
}

/// The message's part of an envelope's ID.
pub(super) fn message_part(evpid: &str) -> &str {
    evpid.get(..8).unwrap_or(evpid)
}

/// `evpid=… from=<> to=<> rcpt=<> source="…" relay="ip (host)" delay=1s result="Ok" stat="250 …"`.
fn delivery(text: &str) -> Option<Event<'_>> {
    let (evpid, rest) = field(text, "evpid=")?;
    let (_from, rest) = bracketed(rest, "from=")?;
    let (to, rest) = bracketed(rest, "to=")?;
    let (orig_to, rest) = match bracketed(rest, "rcpt=") {
        Some((rcpt, rest)) => (Some(rcpt), rest),
        None => (None, rest),
    };
    // Addresses are read; what follows is ours up to the remote server's text in `stat`.
    let (front, rest) = take::split_at_text(rest, "result=")?;
    let (result, stat) = take::split_at_text(rest, " stat=").unwrap_or((rest, ""));
    let relay = take::split_at_text(front, "relay=\"")
        .and_then(|(_, relay)| take::split_at_byte(relay, b'"'))
        .map(|(name, _)| relay(name));
    let delay = take::split_at_text(front, "delay=")
        .map(|(_, delay)| take::split_at_byte(delay, b' ').map_or(delay, |(delay, _)| delay));
    delivered(Delivery {
        queue_id: QueueId(message_part(evpid)),
        to,
        orig_to,
        relay: relay.unwrap_or_default(),
        delay: delay.and_then(take::duration),
        status: result.trim_matches('"'),
        reason: stat.trim_matches('"'),
        ..Delivery::default()
    })
}

/// The delivery with OpenSMTPD's result in Postfix's word.
pub(super) fn delivered(found: Delivery<'_>) -> Option<Event<'_>> {
    let status = match found.status {
        "Ok" => "sent",
        "PermFail" => "bounced",
        "Expire" | "Expired" => "expired",
        "TempFail" | "Loop" => "deferred",
        _ => return None,
    };
    let (code, rest) = take::reply_code(found.reason);
    let dsn: Option<EnhancedStatus> = code.and_then(|_| take::enhanced_status(rest).0);
    Some(Event::Delivery(Box::new(Delivery {
        status,
        dsn,
        // `rcpt=<->`, or the same: there was no alias.
        orig_to: found
            .orig_to
            .filter(|to| !matches!(to.0, "-" | "") && *to != found.to),
        ..found
    })))
}

/// `192.0.2.25 (mx.example.net)`, or a bare domain.
pub(super) fn relay(text: &str) -> Relay<'_> {
    match take::split_at_text(text, " (") {
        Some((ip, name)) => Relay {
            name: take::known(name.trim_end_matches(')')),
            ip: take::looks_like_ip(ip).then_some(ip),
            port: None,
        },
        None => Relay {
            name: (text != "-").then_some(text).and_then(take::known),
            ..Relay::default()
        },
    }
}

pub(super) fn field<'a>(text: &'a str, key: &str) -> Option<(&'a str, &'a str)> {
    let rest = text.strip_prefix(key)?;
    Some(take::split_at_byte(rest, b' ').unwrap_or((rest, "")))
}

fn bracketed<'a>(text: &'a str, key: &str) -> Option<(Address<'a>, &'a str)> {
    let (address, rest) = take::address(text.strip_prefix(key)?)?;
    Some((address, rest.trim_start_matches([',', ' '])))
}

pub(super) fn about<'a>(client: Option<Client<'a>>, text: &'a str) -> Event<'a> {
    Event::Note {
        queue_id: None,
        client: client.filter(|client| client.ip.is_some() || client.name.is_some()),
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
                name: Some("h"),
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
            relay: Relay {
                name: Some("mx"),
                ip: Some("192.0.2.25"),
                port: None,
            },
            delay: Some(3661.0),
            dsn: EnhancedStatus::parse("2.0.0"),
            status: "sent",
            reason: "250 2.0.0 OK",
            ..Delivery::default()
        };
        let line = "08d856b172f69c5c mta delivery evpid=a1b2c3d4e5f60718 from=<a@x> to=<b@example.net> rcpt=<> source=\"192.0.2.2\" \
                    relay=\"192.0.2.25 (mx)\" delay=1h1m1s result=\"Ok\" stat=\"250 2.0.0 OK\"";
        assert_eq!(parse(line), Some(Event::Delivery(Box::new(sent))));
        assert_eq!(parse("an arbitrary sentence"), None);
    }

    #[test]
    fn sessions() {
        assert_eq!(session("08d856b172f69c5c smtp x"), Some(0x72f6_9c5c));
        assert_eq!(session("smtp-in: x"), None);
        let login = Login {
            protocol: "smtp",
            sasl_username: "bob",
            ..Login::default()
        };
        let line = "08d856b172f69c5c smtp authentication user=bob result=ok";
        assert_eq!(parse(line), Some(Event::Login(Box::new(login))));
        let envelope = Submission {
            queue_id: Some(QueueId("a1b2c3d4")),
            from: Some(Address("a@x")),
            ..Submission::default()
        };
        let line = "08d856b172f69c5c smtp envelope evpid=a1b2c3d4e5f60718 from=<a@x> to=<b@y>";
        assert_eq!(parse(line), Some(Event::Client(Box::new(envelope))));
        let message = Submission {
            from: None,
            size: Some(123),
            nrcpt: Some(2),
            proto: Some("ESMTP"),
            ..envelope
        };
        let line = "08d856b172f69c5c smtp message msgid=a1b2c3d4 size=123 nrcpt=2 proto=ESMTP";
        assert_eq!(parse(line), Some(Event::Client(Box::new(message))));
        let reject = Reject {
            action: "reject",
            stage: "RCPT",
            reply_code: Some(550),
            reason: "Invalid recipient: <b@y>",
            class: RejectClass::UnknownRecipient,
            to: Some(Address("b@y")),
            ..Reject::default()
        };
        let line = "08d856b172f69c5c smtp failed-command command=\"RCPT TO:<b@y>\" result=\"550 Invalid recipient: <b@y>\"";
        assert_eq!(parse(line), Some(Event::Reject(Box::new(reject))));
    }
}

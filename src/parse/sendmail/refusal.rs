//! What Sendmail refuses: its rulesets, its milters, unknown recipients.

use super::{address_or_name, host};
use crate::event::{Event, Reject, RejectClass};
use crate::mail::{Address, QueueId};
use crate::parse::take;

/// `ruleset=…, reject=…`, `Milter: data, reject=…`, `<x>... User unknown`.
pub(super) fn parse<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    ruleset(queue_id, text)
        .or_else(|| milter(queue_id, text))
        .or_else(|| unknown(queue_id, text))
}

/// `<x>... User unknown`: the address is the client's.
fn unknown<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let (to, rest) = take::address(text)?;
    let reason = rest.strip_prefix("... ")?;
    Some(Event::Reject(Box::new(Reject {
        queue_id,
        action: "reject",
        stage: "RCPT",
        reason,
        class: class(reason),
        to: Some(to),
        ..Reject::default()
    })))
}

/// `Milter: to=<b@y>, reject=451 4.7.1 Greylisting in action`, `Milter: data, reject=550 5.7.1 spam`.
fn milter<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let rest = text.strip_prefix("Milter: ")?;
    let (stage, address, rest) = if let Some(rest) = rest.strip_prefix("from=") {
        let (from, rest) = address_or_name(rest)?;
        ("MAIL", Some(from), rest)
    } else if let Some(rest) = rest.strip_prefix("to=") {
        let (to, rest) = address_or_name(rest)?;
        ("RCPT", Some(to), rest)
    } else {
        // What the client said as its name comes before; the reply comes last.
        let (what, _) = take::split_at_text(rest, ", reject=")?;
        let stage = match what {
            _ if what.starts_with("connect") => "CONNECT",
            _ if what.starts_with("helo=") => "HELO",
            _ => "END-OF-MESSAGE",
        };
        (stage, None, rest.get(what.len()..)?)
    };
    let reply = rest.strip_prefix(", reject=")?;
    let (reply_code, reply) = take::reply_code(reply);
    let (dsn, reason) = take::enhanced_status(reply);
    let class = match class(reason) {
        RejectClass::Other if reply_code.is_some_and(|code| code < 500) => RejectClass::Policy,
        RejectClass::Other => RejectClass::Content,
        class => class,
    };
    Some(Event::Reject(Box::new(Reject {
        queue_id,
        action: "milter-reject",
        stage,
        reply_code,
        dsn,
        reason,
        class,
        from: address.filter(|_| stage == "MAIL"),
        to: address.filter(|_| stage == "RCPT"),
        ..Reject::default()
    })))
}

/// The ruleset's name in SMTP's words.
fn stage(ruleset: &str) -> &str {
    match ruleset {
        "check_relay" => "CONNECT",
        "check_mail" => "MAIL",
        "check_rcpt" => "RCPT",
        "check_vrfy" => "VRFY",
        "check_etrn" => "ETRN",
        "check_data" | "check_eom" | "check_eoh" => "DATA",
        "trust_auth" | "srv_features" | "tls_client" => "AUTH",
        _ => ruleset,
    }
}

/// `Rejected: 192.0.2.1 listed at zen.example.org`
fn dnsbl(reason: &str) -> Option<&str> {
    let (_, list) = take::split_at_text(reason.strip_prefix("Rejected: ")?, " listed at ")?;
    take::split_at_byte(list, b' ').map_or(Some(list), |(list, _)| Some(list))
}

/// `ruleset=check_rcpt, arg1=<x>, relay=host [ip], reject=550 5.7.1 <x>... Relaying denied`.
fn ruleset<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let (name, rest) = take::split_at_byte(text.strip_prefix("ruleset=")?, b',')?;
    let stage = stage(name);
    let (arg1, rest) = match rest.strip_prefix(" arg1=") {
        Some(rest) => address_or_name(rest)?,
        None => (Address(""), rest),
    };
    let (_, rest) = take::optional(rest, "arg2");
    let (relay, rest) = take::optional(rest, "relay");
    let rest = take::separator(rest);
    let (action, text) = match rest.strip_prefix("reject=") {
        Some(text) => ("reject", text),
        None => ("discard", rest.strip_prefix("discard")?),
    };
    let (reply_code, text) = take::reply_code(text);
    let (dsn, reason) = take::enhanced_status(text);
    let said = take::address(reason).and_then(|(_, rest)| rest.strip_prefix("... "));
    let said = said.unwrap_or(reason);
    Some(Event::Reject(Box::new(Reject {
        queue_id,
        action,
        stage,
        client: relay.and_then(host).unwrap_or_default(),
        reply_code,
        dsn,
        reason,
        class: class(said),
        dnsbl: dnsbl(reason),
        from: (stage == "MAIL").then_some(arg1),
        to: (stage == "RCPT").then_some(arg1),
        ..Reject::default()
    })))
}

/// The words behind `<what the client said>... `.
fn class(text: &str) -> RejectClass {
    let known = [
        ("Relaying denied", RejectClass::RelayDenied),
        ("Relaying temporarily denied", RejectClass::RelayDenied),
        ("User unknown", RejectClass::UnknownRecipient),
        ("No such user", RejectClass::UnknownRecipient),
        ("Domain of sender address", RejectClass::SenderRefused),
        ("Rejected: ", RejectClass::Dnsbl),
        ("Connection rate limit exceeded", RejectClass::RateLimit),
        ("Too many open connections", RejectClass::RateLimit),
        ("Access denied", RejectClass::Policy),
        ("Greylisting in action", RejectClass::Greylisted),
    ];
    known
        .iter()
        .find(|(words, _)| text.starts_with(words))
        .map_or(RejectClass::Other, |(_, class)| *class)
}

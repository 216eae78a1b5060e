//! Sendmail: sessions, messages and deliveries under its own queue IDs (`w1S9L7lZ012345`).

use super::take;
use crate::event::{
    AuthFailure, Delivery, Event, Reject, RejectClass, Submission, Tls, WarningLevel,
};
use crate::mail::{Address, Client, EnhancedStatus, QueueId, Relay};

/// Reads any line of sendmail(8), with or without a queue ID in front.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let (queue_id, rest) = match queue_id(text) {
        Some((queue_id, rest)) => (Some(queue_id), rest),
        // A session without a message has no ID yet.
        None => (None, text.strip_prefix("NOQUEUE: ").unwrap_or(text)),
    };
    if let Some(id) = queue_id
        && let Some(event) = message(id, rest)
    {
        return Some(event);
    }
    ruleset(queue_id, rest)
        .or_else(|| session(queue_id, rest))
        .or_else(|| note(queue_id, rest))
}

/// Fourteen letters and digits: date, hour, minute, second, process.
fn queue_id(text: &str) -> Option<(QueueId<'_>, &str)> {
    let (word, rest) = take::split_at_text(text, ": ")?;
    let bytes = word.as_bytes();
    let is_id = (12..=16).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && bytes.iter().rev().take(5).all(u8::is_ascii_digit);
    is_id.then_some((QueueId(word), rest))
}

fn message<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    if let Some(rest) = text.strip_prefix("from=") {
        return sender(queue_id, rest);
    }
    if let Some(rest) = text.strip_prefix("to=") {
        return delivery(queue_id, rest);
    }
    if text.starts_with("done; ") {
        return Some(Event::Removed {
            queue_id,
            how: None,
        });
    }
    // `<x>... User unknown`
    let (to, reason) =
        take::address(text).and_then(|(to, rest)| Some((to, rest.strip_prefix("... ")?)))?;
    Some(Event::Reject(Box::new(Reject {
        queue_id: Some(queue_id),
        action: "reject",
        stage: "RCPT",
        reason,
        class: class(reason),
        to: Some(to),
        ..Reject::default()
    })))
}

/// What follows `from=`: `<a@example.com>, size=1, class=0, nrcpts=1, msgid=<…>, …`.
fn sender<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let (from, rest) = address_or_name(text)?;
    let (size, rest) = take::optional(rest, "size");
    let (_class, rest) = take::optional(rest, "class");
    let (_pri, rest) = take::optional(rest, "pri");
    let (nrcpts, _) = take::optional(rest, "nrcpts");
    Some(Event::Queued {
        queue_id,
        from,
        size: Some(size?.parse().ok()?),
        nrcpt: nrcpts.and_then(|nrcpts| nrcpts.parse().ok()),
    })
}

/// `<a@example.com>`, or a local user's bare name.
fn address_or_name(text: &str) -> Option<(Address<'_>, &str)> {
    if text.starts_with('<') {
        return take::address(text);
    }
    let end = memchr::memchr(b',', text.as_bytes()).unwrap_or(text.len());
    Some((Address(text.get(..end)?), text.get(end..)?))
}

/// What follows `to=`: `<b@x>, ctladdr=…, delay=, xdelay=, mailer=, pri=, relay=, dsn=, stat=Sent (…)`.
fn delivery<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let (to, mut rest) = address_or_name(text)?;
    // Several recipients of one host share a line; the first stands for it.
    while let Some(next) = rest.strip_prefix(",<") {
        let (_, after) = take::address(rest.get(rest.len() - next.len() - 1..)?)?;
        rest = after;
    }
    if let Some(after) = rest.strip_prefix(", ctladdr=") {
        let (_, after) = address_or_name(after)?;
        let after_uid = after
            .strip_prefix(" (")
            .and_then(|uid| take::split_at_byte(uid, b')'));
        rest = after_uid.map_or(after, |(_, after)| after);
    }
    let (delay, rest) = take::optional(rest, "delay");
    let (_xdelay, rest) = take::optional(rest, "xdelay");
    let (_mailer, rest) = take::optional(rest, "mailer");
    let (_tls, rest) = take::optional(rest, "tls_verify");
    let (_pri, rest) = take::optional(rest, "pri");
    let (relay, rest) = take::optional(rest, "relay");
    let (dsn, rest) = take::optional(rest, "dsn");
    let (_reply, rest) = take::optional(rest, "reply");
    let stat = take::separator(rest).strip_prefix("stat=")?;
    let dsn = dsn.and_then(EnhancedStatus::parse);
    let (status, reason) = status(stat, dsn);
    Some(Event::Delivery(Box::new(Delivery {
        queue_id,
        to,
        relay: relay.and_then(host).map(relay_of).unwrap_or_default(),
        delay: delay.and_then(seconds),
        dsn,
        status,
        reason,
        ..Delivery::default()
    })))
}

/// Sendmail's words in Postfix's.
fn status(stat: &str, dsn: Option<EnhancedStatus>) -> (&'static str, &str) {
    let reason = |rest: &str| rest.len();
    let cut = |rest_len: usize| {
        let rest = stat.get(stat.len() - rest_len..).unwrap_or("");
        let rest = rest.trim_start_matches([':', ' ']);
        rest.strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            .unwrap_or(rest)
    };
    if let Some(rest) = stat.strip_prefix("Sent") {
        return ("sent", cut(reason(rest)));
    }
    if let Some(rest) = stat.strip_prefix("Deferred") {
        return ("deferred", cut(reason(rest)));
    }
    match dsn.map(|dsn| dsn.class) {
        Some(5) => ("bounced", stat),
        Some(2) => ("sent", stat),
        _ => ("deferred", stat),
    }
}

/// `1+02:03:04`: days, hours, minutes, seconds.
fn seconds(text: &str) -> Option<f64> {
    let (days, clock) = take::split_at_byte(text, b'+').unwrap_or(("0", text));
    let mut parts = clock.split(':').map(str::parse::<f64>);
    let mut next = || parts.next()?.ok();
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    Some(((days.parse::<f64>().ok()? * 24.0 + hours) * 60.0 + minutes) * 60.0 + seconds)
}

/// `host. [ip]`, `host [ip] (may be forged)`, `[ip]`.
fn host(text: &str) -> Option<Client<'_>> {
    let Some((name, rest)) = take::split_at_byte(text, b'[') else {
        return Some(Client {
            name: take::known(text.trim_end_matches('.')),
            ..Client::default()
        });
    };
    let (ip, _) = take::split_at_byte(rest, b']')?;
    let name = name.trim_end().trim_end_matches('.');
    let ip = ip.strip_prefix("IPv6:").unwrap_or(ip);
    (!name.contains(' ')).then_some(Client {
        name: take::known(name),
        ip: take::known(ip),
        port: None,
    })
}

fn relay_of(client: Client<'_>) -> Relay<'_> {
    Relay {
        name: client.name,
        ip: client.ip,
        port: client.port,
    }
}

/// `ruleset=check_rcpt, arg1=<x>, relay=host [ip], reject=550 5.7.1 <x>... Relaying denied`.
fn ruleset<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let (stage, rest) = take::split_at_byte(text.strip_prefix("ruleset=")?, b',')?;
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
        from: (stage == "check_mail").then_some(arg1),
        to: (stage == "check_rcpt").then_some(arg1),
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

/// Logins, TLS, and attacks.
fn session<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    if let Some(rest) = text.strip_prefix("AUTH=server, relay=") {
        let (relay, rest) = take::split_at_text(rest, ", authid=")?;
        // `, mech=… , bits=…` end the line; the name may say anything.
        let (name, rest) = take::split_at_last(rest, ", mech=")?;
        let (method, _) = take::split_at_byte(rest, b',').unwrap_or((rest, ""));
        return Some(Event::Client(Box::new(Submission {
            queue_id,
            client: host(relay)?,
            sasl_method: Some(method),
            sasl_username: Some(name),
            ..Submission::default()
        })));
    }
    if let Some(rest) = text.strip_prefix("AUTH failure (") {
        return failure(rest);
    }
    if let Some(rest) = text.strip_prefix("STARTTLS=") {
        let (side, rest) = take::split_at_byte(rest, b',')?;
        let (relay, rest) = take::optional(rest, "relay");
        let (version, rest) = take::optional(rest, "version");
        let (_verify, rest) = take::optional(rest, "verify");
        let (cipher, _) = take::optional(rest, "cipher");
        return Some(Event::Tls(Box::new(Tls {
            queue_id,
            inbound: side == "server",
            peer: host(relay?)?,
            trust: "",
            tls_version: version?,
            tls_cipher: cipher?,
        })));
    }
    let (peer, rest) = take::split_at_text(text, ": possible SMTP attack: ")?;
    Some(Event::Warning {
        queue_id,
        client: host(peer),
        level: WarningLevel::Warning,
        text: rest,
    })
}

/// What follows `AUTH failure (`: `LOGIN): authentication failure (-13) SASL(-13): …, user=…, relay=host [ip]`.
fn failure(text: &str) -> Option<Event<'_>> {
    let (method, rest) = take::split_at_text(text, "): ")?;
    let (front, relay) = take::split_at_last(rest, ", relay=")?;
    let (reason, user) = match take::split_at_text(front, ", user=") {
        Some((reason, user)) => (reason, Some(user)),
        None => (front, None),
    };
    Some(Event::AuthFailure(Box::new(AuthFailure {
        protocol: "smtp",
        client: host(relay)?,
        sasl_method: Some(method),
        sasl_username: user,
        reason,
        own_fault: false,
        attempts: 1,
    })))
}

fn note<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    if let Some(rest) = text.strip_prefix("SYSERR") {
        return Some(Event::Warning {
            queue_id,
            client: None,
            level: WarningLevel::Error,
            text: rest,
        });
    }
    let services = [
        "starting daemon ",
        "alias database ",
        "rejecting connections on daemon ",
        "accepting connections again",
        "restarting ",
        "stopping daemon",
        "runqueue: ",
    ];
    if services.iter().any(|known| text.starts_with(known)) {
        return Some(Event::Service { text });
    }
    let starts = [
        "Milter",
        "milter=",
        "collect: ",
        "clone ",
        "clone: ",
        "timeout waiting for input ",
        "lost input channel ",
        "rejecting commands from ",
        "postmaster notify: ",
        "sender notify: ",
        "return to sender: ",
        "DSN: ",
        "makeconnection ",
        "STARTTLS: ",
        "unable to qualify ",
        "body type not supported",
        "--- ",
        "<-- ",
        "hostname ",
        "grew WorkList ",
        "locked",
        "Fixed MIME ",
        "Truncated MIME ",
    ];
    let is_start = starts.iter().any(|known| text.starts_with(known));
    let ends = [
        " did not issue MAIL/EXPN/VRFY/ETRN during connection to ",
        ": EXPN ",
        ": VRFY ",
    ];
    let early = text
        .strip_prefix("rejecting commands from ")
        .and_then(|rest| take::split_at_text(rest, " due to "));
    let peer = ends
        .iter()
        .find_map(|words| Some(take::split_at_text(text, words)?.0))
        .or(early.map(|(peer, _)| peer.trim_start()));
    (is_start || peer.is_some()).then_some(Event::Note {
        queue_id,
        client: peer.and_then(host),
        text,
    })
}

#[cfg(test)]
mod tests;

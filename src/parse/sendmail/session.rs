//! What Sendmail says of a client: logins, TLS, attacks, and what it left undone.

use super::host;
use crate::event::{AuthFailure, Event, Login, Tls, WarningLevel};
use crate::mail::QueueId;
use crate::parse::take;

/// Logins, TLS, attacks, and sentences that change nothing.
pub(super) fn parse<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    session(queue_id, text).or_else(|| note(queue_id, text))
}

fn session<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    if let Some(rest) = text.strip_prefix("AUTH=server, relay=") {
        let (relay, rest) = take::split_at_text(rest, ", authid=")?;
        // `, mech=… , bits=…` end the line; the name may say anything.
        let (name, rest) = take::split_at_last(rest, ", mech=")?;
        let (method, _) = take::split_at_byte(rest, b',').unwrap_or((rest, ""));
        return Some(Event::Login(Box::new(Login {
            protocol: "smtp",
            sasl_username: name,
            sasl_method: Some(method),
            client_ip: host(relay)?.ip,
            tls: false,
        })));
    }
    if let Some(rest) = text.strip_prefix("AUTH failure (") {
        return failure(rest);
    }
    if let Some(rest) = text.strip_prefix("STARTTLS=") {
        let (side, rest) = take::split_at_byte(rest, b',')?;
        if rest.starts_with(" error: ") {
            let peer = take::split_at_last(rest, ", relay=").and_then(|(_, peer)| host(peer));
            return Some(Event::Warning {
                queue_id,
                client: peer.filter(|_| side == "server"),
                level: WarningLevel::Warning,
                text,
            });
        }
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
    let attacks = [": possible SMTP attack: ", ": Possible SMTP RCPT flood, "];
    let (peer, rest) = attacks
        .iter()
        .find_map(|words| take::split_at_text(text, words))?;
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
        "started as: ",
        "My unqualified host name ",
        "gethostbyaddr(",
        "AUTH warning: ",
        "AUTH=client, ",
    ];
    if services.iter().any(|known| text.starts_with(known)) {
        return Some(Event::Service { text });
    }
    if text.starts_with('/') && text.contains(" aliases, longest ") {
        return Some(Event::Service { text });
    }
    let starts = [
        "Authentication-Warning: ",
        "discarded",
        "quarantine",
        "Losing ",
        "Null connection from ",
        "SMTP ",
        "connect from ",
        "tempfailing commands",
        "unable to ",
        "alias ",
        "forward ",
        "headers too large",
        "message too large",
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
    let is_probe = [" [rejected]", ": ETRN "]
        .iter()
        .any(|words| text.contains(words));
    let peer = peer(text);
    let is_known = is_start || is_probe || peer.is_some();
    is_known.then_some(Event::Note {
        queue_id,
        client: peer.and_then(host),
        text,
    })
}

/// Who it is: in front of some words, behind others and in front of the next.
fn peer(text: &str) -> Option<&str> {
    let behind = [
        ("rejecting commands from ", " due to "),
        ("lost input channel from ", " to "),
        ("timeout waiting for input from ", " during "),
        ("Null connection from ", ""),
        ("connect from ", ""),
    ];
    for (before, after) in behind {
        if let Some(rest) = text.strip_prefix(before) {
            let name = match after {
                "" => rest,
                _ => take::split_at_text(rest, after).map_or(rest, |(name, _)| name),
            };
            return Some(name.trim_start());
        }
    }
    let front = [
        " did not issue MAIL/EXPN/VRFY/ETRN during connection to ",
        ": EXPN ",
        ": expn ",
        ": VRFY ",
        ": vrfy ",
        ": ETRN ",
    ];
    let name = front
        .iter()
        .find_map(|words| Some(take::split_at_text(text, words)?.0))?;
    name.ends_with([']', ')']).then_some(name)
}

//! OpenSMTPD before 6.0: the process comes first, the session somewhere in the sentence.

use super::{about, delivered, message_part, refusal, relay, submission};
use crate::event::{AuthFailure, Delivery, Event};
use crate::mail::{Address, Client, QueueId};
use crate::parse::take;

/// Reads `smtp-in: …`, `relay: Ok for …`, and what smtpd says of itself.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    if let Some(rest) = text.strip_prefix("smtp-in: ") {
        return smtp_in(rest).or_else(|| Some(about(None, text)));
    }
    if let Some(rest) = text
        .strip_prefix("relay: ")
        .or_else(|| text.strip_prefix("delivery: "))
    {
        return attempt(rest).or_else(|| Some(about(None, text)));
    }
    let known = [
        "smtp-out: ",
        "info: ",
        "warn: ",
        "debug: ",
        "lookup: ",
        "queue: ",
        "scheduler: ",
        "control: ",
        "mta: ",
        "mda: ",
        "bounce: ",
        "smtpd: ",
        "fatal: ",
        "pony express",
        "setup_proc",
        "smtp: ",
        "exiting",
    ];
    known
        .iter()
        .any(|known| text.starts_with(known))
        .then(|| about(None, text))
}

/// What follows `smtp-in: `.
fn smtp_in(text: &str) -> Option<Event<'_>> {
    if let Some(rest) = text.strip_prefix("New session ") {
        return Some(Event::Connect {
            client: host(rest)?,
        });
    }
    if let Some(rest) = text.strip_prefix("Accepted message ") {
        let (id, rest) = take::split_at_text(rest, " on session ")?;
        let (_, rest) = take::split_at_text(rest, ": from=")?;
        let (from, rest) = take::address(rest)?;
        let rest = match rest.strip_prefix(", to=") {
            Some(rest) => take::address(rest)?.1,
            None => rest,
        };
        return submission(id, Client::default(), Some(from), rest);
    }
    if let Some(rest) = text.strip_prefix("Failed command on session ") {
        let (_, rest) = take::split_at_text(rest, ": \"")?;
        let (command, reply) = take::split_at_last(rest, "\" => ")?;
        return refusal(Client::default(), command, reply);
    }
    let rest = text.strip_prefix("Authentication failed for user ")?;
    let (user, _) = take::split_at_last(rest, " on session ")?;
    Some(Event::AuthFailure(Box::new(AuthFailure {
        protocol: "smtp",
        sasl_username: Some(user),
        reason: "Authentication failed",
        attempts: 1,
        ..AuthFailure::default()
    })))
}

/// `SESSION from host h [192.0.2.1]`
fn host(text: &str) -> Option<Client<'_>> {
    let (_, rest) = take::split_at_text(text, " from host ")?;
    let (name, rest) = take::split_at_text(rest, " [")?;
    let (ip, _) = take::split_at_byte(rest, b']')?;
    Some(Client {
        name: take::known(name),
        ip: take::looks_like_ip(ip).then_some(ip),
        port: None,
    })
}

/// `Ok for EVPID: session=…, from=<>, to=<>, rcpt=<->, source=…, relay=…, delay=1s, stat=250 ok`.
fn attempt(text: &str) -> Option<Event<'_>> {
    let (status, rest) = take::split_at_text(text, " for ")?;
    let (evpid, rest) = take::split_at_text(rest, ": ")?;
    let (_, rest) = take::optional(rest, "session");
    let rest = take::separator(rest).strip_prefix("from=")?;
    let (_, rest) = take::address(rest)?;
    let (to, rest) = take::address(rest.strip_prefix(", to=")?)?;
    let (orig_to, rest): (Option<Address<'_>>, _) = match rest.strip_prefix(", rcpt=") {
        Some(rest) => take::address(rest).map(|(rcpt, rest)| (Some(rcpt), rest))?,
        None => (None, rest),
    };
    let (_user, rest) = take::optional(rest, "user");
    let (_method, rest) = take::optional(rest, "method");
    let (_source, rest) = take::optional(rest, "source");
    let (next, rest) = take::optional(rest, "relay");
    let (delay, rest) = take::optional(rest, "delay");
    delivered(Delivery {
        queue_id: QueueId(message_part(evpid)),
        to,
        orig_to,
        relay: next.map(relay).unwrap_or_default(),
        delay: delay.and_then(take::duration),
        status,
        reason: take::separator(rest).strip_prefix("stat=").unwrap_or(""),
        ..Delivery::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let check =
            |text: &str, wanted| assert_eq!(parse(text).map(|e| e.name()), Some(wanted), "{text}");
        check(
            "smtp-in: New session 0123456789abcdef from host h [192.0.2.1]",
            "connect",
        );
        check(
            "smtp-in: Accepted message 01234567 on session 0123456789abcdef: from=<a@x>, to=<b@y>, size=1, ndest=1, proto=ESMTP",
            "client",
        );
        check(
            "smtp-in: Failed command on session 0123456789abcdef: \"RCPT TO:<b@y>\" => 550 Invalid recipient",
            "reject",
        );
        check(
            "smtp-in: Authentication failed for user bob on session 0123456789abcdef",
            "auth_failure",
        );
        check(
            "relay: TempFail for 0123456789abcdef: session=0123456789abcdef, from=<a@x>, to=<b@y>, rcpt=<->, source=192.0.2.2, \
             relay=192.0.2.25 (mx), delay=1s, stat=450 4.2.0 later",
            "delivery",
        );
        check(
            "delivery: Ok for 0123456789abcdef: from=<a@x>, to=<b@y>, user=b, method=mbox, delay=1s, stat=Delivered",
            "delivery",
        );
        check("smtp-in: Closing session 0123456789abcdef", "note");
        assert_eq!(parse("an arbitrary sentence"), None);
    }
}

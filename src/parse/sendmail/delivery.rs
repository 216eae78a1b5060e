//! Sendmail's `to=` lines: recipients that share a mailer and a host share a line.

use super::{address_or_name, host};
use crate::event::{Delivery, Event};
use crate::mail::{Client, EnhancedStatus, QueueId, Relay};
use crate::parse::take;

/// What follows `to=`: `<b@x>, ctladdr=…, delay=, xdelay=, mailer=, pri=, relay=, dsn=, stat=Sent (…)`.
pub(super) fn parse<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let (to, mut rest) = address_or_name(text)?;
    let recipients = rest;
    while let Some(next) = rest.strip_prefix(',').filter(|next| !next.starts_with(' ')) {
        (_, rest) = address_or_name(next)?;
    }
    let also_to = recipients.get(..recipients.len() - rest.len())?;
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
        also_to,
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

fn relay_of(client: Client<'_>) -> Relay<'_> {
    Relay {
        name: client.name,
        ip: client.ip,
        port: client.port,
    }
}

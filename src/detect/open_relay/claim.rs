//! The finding in words: which client relays, what and how much, and what to close first.

use std::net::IpAddr;

use super::relayed::Relayed;
use crate::detect::{Context, Judged, counting};
use crate::finding::{Action, Counts, Evidence, Finding, LOGS, SubjectKind, shell_word};
use crate::knowledge::places::Network;

const HOUR_MICROS: i64 = 3_600_000_000;
/// Messages whose lines are shown.
const FEW: usize = 3;
/// Deliveries from which on what still goes on is critical.
const LARGE: usize = 1000;

/// True when it went on until the log's end, and it is large.
pub(super) fn is_ongoing_and_large(context: &Context<'_>, relayed: &Relayed<'_>) -> bool {
    let last = relayed
        .arrivals
        .iter()
        .map(|arrival| arrival.mail.seen.micros)
        .max();
    let ongoing = last.is_some_and(|last| context.tables.log_end_micros - last < 6 * HOUR_MICROS);
    ongoing && relayed.n_deliveries >= LARGE
}

pub(super) fn finding(context: &Context<'_>, relayed: &Relayed<'_>, judged: Judged) -> Finding {
    let mail = || relayed.arrivals.iter().map(|arrival| &arrival.mail);
    let uses = mail().filter_map(|s| Some((s.client_ip?, s.seen, 1)));
    let clients = counting::clients(context, uses);
    let counts = counting::counts(context, mail());
    let busiest = clients
        .first()
        .map(|client| client.ip.clone())
        .unwrap_or_default();
    let name = subject(relayed, &busiest);
    let still_queued: Vec<String> = mail()
        .flat_map(|s| s.still_queued.iter().cloned())
        .collect();
    Finding {
        title: format!("This server relays mail for strangers behind {name}, without a login"),
        summary: summary(relayed, &name, &counts, still_queued.len()),
        first_seen: mail().map(|s| s.seen).min().unwrap_or_default(),
        last_seen: mail().map(|s| s.seen).max().unwrap_or_default(),
        totals: counts.clone(),
        counts,
        clients,
        providers: counting::providers(context, mail()),
        queue_ids: mail().map(|s| s.queue_id.clone()).collect(),
        evidence: evidence(relayed),
        actions: actions(&name, &still_queued),
        still_queued,
        uncertain: vec![if relayed.is_own {
            "The client is in a network that may relay: whether strangers are behind it, or a program of yours, only it knows.".to_owned()
        } else {
            "If this server takes mail for these domains on purpose, tell mailsleuth with --postconf.".to_owned()
        }],
        ..judged.about(SubjectKind::Client, &name)
    }
}

/// The client, or the network where there are several; of many networks, the busiest client.
fn subject(relayed: &Relayed<'_>, busiest: &str) -> String {
    let mut ips = relayed.clients.iter();
    match (ips.next(), ips.next()) {
        (Some(first), Some(_)) => {
            let network = Network::of(*first);
            let is_inside = |ip: &IpAddr| Network::of(*ip) == network;
            match relayed.clients.iter().all(is_inside) {
                true => network.0.to_string(),
                false => busiest.to_owned(),
            }
        }
        _ => busiest.to_owned(),
    }
}

fn summary(relayed: &Relayed<'_>, name: &str, counts: &Counts, n_still_queued: usize) -> String {
    let n = |count: Option<u64>| count.unwrap_or(0);
    let others = match relayed.clients.len() {
        0 | 1 => String::new(),
        n_clients => format!(" ({n_clients} addresses)"),
    };
    let queued = match n_still_queued {
        0 => String::new(),
        n => format!(" {n} still wait in the queue."),
    };
    format!(
        "{} messages to {} recipients in {} domains, under senders in {} foreign domains, came from {name}{others} without a login and were sent on: {} delivered, {} deferred, {} bounced.{queued}",
        n(counts.messages),
        n(counts.recipients),
        relayed.recipient_domains.len(),
        relayed.sender_domains.len(),
        n(counts.sent),
        n(counts.deferred),
        n(counts.bounced) + n(counts.expired),
    )
}

/// Of the first messages and the last: who handed it in, under which sender, and where it went.
fn evidence(relayed: &Relayed<'_>) -> Vec<Evidence> {
    let arrivals = &relayed.arrivals;
    let mut lines = Vec::new();
    for arrival in arrivals.iter().take(FEW).chain(arrivals.last()) {
        let mail = &arrival.mail;
        lines.push(Evidence::at(mail.line, mail.seen));
        lines.push(Evidence::at(mail.queued_line, mail.seen));
        if let Some(way) = arrival.outside().next() {
            let moment = crate::mail::Timestamp {
                micros: way.last_attempt_micros,
                ..mail.seen
            };
            lines.push(Evidence::at(way.line, moment));
        }
    }
    lines.sort_by_key(|line| line.at);
    lines.dedup_by_key(|line| line.at);
    lines
}

fn actions(name: &str, still_queued: &[String]) -> Vec<Action> {
    let mut actions = vec![Action {
        why: "See who may relay: mynetworks should hold single hosts, and reject_unauth_destination must come before any other permit".to_owned(),
        command: "postconf mynetworks smtpd_relay_restrictions smtpd_recipient_restrictions".to_owned(),
    }];
    if let Some(first) = still_queued.first() {
        actions.push(Action {
            why: format!(
                "Hold what still waits ({} messages); look at one before deleting any",
                still_queued.len()
            ),
            command: format!("postcat -vq {}", shell_word(first)),
        });
    }
    actions.push(Action {
        why: "Follow all that came from there".to_owned(),
        command: format!("mailsleuth trace --client {} {LOGS}", shell_word(name)),
    });
    actions
}

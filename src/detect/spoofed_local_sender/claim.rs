//! The finding in words: how many, under which senders, from where, and that nobody logged in.

use std::collections::BTreeMap;

use hashbrown::HashSet;

use super::Incident;
use crate::correlate::Symbol;
use crate::detect::refusals::Refusal;
use crate::detect::submissions::ip_of;
use crate::detect::{Context, Judged, counting};
use crate::finding::{Action, Counts, Evidence, Finding, LOGS, SubjectKind, shell_word};
use crate::knowledge::places::Network;

/// Lines and senders that are shown; the rest is counted.
const FEW: usize = 4;

pub(super) fn finding(context: &Context<'_>, incident: &Incident<'_>, judged: Judged) -> Finding {
    let mail = || incident.arrivals.iter().map(|arrival| &arrival.mail);
    let uses = mail().filter_map(|s| Some((s.client_ip?, s.seen, 1)));
    let counts = counting::counts(context, mail());
    let domain = &incident.domain;
    Finding {
        title: format!("Strangers send mail under addresses of {domain}, without a login"),
        summary: summary(context, incident, &counts),
        first_seen: mail().map(|s| s.seen).min().unwrap_or_default(),
        last_seen: mail().map(|s| s.seen).max().unwrap_or_default(),
        totals: counts.clone(),
        counts,
        clients: counting::clients(context, uses),
        providers: counting::providers(context, mail()),
        queue_ids: mail().map(|s| s.queue_id.clone()).collect(),
        still_queued: mail().flat_map(|s| s.still_queued.iter().cloned()).collect(),
        evidence: evidence(incident),
        actions: vec![trace(domain)],
        uncertain: vec![
            "A forwarder or a service that sends for the domain looks the same where the log has no word of SPF or DMARC, and the message was submitted elsewhere.".to_owned(),
        ],
        ..judged.about(SubjectKind::Domain, domain)
    }
}

/// The restriction's success.
pub(super) fn refused(
    context: &Context<'_>,
    domain: &str,
    refused: &[Refusal],
    judged: Judged,
) -> Finding {
    let strings = &context.tables.strings;
    let n_times: u64 = refused.iter().map(|refusal| refusal.n_times).sum();
    let clients: HashSet<Symbol> = refused
        .iter()
        .filter_map(|refusal| refusal.client_ip)
        .collect();
    let ips = clients.iter().filter_map(|ip| ip_of(strings, Some(*ip)));
    let networks: HashSet<Network> = ips.map(Network::of).collect();
    let seen = || refused.iter().map(|refusal| refusal.seen);
    let (first, last) = (
        seen().min().unwrap_or_default(),
        seen().max().unwrap_or_default(),
    );
    let counts = Counts {
        messages: Some(0),
        client_ips: Some(clients.len() as u64),
        networks: Some(networks.len() as u64),
        ..Counts::default()
    };
    let uses = refused
        .iter()
        .filter_map(|refusal| Some((refusal.client_ip?, refusal.seen, 0)));
    let quoted = refused.iter().take(FEW).chain(refused.last());
    let mut lines: Vec<Evidence> = quoted
        .map(|refusal| Evidence::at(refusal.at, refusal.seen))
        .collect();
    lines.dedup_by_key(|line| line.at);
    Finding {
        title: format!("Forged senders in {domain} were refused"),
        summary: format!(
            "{n_times} attempts from {} addresses to send under addresses of {domain} without a login were refused between {} and {}; none was accepted.",
            clients.len(),
            first.for_people(),
            last.for_people(),
        ),
        first_seen: first,
        last_seen: last,
        totals: counts.clone(),
        counts,
        clients: counting::clients(context, uses),
        evidence: lines,
        actions: vec![trace(domain)],
        ..judged.about(SubjectKind::Domain, domain)
    }
}

fn trace(domain: &str) -> Action {
    Action {
        why: "See what came under these senders, and whom it reached".to_owned(),
        command: format!(
            "mailsleuth trace --from {} {LOGS}",
            shell_word(&format!("@{domain}"))
        ),
    }
}

fn summary(context: &Context<'_>, incident: &Incident<'_>, counts: &Counts) -> String {
    let strings = &context.tables.strings;
    let mut senders: BTreeMap<String, u64> = BTreeMap::new();
    for arrival in &incident.arrivals {
        let from = arrival.mail.from.map_or("", |from| strings.get(from));
        *senders.entry(from.to_ascii_lowercase()).or_insert(0) += 1;
    }
    let mut senders: Vec<(String, u64)> = senders.into_iter().collect();
    senders.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let shown = senders
        .iter()
        .take(FEW)
        .map(|(from, n)| format!("{from} ({n})"));
    let mut shown = shown.collect::<Vec<String>>().join(", ");
    if senders.len() > FEW {
        shown.push_str(&format!(" and {} more", senders.len() - FEW));
    }
    let n_refused: u64 = incident.refused.iter().map(|refusal| refusal.n_times).sum();
    let refused = match n_refused {
        0 => String::new(),
        n => format!(" {n} more attempts were refused."),
    };
    let n = counts.messages.unwrap_or(0);
    format!(
        "{n} message{} to {} recipients came from {} addresses outside, without a login, under {}; nobody's password was used.{refused}",
        if n == 1 { "" } else { "s" },
        counts.recipients.unwrap_or(0),
        counts.client_ips.unwrap_or(0),
        shown,
    )
}

/// Who handed the first ones in, and under which senders; and the last.
fn evidence(incident: &Incident<'_>) -> Vec<Evidence> {
    let arrivals = &incident.arrivals;
    let mut lines = Vec::new();
    for arrival in arrivals.iter().take(FEW).chain(arrivals.last()) {
        let mail = &arrival.mail;
        lines.push(Evidence::at(mail.line, mail.seen));
        lines.push(Evidence::at(mail.queued_line, mail.seen));
    }
    lines.sort_by_key(|line| line.at);
    lines.dedup_by_key(|line| line.at);
    lines
}

//! The finding of an incident: its numbers, and what to do first.

use std::net::IpAddr;

use hashbrown::HashSet;

use super::account::Account;
use super::evidence;
use super::misuse::Misuse;
use super::signals::failures;
use super::traffic::HOUR_MICROS;
use super::words::{plural, summary, title, uncertain};
use crate::correlate::Symbol;
use crate::detect::submissions::Submission;
use crate::detect::{Judged, counting};
use crate::finding::{Action, Counts, FINDING, Finding, LOGS, SubjectKind, shell_word};
use crate::knowledge::geoip::Country;
use crate::knowledge::places::Network;

/// Queue IDs that fit into a command to copy.
const MAX_IDS_IN_COMMAND: usize = 20;

/// True when it went on until the log's end, or much of it still waits, and it is large.
pub(super) fn is_ongoing_and_large(account: &Account<'_>, misuse: &Misuse<'_>) -> bool {
    let last = misuse.submissions.iter().map(|s| s.seen.micros).max();
    let log_end = account.context.tables.log_end_micros;
    let ongoing = last.is_some_and(|last| log_end - last < 6 * HOUR_MICROS);
    let n_deliveries: usize = misuse.submissions.iter().map(|s| s.deliveries.len()).sum();
    ongoing && n_deliveries >= 1000
}

pub(super) fn finding(account: &Account<'_>, misuse: &Misuse<'_>, judged: Judged) -> Finding {
    let mail = || misuse.submissions.iter().copied();
    let still_queued: Vec<String> = mail()
        .flat_map(|s| s.still_queued.iter().cloned())
        .collect();
    // The looks into the mailbox before the first message stand in the facts of `timeline`.
    let (first_seen, last_seen) = misuse.mail_span();
    let counts = counts(account, misuse);
    let sent = mail().filter_map(|s| Some((s.client_ip?, s.seen, 1)));
    let opened = misuse.logins.iter();
    let opened = opened.filter_map(|login| Some((login.client_ip?, login.seen, 0)));
    let clients = counting::clients(account.context, sent.chain(opened));
    Finding {
        title: title(account, misuse),
        summary: summary(account, misuse, &counts, still_queued.len()),
        first_seen,
        last_seen,
        totals: totals(account),
        providers: counting::providers(account.context, mail()),
        queue_ids: mail().map(|s| s.queue_id.clone()).collect(),
        actions: actions(account, &still_queued),
        evidence: evidence::lines(account, misuse),
        uncertain: uncertain(misuse),
        counts,
        clients,
        still_queued,
        ..judged.about(SubjectKind::Account, account.name)
    }
}

/// What somebody else did.
fn counts(account: &Account<'_>, misuse: &Misuse<'_>) -> Counts {
    let mail = misuse.submissions.iter().copied();
    let counts = with_places(
        account,
        counting::counts(account.context, mail),
        &misuse.clients(),
    );
    Counts {
        logins: Some(misuse.logins.len() as u64 + counts.messages.unwrap_or(0)),
        auth_failures: Some(failures(misuse).map_or(0, |(n, _)| u64::from(n))),
        bounces_received: Some(bounces_received(account, &misuse.submissions)),
        ..counts
    }
}

/// The places of all uses, where counting knows those of the mail alone.
fn with_places(account: &Account<'_>, counts: Counts, clients: &HashSet<Symbol>) -> Counts {
    let ips: Vec<IpAddr> = clients
        .iter()
        .filter_map(|ip| account.ip(Some(*ip)))
        .collect();
    let networks: HashSet<Network> = ips.iter().copied().map(Network::of).collect();
    let places = || ips.iter().map(|ip| account.context.geoip.lookup(*ip));
    let countries: HashSet<Country> = places().filter_map(|place| place.country).collect();
    let asns: HashSet<u32> = places().filter_map(|place| place.asn).collect();
    Counts {
        client_ips: Some(clients.len() as u64),
        networks: Some(networks.len() as u64),
        countries: Some(countries.len() as u64),
        asns: Some(asns.len() as u64),
        ..counts
    }
}

/// What the account did, whoever used it.
pub(super) fn totals(account: &Account<'_>) -> Counts {
    let mail: Vec<&Submission> = account.submissions.iter().collect();
    let opened: usize = account.places.iter().map(|place| place.logins.len()).sum();
    let clients = account
        .places
        .iter()
        .flat_map(|place| place.client_ips())
        .collect();
    let counts = counting::counts(account.context, mail.iter().copied());
    let counts = with_places(account, counts, &clients);
    Counts {
        logins: Some(opened as u64 + counts.messages.unwrap_or(0)),
        bounces_received: Some(bounces_received(account, &mail)),
        ..counts
    }
}

/// Notifications about some mail of the account that reached a mailbox here.
pub(super) fn bounces_received(account: &Account<'_>, mail: &[&Submission]) -> u64 {
    let numbers: HashSet<u32> = mail.iter().map(|s| s.number).collect();
    let lineage = &account.context.tables.lineage;
    let received = account.context.notices.iter().filter(|bounce| {
        let parent = lineage.parent(bounce.number).map(|(parent, _)| parent);
        parent.is_some_and(|parent| numbers.contains(&lineage.submission(parent)))
    });
    received.count() as u64
}

fn actions(account: &Account<'_>, still_queued: &[String]) -> Vec<Action> {
    let login = shell_word(account.name);
    let mut actions = vec![Action {
        why: "Lock the login out now: change its password where the accounts are kept, then end its sessions".to_owned(),
        command: format!("doveadm kick {login}"),
    }];
    if let Some(first) = still_queued.first() {
        let ids = if still_queued.len() <= MAX_IDS_IN_COMMAND {
            format!("printf '%s\\n' {} | postsuper -h -", still_queued.join(" "))
        } else {
            format!("mailsleuth queue --finding {FINDING} {LOGS} | postsuper -h -")
        };
        actions.push(Action {
            why: format!(
                "Hold what still waits ({}), so that nothing more leaves",
                plural(still_queued.len() as u64, "message")
            ),
            command: ids,
        });
        actions.push(Action {
            why: "Look at one of them before deleting any: subject, links, headers".to_owned(),
            command: format!("postcat -vq {}", shell_word(first)),
        });
    }
    actions.push(Action {
        why: "Follow all that the login did, line by line".to_owned(),
        command: format!("mailsleuth trace --account {login} {LOGS}"),
    });
    actions
}

//! The finding in words: what happened, the lines that prove it, and what to do first.

use hashbrown::HashSet;

use super::account::{Account, Misuse};
use super::signals::failures_before;
use super::traffic::HOUR_MICROS;
use crate::correlate::Symbol;
use crate::detect::{Judged, counting};
use crate::finding::{Action, Counts, Evidence, Finding, LOGS, SubjectKind, shell_word};
use crate::mail::{Status, Timestamp};

/// Lines quoted for each kind of fact: enough to check it, few enough to read.
const N_LINES: usize = 3;
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
    let first_seen = mail().map(|s| s.seen).min().unwrap_or_default();
    let last_seen = mail().map(|s| s.seen).max().unwrap_or_default();
    let counts = counts(account, misuse, true);
    let uses = mail().filter_map(|s| Some((s.client_ip?, s.seen, 1)));
    let clients = counting::clients(account.context, uses);
    let summary = summary(account, &counts, still_queued.len(), first_seen, last_seen);
    Finding {
        title: format!("SASL login {} is used by somebody else", account.name),
        summary,
        first_seen,
        last_seen,
        totals: totals(account, misuse),
        providers: counting::providers(account.context, mail()),
        queue_ids: mail().map(|s| s.queue_id.clone()).collect(),
        actions: actions(account, &still_queued),
        evidence: evidence(account, misuse),
        uncertain: uncertain(account, misuse),
        counts,
        clients,
        still_queued,
        ..judged.about(SubjectKind::Account, account.name)
    }
}

fn summary(
    account: &Account<'_>,
    counts: &Counts,
    n_still_queued: usize,
    first: Timestamp,
    last: Timestamp,
) -> String {
    let n = |count: Option<u64>| count.unwrap_or(0);
    let outcomes = [
        (n(counts.sent), "accepted"),
        (n(counts.deferred), "deferred"),
        (n(counts.bounced) + n(counts.expired), "bounced"),
        (n(counts.unknown), "of unknown outcome"),
    ];
    let outcomes = outcomes.iter().filter(|(n, _)| *n > 0);
    let outcomes: Vec<String> = outcomes.map(|(n, what)| format!("{n} {what}")).collect();
    let mut summary = format!(
        "{} to {} {} sent with the login {} from {} between {} and {}; deliveries: {}.",
        plural(n(counts.messages), "message"),
        plural(n(counts.recipients), "recipient"),
        if counts.messages == Some(1) {
            "was"
        } else {
            "were"
        },
        account.name,
        plural_es(n(counts.client_ips), "address"),
        first.for_people(),
        last.for_people(),
        outcomes.join(", "),
    );
    if n_still_queued > 0 {
        let queued = plural(n_still_queued as u64, "message");
        summary.push_str(&format!(" {queued} still wait in the queue."));
    }
    if n(counts.bounces_received) > 0 {
        let bounces = plural(n(counts.bounces_received), "bounce");
        summary.push_str(&format!(
            " {bounces} of it came back to mailboxes here: the echo of this mail, no backscatter."
        ));
    }
    summary
}

fn plural(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn plural_es(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "es" })
}

/// Counts of the misuse (`only_theirs`) or of the whole account.
fn counts(account: &Account<'_>, misuse: &Misuse<'_>, only_theirs: bool) -> Counts {
    let context = account.context;
    let mut counts = if only_theirs {
        counting::counts(context, misuse.submissions.iter().copied())
    } else {
        counting::counts(context, account.submissions.iter())
    };
    let opened = account.places.iter().enumerate();
    let opened = opened.filter(|(index, _)| !only_theirs || misuse.places.contains(index));
    let n_opened: usize = opened.map(|(_, place)| place.mailbox_logins.len()).sum();
    counts.logins = Some(n_opened as u64 + counts.messages.unwrap_or(0));
    counts.auth_failures =
        only_theirs.then(|| failures_before(account, misuse).map_or(0, |(n, _)| u64::from(n)));
    counts.bounces_received = Some(bounces_received(account, only_theirs.then_some(misuse)));
    counts
}

fn totals(account: &Account<'_>, misuse: &Misuse<'_>) -> Counts {
    counts(account, misuse, false)
}

/// Notifications about the account's mail that reached a mailbox here.
fn bounces_received(account: &Account<'_>, only: Option<&Misuse<'_>>) -> u64 {
    let numbers: HashSet<u32> = match only {
        Some(misuse) => misuse.submissions.iter().map(|s| s.number).collect(),
        None => account.submissions.iter().map(|s| s.number).collect(),
    };
    let lineage = &account.context.tables.lineage;
    let received = account.context.notices.iter().filter(|bounce| {
        let parent = lineage.parent(bounce.number).map(|(parent, _)| parent);
        parent.is_some_and(|parent| numbers.contains(&lineage.submission(parent)))
    });
    received.count() as u64
}

/// The first line of each address, the first forged sender, the last word of each provider.
fn evidence(account: &Account<'_>, misuse: &Misuse<'_>) -> Vec<Evidence> {
    let mut lines: Vec<Evidence> = Vec::new();
    let mut clients: HashSet<Option<Symbol>> = HashSet::new();
    for submission in &misuse.submissions {
        if clients.len() < N_LINES && clients.insert(submission.client_ip) {
            lines.push(Evidence::at(submission.line, submission.seen));
        }
    }
    let forged = misuse.submissions.iter().filter(|s| account.is_forged(s));
    let forged = forged.filter(|s| s.queued_line != s.line).take(N_LINES);
    lines.extend(forged.map(|s| Evidence::at(s.queued_line, s.seen)));
    lines.extend(failed_deliveries(misuse));
    if let Some((_, failure)) = failures_before(account, misuse) {
        lines.push(Evidence::at(failure.at, at_micros(misuse, failure.micros)));
    }
    let opened = misuse.places.iter();
    let opened = opened.flat_map(|index| &account.places[*index].mailbox_logins);
    if let Some(first) = opened.min_by_key(|login| login.at) {
        lines.push(Evidence::at(first.at, at_micros(misuse, first.micros)));
    }
    if let Some(last) = misuse.submissions.last() {
        lines.push(Evidence::at(last.line, last.seen));
    }
    lines.sort_by_key(|line| line.at);
    lines.dedup_by_key(|line| line.at);
    lines
}

/// One undelivered recipient for each provider and reason, those with most first seen.
fn failed_deliveries(misuse: &Misuse<'_>) -> Vec<Evidence> {
    let mut told = HashSet::new();
    let mut lines = Vec::new();
    for delivery in misuse.submissions.iter().flat_map(|s| &s.deliveries) {
        let failed = delivery.status != Status::Sent && delivery.status != Status::Unknown;
        if failed && lines.len() < N_LINES + 1 && told.insert((delivery.provider, delivery.reply)) {
            let moment = at_micros(misuse, delivery.last_attempt_micros);
            lines.push(Evidence::at(delivery.line, moment));
        }
    }
    lines
}

/// A moment in the offset and precision of the incident's own lines.
fn at_micros(misuse: &Misuse<'_>, micros: i64) -> Timestamp {
    let like = misuse
        .submissions
        .first()
        .map(|s| s.seen)
        .unwrap_or_default();
    Timestamp { micros, ..like }
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
            format!(
                "mailsleuth detect --format json {LOGS} | jq -r '.findings[] | select(.subject.name == \"{}\") | .still_queued[]' | postsuper -h -",
                account.name.replace(['\\', '"', '\''], "")
            )
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

fn uncertain(account: &Account<'_>, misuse: &Misuse<'_>) -> Vec<String> {
    let mut doubts = Vec::new();
    match misuse.owners.iter().map(|s| s.seen).max() {
        Some(last) => doubts.push(format!(
            "{} of the same login held to be the owner's (the last at {}), by the networks used for ordinary mail.",
            plural(misuse.owners.len() as u64, "message"),
            last.for_people()
        )),
        None => doubts.push(
            "No mail of the login's owner is in these logs to compare with; all of it is counted.".to_owned(),
        ),
    }
    let opened: usize = misuse
        .places
        .iter()
        .map(|index| account.places[*index].mailbox_logins.len())
        .sum();
    doubts.push(if opened == 0 {
        "No IMAP or POP3 login from these networks is logged; whether mail was read elsewhere is not known.".to_owned()
    } else {
        format!(
            "The mailbox was opened {} from the same networks: its contents may have been read.",
            plural(opened as u64, "time")
        )
    });
    doubts.push("The log does not tell how the password was lost.".to_owned());
    doubts
}

//! The finding in words: what happened, and what the log does not tell.

use super::account::Account;
use super::misuse::Misuse;
use crate::finding::Counts;

pub(super) fn title(account: &Account<'_>, misuse: &Misuse<'_>) -> String {
    if misuse.submissions.is_empty() && misuse.opens_mailbox() {
        format!("The mailbox of {} is opened by somebody else", account.name)
    } else {
        format!("SASL login {} is used by somebody else", account.name)
    }
}

pub(super) fn summary(
    account: &Account<'_>,
    misuse: &Misuse<'_>,
    counts: &Counts,
    n_still_queued: usize,
) -> String {
    let n = |count: Option<u64>| count.unwrap_or(0);
    let mut summary = if misuse.submissions.is_empty() {
        only_opened(account, misuse)
    } else {
        sent(account, misuse, counts)
    };
    if n_still_queued > 0 {
        let queued = plural(n_still_queued as u64, "message");
        let wait = if n_still_queued == 1 { "waits" } else { "wait" };
        summary.push_str(&format!(" {queued} still {wait} in the queue."));
    }
    if n(counts.bounces_received) > 0 {
        let bounces = plural(n(counts.bounces_received), "bounce");
        summary.push_str(&format!(
            " {bounces} of it came back to mailboxes here: the echo of this mail, no backscatter."
        ));
    }
    if let Some(first) = misuse
        .opened()
        .next()
        .filter(|_| !misuse.submissions.is_empty())
    {
        summary.push_str(&format!(
            " The mailbox was opened {} from the same networks, first at {}.",
            times(misuse.opened().count()),
            first.seen.for_people()
        ));
    }
    summary
}

fn sent(account: &Account<'_>, misuse: &Misuse<'_>, counts: &Counts) -> String {
    let n = |count: Option<u64>| count.unwrap_or(0);
    let outcomes = [
        (n(counts.sent), "accepted"),
        (n(counts.deferred), "deferred"),
        (n(counts.bounced) + n(counts.expired), "bounced"),
        (n(counts.unknown), "of unknown outcome"),
    ];
    let outcomes = outcomes.iter().filter(|(n, _)| *n > 0);
    let outcomes: Vec<String> = outcomes.map(|(n, what)| format!("{n} {what}")).collect();
    let moments = || misuse.submissions.iter().map(|s| s.seen);
    let first = moments().min_by_key(|seen| seen.micros).unwrap_or_default();
    let last = moments().max_by_key(|seen| seen.micros).unwrap_or_default();
    // Where the log has no line of any delivery, it has no recipient either.
    let to = if n(counts.recipients) == 0 && n(counts.deliveries) > 0 {
        format!(
            "{} that no line names",
            plural(n(counts.deliveries), "recipient")
        )
    } else {
        plural(n(counts.recipients), "recipient")
    };
    format!(
        "{} to {to} {} sent with the login {} from {} between {} and {}; deliveries: {}.",
        plural(n(counts.messages), "message"),
        if counts.messages == Some(1) {
            "was"
        } else {
            "were"
        },
        account.name,
        plural_es(n(counts.client_ips), "address"),
        first.for_people(),
        last.for_people(),
        if outcomes.is_empty() {
            "none told".to_owned()
        } else {
            outcomes.join(", ")
        },
    )
}

fn only_opened(account: &Account<'_>, misuse: &Misuse<'_>) -> String {
    let (first, last) = misuse.span();
    let (what, done) = if misuse.opens_mailbox() {
        ("The mailbox of", "opened")
    } else {
        ("The login", "used")
    };
    format!(
        "{what} {} was {done} {} from {} held not to be the owner's, between {} and {}; no message from them is in the log.",
        account.name,
        times(misuse.logins.len()),
        plural_es(misuse.clients().len() as u64, "address"),
        first.for_people(),
        last.for_people(),
    )
}

pub(super) fn plural(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn times(n: usize) -> String {
    match n {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

fn plural_es(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "es" })
}

/// How long, in the unit that people would take.
pub(super) fn duration(hours: f64) -> String {
    if hours < 2.0 {
        plural((hours * 60.0).round() as u64, "minute")
    } else if hours < 72.0 {
        plural(hours.round() as u64, "hour")
    } else {
        plural((hours / 24.0).round() as u64, "day")
    }
}

pub(super) fn uncertain(misuse: &Misuse<'_>) -> Vec<String> {
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
    doubts.push(if !misuse.opens_mailbox() {
        "No IMAP or POP3 login from these networks is logged; whether mail was read elsewhere is not known.".to_owned()
    } else {
        format!(
            "The mailbox was opened {} from the same networks: its contents may have been read.",
            times(misuse.opened().count())
        )
    });
    if misuse.guesses.is_empty() {
        doubts.push("The log does not tell how the password was lost.".to_owned());
    }
    doubts
}

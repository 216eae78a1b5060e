//! The lines that prove it: the first of each address, forged senders, failures, guesses, mailboxes opened.

use hashbrown::HashSet;

use super::account::Account;
use super::misuse::Misuse;
use super::signals::failures;
use crate::correlate::Symbol;
use crate::finding::Evidence;
use crate::mail::{Status, Timestamp};

/// Lines quoted for each kind of fact: enough to check it, few enough to read.
const N_LINES: usize = 3;

pub(super) fn lines(account: &Account<'_>, misuse: &Misuse<'_>) -> Vec<Evidence> {
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
    if let Some((_, guess)) = failures(misuse) {
        lines.push(Evidence::at(guess.first.at, guess.first.seen));
        lines.push(Evidence::at(guess.success.at, guess.success.seen));
    }
    if misuse.submissions.is_empty() {
        let mut clients: HashSet<Option<Symbol>> = HashSet::new();
        let opened = misuse
            .logins
            .iter()
            .filter(|login| clients.insert(login.client_ip));
        lines.extend(
            opened
                .take(N_LINES)
                .map(|login| Evidence::at(login.at, login.seen)),
        );
    } else if let Some(first) = misuse.logins.first() {
        lines.push(Evidence::at(first.at, first.seen));
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
    let (first, _) = misuse.span();
    let mut told = HashSet::new();
    let mut lines = Vec::new();
    for delivery in misuse.submissions.iter().flat_map(|s| &s.deliveries) {
        let failed = delivery.status != Status::Sent && delivery.status != Status::Unknown;
        if failed && lines.len() < N_LINES + 1 && told.insert((delivery.provider, delivery.reply)) {
            let micros = delivery.last_attempt_micros;
            lines.push(Evidence::at(delivery.line, Timestamp { micros, ..first }));
        }
    }
    lines
}

//! The finding in words: which senders, how many messages each, and the lines that prove it.

use super::senders::Borrowed;
use crate::detect::{Context, Judged, counting};
use crate::finding::{Action, Counts, Evidence, Finding, LOGS, SubjectKind, shell_word};

/// Names in a sentence; the rest is counted.
const FEW: usize = 5;

pub(super) fn finding(context: &Context<'_>, borrowed: &Borrowed<'_>, judged: Judged) -> Finding {
    let mail = || borrowed.mail.iter().copied();
    let uses = mail().filter_map(|s| Some((s.client_ip?, s.seen, 1)));
    let counts = with_logins(counting::counts(context, mail()));
    let login = borrowed.login;
    Finding {
        title: format!("SASL login {login} sends under addresses that are not its own"),
        summary: summary(context, borrowed, &counts),
        first_seen: mail().map(|s| s.seen).min().unwrap_or_default(),
        last_seen: mail().map(|s| s.seen).max().unwrap_or_default(),
        totals: with_logins(counting::counts(context, borrowed.all.iter())),
        clients: counting::clients(context, uses),
        providers: counting::providers(context, mail()),
        queue_ids: mail().map(|s| s.queue_id.clone()).collect(),
        still_queued: mail().flat_map(|s| s.still_queued.iter().cloned()).collect(),
        evidence: evidence(borrowed),
        actions: vec![Action {
            why: "See what was sent, and ask the login's owner whether it was theirs".to_owned(),
            command: format!("mailsleuth trace --account {} {LOGS}", shell_word(login)),
        }],
        uncertain: vec![
            "Whether somebody was asked to write for another is not in a log; what is allowed can be told to mailsleuth ([accounts.NAME] senders in the configuration).".to_owned(),
        ],
        counts,
        ..judged.about(SubjectKind::Account, login)
    }
}

/// Each message took a login.
fn with_logins(counts: Counts) -> Counts {
    Counts {
        logins: counts.messages,
        ..counts
    }
}

fn summary(context: &Context<'_>, borrowed: &Borrowed<'_>, counts: &Counts) -> String {
    let strings = &context.tables.strings;
    let senders: Vec<String> = borrowed
        .senders
        .iter()
        .map(|sender| format!("{} ({})", strings.get(sender.from), sender.n_messages))
        .collect();
    let first = borrowed.mail.first().map(|s| s.seen.for_people());
    let last = borrowed.mail.last().map(|s| s.seen.for_people());
    format!(
        "The login {} sent {} of its {} messages, to {} recipients, under {} senders that are not its own, between {} and {}: {}.",
        borrowed.login,
        borrowed.mail.len(),
        borrowed.all.len(),
        counts.recipients.unwrap_or(0),
        senders.len(),
        first.unwrap_or_default(),
        last.unwrap_or_default(),
        few(&senders),
    )
}

/// The first names of a list, and how many more there are.
pub(super) fn few(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(FEW)
        .map(String::as_str)
        .collect::<Vec<&str>>()
        .join(", ");
    match names.len().saturating_sub(FEW) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// For each of the most used senders: who handed the first message in, and under which sender.
fn evidence(borrowed: &Borrowed<'_>) -> Vec<Evidence> {
    let mut lines = Vec::new();
    for sender in borrowed.senders.iter().take(FEW) {
        if let Some(first) = borrowed.mail.iter().find(|s| s.from == Some(sender.from)) {
            lines.push(Evidence::at(first.line, first.seen));
            lines.push(Evidence::at(first.queued_line, first.seen));
        }
    }
    if let Some(last) = borrowed.mail.last() {
        lines.push(Evidence::at(last.line, last.seen));
        lines.push(Evidence::at(last.queued_line, last.seen));
    }
    lines.sort_by_key(|line| line.at);
    lines.dedup_by_key(|line| line.at);
    lines
}

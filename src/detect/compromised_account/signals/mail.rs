//! What the mail itself says: its senders, its amount, its fate, its recipients.

use hashbrown::HashSet;
use serde_json::json;

use crate::correlate::Symbol;
use crate::detect::compromised_account::account::Account;
use crate::detect::compromised_account::misuse::Misuse;
use crate::detect::compromised_account::traffic::{peak_per_hour, recipients, share, undelivered};
use crate::detect::compromised_account::{
    BOUNCES_HOME, BULK_FACTOR, BULK_PER_HOUR, DETECTOR, FORGED_SHARE, MIN_RECIPIENTS,
    MORE_THAN_OWNER, OWN_CIRCLE, STRANGERS_SHARE, claim,
};
use crate::detect::counting;
use crate::detect::submissions::Submission;
use crate::finding::Signal;
use crate::knowledge::replies::ReplyClass;

/// An owner who himself writes mostly to new people has no circle to compare with.
const MAX_NEW_OF_OWNER: f64 = 0.6;
/// Times what makes bulk at which it weighs all that it can, where it is twice the threshold as well.
const HUGE_FACTOR: f64 = 4.0;
const WEIGHT_OF_SOME_BULK: f64 = 0.3;

pub(super) fn signals(account: &Account<'_>, misuse: &Misuse<'_>) -> Vec<Option<Signal>> {
    vec![
        forged_sender(account, misuse),
        leftovers(account, misuse),
        bulk(account, misuse),
        more_than_owner(account, misuse),
        undelivered_share(account, misuse),
        one_provider(account, misuse),
        called_spam(misuse),
        strangers(account, misuse),
        bounces_home(account, misuse),
    ]
}

fn forged_sender(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let domains: Vec<String> = misuse
        .submissions
        .iter()
        .filter_map(|submission| account.foreign_domain(submission))
        .collect();
    let n_messages = misuse.submissions.len();
    // A single odd message can be a mistake in a program's settings; to many recipients it is none.
    let n_recipients = recipients(misuse.submissions.iter().copied());
    let enough =
        n_messages >= 2 || n_recipients as f64 >= account.context.threshold(&MIN_RECIPIENTS);
    if !enough || share(domains.len(), n_messages) < account.context.threshold(&FORGED_SHARE) {
        return None;
    }
    let mut distinct = domains.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let examples: Vec<&str> = distinct.iter().take(3).map(String::as_str).collect();
    let detail = format!(
        "{} of {n_messages} messages have a sender in a foreign domain ({}{})",
        domains.len(),
        examples.join(", "),
        if distinct.len() > 3 { ", …" } else { "" },
    );
    let facts = json!({ "messages": domains.len(), "domains": distinct.len() });
    let mut found = DETECTOR.signal("forged-sender", detail, facts)?;
    if distinct.len() == 1 {
        // One foreign domain can be the customer's own, of which this server has no mailbox.
        found.weight /= 2.0;
    }
    Some(found)
}

/// Where the log begins after the break-in, what waits in the queue has lost its login, but not its sender.
fn leftovers(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let forged = misuse.submissions.iter().filter(|s| account.is_forged(s));
    let senders: HashSet<Symbol> = forged.filter_map(|s| s.from).collect();
    let n_left: usize = senders
        .iter()
        .map(|from| account.neighbourhood.oddities.n_of_unknown_origin(*from))
        .sum();
    let detail = format!(
        "{n_left} more messages in the queue, whose beginning the log lacks, have the same foreign sender"
    );
    let facts = json!({ "messages": n_left });
    (n_left as f64 >= account.context.threshold(&MIN_RECIPIENTS))
        .then(|| DETECTOR.signal("leftovers", detail, facts))?
}

fn bulk(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let peak = peak_per_hour(misuse.submissions.iter().copied());
    let owners = peak_per_hour(misuse.owners.iter().copied());
    let all = peak_per_hour(account.submissions.iter());
    let usual = account.neighbourhood.usual_peak(all);
    let needed = account.context.threshold(&BULK_FACTOR) * owners.max(usual).max(1) as f64;
    if (peak as f64) < account.context.threshold(&BULK_PER_HOUR) || (peak as f64) < needed {
        return None;
    }
    let detail = format!(
        "{peak} recipients in its busiest hour; the owner's own busiest hour has {owners}, the median of the other accounts {usual}"
    );
    let facts = json!({ "recipients_per_hour": peak, "owner": owners, "median": usual });
    let mut found = DETECTOR.signal("bulk", detail, facts)?;
    let huge = (HUGE_FACTOR * needed).max(2.0 * account.context.threshold(&BULK_PER_HOUR));
    if (peak as f64) < huge {
        found.weight = WEIGHT_OF_SOME_BULK;
    }
    Some(found)
}

/// Spread over the day, much mail has no busy hour.
fn more_than_owner(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let theirs = recipients(misuse.submissions.iter().copied());
    let owners = recipients(misuse.owners.iter().copied());
    let enough = theirs as f64 >= account.context.threshold(&BULK_PER_HOUR);
    let factor = account.context.threshold(&MORE_THAN_OWNER);
    let detail = format!("{theirs} recipients in all; the owner's own mail has {owners}");
    let facts = json!({ "recipients": theirs, "owner": owners });
    (enough && owners > 0 && theirs as f64 >= factor * owners as f64)
        .then(|| DETECTOR.signal("more-than-owner", detail, facts))?
}

fn undelivered_share(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    if !account.is_undelivered(&misuse.submissions) {
        return None;
    }
    let (failed, all) = undelivered(misuse.submissions.iter().copied());
    let detail = format!(
        "{failed} of {all} deliveries ({:.0} %) were refused, bounced or are stuck",
        share(failed, all) * 100.0
    );
    let facts = json!({ "undelivered": failed, "deliveries": all });
    DETECTOR.signal("undelivered", detail, facts)
}

fn one_provider(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let mail = misuse.submissions.iter().copied();
    let providers = counting::providers(account.context, mail);
    let outside: u64 = providers.iter().map(|p| p.recipients).sum();
    let two: u64 = providers.iter().take(2).map(|p| p.recipients).sum();
    let few = (outside as f64) >= account.context.threshold(&MIN_RECIPIENTS)
        && two as f64 >= 0.9 * outside as f64;
    if !few {
        return None;
    }
    let names: Vec<&str> = providers.iter().take(2).map(|p| &*p.provider).collect();
    let detail = format!(
        "{two} of {outside} recipients are at {}",
        names.join(" and ")
    );
    let facts = json!({ "recipients": two, "outside": outside });
    DETECTOR.signal("one-provider", detail, facts)
}

fn called_spam(misuse: &Misuse<'_>) -> Option<Signal> {
    let deliveries = misuse.submissions.iter().flat_map(|s| &s.deliveries);
    let said = deliveries.filter(|d| matches!(d.reply, ReplyClass::Spam | ReplyClass::Rate));
    let n_said = said.count();
    let detail =
        format!("{n_said} deliveries were refused as spam or slowed down for too much mail");
    (n_said >= 5)
        .then(|| DETECTOR.signal("called-spam", detail, json!({ "deliveries": n_said })))?
}

/// Recipients outside the circle of the owner, where he has one.
fn strangers(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let theirs: HashSet<Symbol> = recipients_of(&misuse.submissions);
    let owners = recipients_of(&misuse.owners);
    let n_strangers = theirs.difference(&owners).count();
    let enough = theirs.len() as f64 >= account.context.threshold(&MIN_RECIPIENTS)
        && owners.len() as f64 >= account.context.threshold(&OWN_CIRCLE);
    if !enough
        || share(n_strangers, theirs.len()) < account.context.threshold(&STRANGERS_SHARE)
        || new_of_owner(&misuse.owners) > MAX_NEW_OF_OWNER
    {
        return None;
    }
    let detail = format!(
        "{n_strangers} of {} recipients are nobody to whom the owner writes ({} are)",
        theirs.len(),
        owners.len()
    );
    let facts = json!({ "strangers": n_strangers, "recipients": theirs.len() });
    DETECTOR.signal("strangers", detail, facts)
}

fn recipients_of(mail: &[&Submission]) -> HashSet<Symbol> {
    let deliveries = mail.iter().flat_map(|s| &s.deliveries);
    deliveries.map(|delivery| delivery.to).collect()
}

/// In the later half of the owner's mail: the share of recipients that were new at the time.
fn new_of_owner(owners: &[&Submission]) -> f64 {
    let (before, after) = owners.split_at(owners.len() / 2);
    let mut known = recipients_of(before);
    let deliveries = || after.iter().flat_map(|s| &s.deliveries);
    let n_new = deliveries().filter(|d| known.insert(d.to)).count();
    share(n_new, deliveries().count())
}

fn bounces_home(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let n_bounces = claim::bounces_received(account, &misuse.submissions);
    let detail = format!("{n_bounces} bounces of it came back to mailboxes here");
    let facts = json!({ "bounces_received": n_bounces });
    (n_bounces as f64 >= account.context.threshold(&BOUNCES_HOME))
        .then(|| DETECTOR.signal("bounces-home", detail, facts))?
}

//! With what the login was used: protocols, methods, names of machines, hours of the day.

use std::net::IpAddr;

use hashbrown::HashSet;
use serde_json::json;

use crate::correlate::Symbol;
use crate::detect::compromised_account::account::Account;
use crate::detect::compromised_account::misuse::Misuse;
use crate::detect::compromised_account::traffic::{DAY_MICROS, HOUR_MICROS, share};
use crate::detect::compromised_account::{DETECTOR, ENOUGH_PAST};
use crate::detect::submissions::Submission;
use crate::finding::Signal;
use crate::knowledge::places::is_private;

/// Uses from which on a habit of the misuse means anything.
const ENOUGH_USES: usize = 5;

pub(super) fn signals(account: &Account<'_>, misuse: &Misuse<'_>) -> Vec<Option<Signal>> {
    vec![
        old_tls(account, misuse),
        other_method(account, misuse),
        no_name(account, misuse),
        false_helo(account, misuse),
        sends_only(account, misuse),
        odd_hours(account, misuse),
    ]
}

fn old_tls(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let is_old = |submission: &&&Submission| {
        let version = submission
            .tls_version
            .map(|version| account.strings().get(version));
        matches!(version, Some("SSLv2" | "SSLv3" | "TLSv1" | "TLSv1.1"))
    };
    let n_old = misuse.submissions.iter().filter(is_old).count();
    let owner_too = misuse.owners.iter().any(|s| is_old(&s));
    let detail =
        format!("{n_old} messages came over a TLS version that the owner's client does not use");
    (n_old > 0 && !owner_too && share(n_old, misuse.submissions.len()) > 0.5)
        .then(|| DETECTOR.signal("old-tls", detail, json!({ "messages": n_old })))?
}

fn other_method(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let methods = |mail: &[&Submission]| -> HashSet<Symbol> {
        mail.iter().filter_map(|s| s.sasl_method).collect()
    };
    let (theirs, owners) = (methods(&misuse.submissions), methods(&misuse.owners));
    if theirs.is_empty() || owners.is_empty() || !theirs.is_disjoint(&owners) {
        return None;
    }
    let words = |methods: HashSet<Symbol>| {
        let mut words: Vec<&str> = methods
            .into_iter()
            .map(|m| account.strings().get(m))
            .collect();
        words.sort_unstable();
        words.join(", ")
    };
    let detail = format!(
        "logs in with {}, the owner with {}",
        words(theirs),
        words(owners)
    );
    DETECTOR.signal("other-method", detail, json!({}))
}

/// Clients without a name in the DNS, where the owner's have one.
fn no_name(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let outside = |mail: &[&Submission]| -> Vec<Symbol> {
        let ips = mail.iter().filter_map(|s| s.client_ip);
        ips.filter(|ip| account.ip(Some(*ip)).is_some_and(|ip| !is_private(ip)))
            .collect()
    };
    let nameless = |ips: &[Symbol]| {
        let nameless = ips
            .iter()
            .filter(|ip| account.neighbourhood.oddities.is_nameless(**ip));
        share(nameless.count(), ips.len())
    };
    let (theirs, owners) = (outside(&misuse.submissions), outside(&misuse.owners));
    if owners.len() < 3 || nameless(&owners) > 0.1 || nameless(&theirs) < 0.9 {
        return None;
    }
    let detail = "the clients have no name in the DNS; the owner's have one".to_owned();
    DETECTOR.signal(
        "no-client-name",
        detail,
        json!({ "messages": theirs.len() }),
    )
}

/// A greeting with somebody else's public address; behind a router, programs greet with a private one.
fn false_helo(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let clients: HashSet<Symbol> = misuse
        .submissions
        .iter()
        .filter_map(|s| s.client_ip)
        .collect();
    let greeted = account.neighbourhood.oddities.false_greetings.iter();
    let mut false_ones: Vec<IpAddr> = greeted
        .filter(|(client_ip, _)| clients.contains(client_ip))
        .map(|(_, helo)| *helo)
        .collect();
    false_ones.sort_unstable();
    false_ones.dedup();
    let example = false_ones.first()?;
    let detail = format!("greets with the address {example}, which is not its own");
    DETECTOR.signal(
        "false-helo",
        detail,
        json!({ "addresses": false_ones.len() }),
    )
}

/// Mail in number and no look into the mailbox, which the owner opens.
fn sends_only(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let n_opened = account.places[misuse.home?].n_opened();
    let n_sent = misuse.submissions.len();
    let detail = format!(
        "{n_sent} messages and no look into the mailbox, which the owner opened {n_opened} times from home"
    );
    (n_sent >= 2 * ENOUGH_USES && n_opened >= ENOUGH_USES && !misuse.opens_mailbox())
        .then(|| DETECTOR.signal("sends-only", detail, json!({ "messages": n_sent })))?
}

/// Hours of the day at which the owner is never seen, nor in the hours beside them.
fn odd_hours(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let (first, _) = misuse.span();
    let offset = i64::from(first.offset_minutes) * 60_000_000;
    let hour = |micros: i64| (micros + offset).rem_euclid(DAY_MICROS) / HOUR_MICROS;
    let others = account.places.iter().enumerate();
    let others = others.filter(|(index, _)| !misuse.places.contains(index));
    let past: Vec<i64> = others.flat_map(|(_, place)| place.moments()).collect();
    let days: HashSet<i64> = past
        .iter()
        .map(|t| (t + offset).div_euclid(DAY_MICROS))
        .collect();
    let hours: HashSet<i64> = past.iter().map(|t| hour(*t)).collect();
    let sent = misuse.submissions.iter().map(|s| s.seen.micros);
    let theirs: Vec<i64> = sent
        .chain(misuse.logins.iter().map(|l| l.seen.micros))
        .collect();
    let is_odd = |t: &&i64| (-1..=1).all(|by| !hours.contains(&(hour(**t) + by).rem_euclid(24)));
    let n_odd = theirs.iter().filter(is_odd).count();
    let known =
        past.len() as f64 >= account.context.threshold(&ENOUGH_PAST) && days.len() >= ENOUGH_USES;
    let detail = format!(
        "{n_odd} of {} uses are at hours of the day at which the owner is never seen",
        theirs.len()
    );
    (known && theirs.len() >= ENOUGH_USES && share(n_odd, theirs.len()) >= 0.8)
        .then(|| DETECTOR.signal("odd-hours", detail, json!({ "uses": n_odd })))?
}

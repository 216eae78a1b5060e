//! The reasons for and against: each a fact with its numbers.

use hashbrown::HashSet;
use serde_json::json;

use super::account::{Account, Misuse};
use super::names;
use super::neighbourhood::FailureOf;
use super::traffic::{DAY_MICROS, HOUR_MICROS, peak_per_hour, recipients, share, undelivered};
use super::{
    BULK_FACTOR, BULK_PER_HOUR, DETECTOR, FAILURES_BEFORE, FAR_TOO_MANY_PLACES, FORGED_SHARE,
    MANY_PLACES, MIN_RECIPIENTS, TRAVEL_KM_PER_HOUR, UNDELIVERED_SHARE,
};
use crate::correlate::Symbol;
use crate::detect::submissions::{Submission, ip_of};
use crate::finding::{Mitigation, Signal};
use crate::knowledge::places::Network;
use crate::knowledge::replies::ReplyClass;

/// All that speaks for the claim.
pub(super) fn signals(account: &Account<'_>, misuse: &Misuse<'_>) -> Vec<Signal> {
    [
        name(account),
        odd_form(account),
        forged_sender(account, misuse),
        bulk(account, misuse),
        undelivered_share(account, misuse),
        one_provider(account, misuse),
        called_spam(misuse),
        impossible_travel(account, misuse),
        new_place(account, misuse),
        odd_country(account, misuse),
        many_places(account),
        old_tls(account, misuse),
        other_method(account, misuse),
        guessed(account, misuse),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What speaks against it.
pub(super) fn mitigations(account: &Account<'_>, misuse: &Misuse<'_>) -> Vec<Mitigation> {
    let forged = misuse.submissions.iter().any(|s| account.is_forged(s));
    let told = misuse.submissions.iter().all(|s| s.from.is_some());
    let own_sender = (!forged && told).then(|| Mitigation {
        name: "own-sender",
        weight: 0.1,
        detail: "all envelope senders are in domains of this server".to_owned(),
    });
    let (failed, all) = undelivered(misuse.submissions.iter().copied());
    let delivered =
        all as f64 >= account.context.threshold(&MIN_RECIPIENTS) && share(failed, all) < 0.05;
    let well_delivered = delivered.then(|| Mitigation {
        name: "well-delivered",
        weight: 0.2,
        detail: format!("{} of {all} deliveries were accepted", all - failed),
    });
    let days = days(&misuse.submissions);
    let routine = (misuse.places.len() == 1 && days >= 3).then(|| Mitigation {
        name: "routine",
        weight: 0.4,
        detail: format!("the same network was used for it on {days} days"),
    });
    [own_sender, well_delivered, routine]
        .into_iter()
        .flatten()
        .collect()
}

fn days(mail: &[&Submission]) -> usize {
    let days = mail.iter().map(|s| s.seen.micros.div_euclid(DAY_MICROS));
    days.collect::<HashSet<i64>>().len()
}

fn name(account: &Account<'_>) -> Option<Signal> {
    let login = account.name;
    if names::is_system(login) {
        let detail = format!("{login} is a system account: nobody has a mail program for it");
        DETECTOR.signal("system-login", detail, json!({ "sasl_username": login }))
    } else if names::is_guessable(login) {
        let detail = format!("{login} is a name that guessers try first");
        DETECTOR.signal("guessable-login", detail, json!({ "sasl_username": login }))
    } else {
        None
    }
}

fn odd_form(account: &Account<'_>) -> Option<Signal> {
    let others = account.neighbourhood.others_with_domain(account.name)?;
    let detail = format!(
        "{} is a bare name; the {others} other logins here are whole addresses",
        account.name
    );
    DETECTOR.signal("odd-form", detail, json!({ "others": others }))
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
    DETECTOR.signal("bulk", detail, facts)
}

fn undelivered_share(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let (failed, all) = undelivered(misuse.submissions.iter().copied());
    let part = share(failed, all);
    if (all as f64) < account.context.threshold(&MIN_RECIPIENTS)
        || part < account.context.threshold(&UNDELIVERED_SHARE)
    {
        return None;
    }
    let detail = format!(
        "{failed} of {all} deliveries ({:.0} %) were refused, bounced or are stuck",
        part * 100.0
    );
    DETECTOR.signal(
        "undelivered",
        detail,
        json!({ "undelivered": failed, "deliveries": all }),
    )
}

fn one_provider(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let mail = misuse.submissions.iter().copied();
    let providers = crate::detect::counting::providers(account.context, mail);
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
    DETECTOR.signal(
        "one-provider",
        detail,
        json!({ "recipients": two, "outside": outside }),
    )
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

/// Two uses, by mail or mailbox, in countries too far apart for the time between them.
fn impossible_travel(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let mut uses = Vec::new();
    for (index, place) in account.places.iter().enumerate() {
        if let Some(country) = place.country {
            let sent = place.submissions.iter().map(|s| s.seen.micros);
            let opened = place.mailbox_logins.iter().map(|login| login.micros);
            uses.extend(sent.chain(opened).map(|micros| (micros, index, country)));
        }
    }
    uses.sort_unstable();
    let travels = uses.windows(2).filter_map(|pair| {
        let ((t1, place1, from), (t2, place2, to)) = (pair[0], pair[1]);
        let concerns = misuse.places.contains(&place1) || misuse.places.contains(&place2);
        let km = account.context.geoip.min_distance_km(from, to)?;
        let hours = (t2 - t1) as f64 / HOUR_MICROS as f64;
        // Below 200 km the borders of the table are too rough.
        let impossible =
            concerns && km > 200.0 && km > account.context.threshold(&TRAVEL_KM_PER_HOUR) * hours;
        impossible.then_some((km, hours, from, to))
    });
    let travels: Vec<_> = travels.collect();
    let (km, hours, from, to) = travels.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let detail = format!(
        "used in {from} and in {to}, at least {km:.0} km apart, within {:.0} minutes ({} times)",
        hours * 60.0,
        travels.len()
    );
    let facts = json!({ "from": from.to_string(), "to": to.to_string(), "km": km.round(), "times": travels.len() });
    DETECTOR.signal("impossible-travel", detail, facts)
}

fn new_place(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let home = misuse.home?;
    let is_home = |submission: &&&Submission| {
        let home = &account.places[home].submissions;
        home.iter().any(|s| s.number == submission.number)
    };
    let first = misuse.submissions.first()?;
    // Home must have been seen before the others, or nothing is known about what is new.
    let home = &account.places[home];
    let sent = home.submissions.iter().map(|s| s.seen.micros);
    let opened = home.mailbox_logins.iter().map(|login| login.micros);
    let known_since = sent.chain(opened).min()?;
    if known_since > first.seen.micros || misuse.submissions.iter().any(|s| is_home(&s)) {
        return None;
    }
    let networks = networks(account, misuse);
    let detail = format!(
        "the mail comes from {networks} networks from which the account had not been used before {}",
        first.seen.for_people()
    );
    DETECTOR.signal("new-place", detail, json!({ "networks": networks }))
}

fn networks(account: &Account<'_>, misuse: &Misuse<'_>) -> usize {
    let ips = misuse
        .submissions
        .iter()
        .filter_map(|s| ip_of(account.strings(), s.client_ip));
    ips.map(Network::of).collect::<HashSet<Network>>().len()
}

fn odd_country(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let mut odd: Vec<String> = Vec::new();
    let mut n_others = 0;
    for place in misuse.places.iter().map(|index| &account.places[*index]) {
        let Some(country) = place.country else {
            continue;
        };
        let (others, here) = account.neighbourhood.others_in(country, account.login);
        n_others = others;
        if here == 0 && others >= 4 && !odd.contains(&country.to_string()) {
            odd.push(country.to_string());
        }
    }
    if odd.is_empty() {
        return None;
    }
    let detail = format!(
        "used from {}; none of the {n_others} other accounts is used from there",
        odd.join(", ")
    );
    DETECTOR.signal("odd-country", detail, json!({ "countries": odd }))
}

fn many_places(account: &Account<'_>) -> Option<Signal> {
    let n_places = account.n_places_within_a_day();
    let detail = format!("used from {n_places} different networks within 24 hours");
    let facts = json!({ "places": n_places });
    if n_places as f64 >= account.context.threshold(&FAR_TOO_MANY_PLACES) {
        return DETECTOR.signal("everywhere", detail, facts);
    }
    (n_places as f64 >= account.context.threshold(&MANY_PLACES))
        .then(|| DETECTOR.signal("many-places", detail, facts))?
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

fn guessed(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let (n_times, _) = failures_before(account, misuse)?;
    let detail = format!("{n_times} logins failed from the same network within the day before");
    (f64::from(n_times) >= account.context.threshold(&FAILURES_BEFORE))
        .then(|| DETECTOR.signal("guessed", detail, json!({ "auth_failures": n_times })))?
}

/// Failed logins from the networks of the misuse in the day before its first message, and the first of them.
pub(super) fn failures_before(
    account: &Account<'_>,
    misuse: &Misuse<'_>,
) -> Option<(u32, FailureOf)> {
    let first = misuse.submissions.first()?.seen.micros;
    let network = |ip| ip_of(account.strings(), ip).map(Network::of);
    let theirs: HashSet<Network> = misuse
        .submissions
        .iter()
        .filter_map(|s| network(s.client_ip))
        .collect();
    let failures: Vec<&FailureOf> = account
        .neighbourhood
        .failures
        .iter()
        .filter(|failure| (first - DAY_MICROS..=first).contains(&failure.micros))
        .filter(|failure| network(failure.client_ip).is_some_and(|n| theirs.contains(&n)))
        .collect();
    let n_times = failures.iter().map(|failure| failure.n_times).sum();
    Some((n_times, **failures.first()?))
}

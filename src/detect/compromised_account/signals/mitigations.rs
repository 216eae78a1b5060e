//! What speaks against the claim.

use hashbrown::HashSet;

use crate::correlate::Symbol;
use crate::detect::compromised_account::account::{Account, Place};
use crate::detect::compromised_account::misuse::Misuse;
use crate::detect::compromised_account::neighbourhood::PlaceKey;
use crate::detect::compromised_account::traffic::{DAY_MICROS, share, undelivered};
use crate::detect::compromised_account::{MIN_RECIPIENTS, travel};
use crate::finding::Mitigation;

/// Days from which on a use is a habit.
const HABIT_DAYS: usize = 3;

pub(in crate::detect::compromised_account) fn mitigations(
    account: &Account<'_>,
    misuse: &Misuse<'_>,
) -> Vec<Mitigation> {
    // Where the guess is in sight, nothing that follows makes it undone.
    if misuse
        .guesses
        .iter()
        .any(|guess| guess.sprayed_here.is_some())
    {
        return Vec::new();
    }
    [
        own_sender(account, misuse),
        well_delivered(account, misuse),
        routine(account, misuse),
        mail_service(account, misuse),
        masked(account, misuse),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn own_sender(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Mitigation> {
    let forged = misuse.submissions.iter().any(|s| account.is_forged(s));
    let told = misuse.submissions.iter().all(|s| s.from.is_some());
    let clears = !forged && told && !is_new_and_far(account, misuse);
    (clears && !misuse.submissions.is_empty()).then(|| Mitigation {
        name: "own-sender",
        weight: 0.1,
        detail: "all envelope senders are in domains of this server".to_owned(),
    })
}

fn well_delivered(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Mitigation> {
    let (failed, all) = undelivered(misuse.submissions.iter().copied());
    let delivered =
        all as f64 >= account.context.threshold(&MIN_RECIPIENTS) && share(failed, all) < 0.05;
    let proves_nothing =
        is_new_and_far(account, misuse) || forges_from_a_new_place(account, misuse);
    (delivered && !proves_nothing).then(|| Mitigation {
        name: "well-delivered",
        weight: 0.2,
        detail: format!("{} of {all} deliveries were accepted", all - failed),
    })
}

/// Mail from a far country under the owner's own address, and well taken at first, is what a phished password
/// is good for.
fn is_new_and_far(account: &Account<'_>, misuse: &Misuse<'_>) -> bool {
    let home = misuse.home.filter(|home| !misuse.places.contains(home));
    let mut places = misuse.places.iter();
    home.is_some() && places.any(|index| travel::is_far(account, home, *index))
}

/// Receivers take forged mail as well, for the first hours; a customer's program that has many senders sends
/// from where it always does.
fn forges_from_a_new_place(account: &Account<'_>, misuse: &Misuse<'_>) -> bool {
    let forged = misuse.submissions.iter();
    let domains: HashSet<String> = forged.filter_map(|s| account.foreign_domain(s)).collect();
    let is_new = misuse
        .home
        .is_some_and(|home| !misuse.places.contains(&home));
    domains.len() >= 2 && is_new
}

/// The same network on several days, and not only to find new recipients every day.
fn routine(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Mitigation> {
    let day = |micros: i64| micros.div_euclid(DAY_MICROS);
    let opened: HashSet<i64> = misuse.opened().map(|l| day(l.seen.micros)).collect();
    let sent = misuse.submissions.iter().map(|s| day(s.seen.micros));
    let days: HashSet<i64> = sent.chain(opened.iter().copied()).collect();
    let comes_back =
        opened.len() >= HABIT_DAYS || share_known(misuse) >= 0.2 || is_a_program(account, misuse);
    (misuse.places.len() == 1 && days.len() >= HABIT_DAYS && comes_back).then(|| Mitigation {
        name: "routine",
        weight: 0.4,
        detail: format!("the same network was used for it on {} days", days.len()),
    })
}

/// A web shop's machine: one address, there since the account's first day.
fn is_a_program(account: &Account<'_>, misuse: &Misuse<'_>) -> bool {
    let first_use = account.places.iter().filter_map(Place::first_use).min();
    let (first, _) = misuse.span();
    let since_ever = first_use.is_some_and(|first_use| first.micros - first_use < DAY_MICROS);
    misuse.clients().len() == 1 && since_ever
}

/// The share of deliveries to somebody who had mail from there on an earlier day.
fn share_known(misuse: &Misuse<'_>) -> f64 {
    let mut first_day: hashbrown::HashMap<Symbol, i64> = hashbrown::HashMap::new();
    let (mut n_known, mut n_all) = (0, 0);
    for submission in &misuse.submissions {
        let day = submission.seen.micros.div_euclid(DAY_MICROS);
        for delivery in &submission.deliveries {
            n_all += 1;
            n_known += usize::from(*first_day.entry(delivery.to).or_insert(day) < day);
        }
    }
    share(n_known, n_all)
}

fn mail_service(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Mitigation> {
    let mut places = misuse.places.iter().map(|index| &account.places[*index]);
    places.all(travel::is_mail_service).then(|| Mitigation {
        name: "mail-service",
        weight: 0.4,
        detail: "the network is a mail service's, which sends and reads for its users".to_owned(),
    })
}

fn masked(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Mitigation> {
    let mut keys = misuse.places.iter().map(|index| account.places[*index].key);
    let is_masked = keys.any(|key| matches!(key, PlaceKey::Masked(_)));
    is_masked.then(|| Mitigation {
        name: "masked",
        weight: 0.2,
        detail: "the log masks addresses: several can be one network's".to_owned(),
    })
}

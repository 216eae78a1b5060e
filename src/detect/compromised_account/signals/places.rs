//! From where the login was used: new places, odd ones, too many, too far apart.

use hashbrown::HashSet;
use serde_json::json;

use crate::detect::compromised_account::account::Account;
use crate::detect::compromised_account::misuse::Misuse;
use crate::detect::compromised_account::neighbourhood::PlaceKey;
use crate::detect::compromised_account::{
    DETECTOR, FAR_TOO_MANY_PLACES, MANY_PLACES, NEVER_TWICE, travel, words,
};
use crate::finding::Signal;
use crate::knowledge::places::Network;

pub(super) fn signals(
    account: &Account<'_>,
    misuse: &Misuse<'_>,
    earlier: Option<&Misuse<'_>>,
) -> Vec<Option<Signal>> {
    vec![
        impossible_travel(account, misuse),
        new_place(account, misuse),
        odd_country(account, misuse),
        many_places(account, misuse),
        never_twice(account, misuse),
        earlier.and_then(|earlier| again(account, misuse, earlier)),
    ]
}

/// Two uses, by mail or mailbox, in countries too far apart for the time between them.
fn impossible_travel(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let concerns = |(from, to)| misuse.places.contains(&from) || misuse.places.contains(&to);
    let journeys = travel::impossible(account, |_| true).into_iter();
    let journeys: Vec<_> = journeys
        .filter(|journey| concerns(journey.places))
        .collect();
    let longest = journeys.iter().max_by(|a, b| a.km.total_cmp(&b.km))?;
    let (from, to) = longest.countries;
    let detail = format!(
        "used in {from} and in {to}, at least {:.0} km apart, within {:.0} minutes ({} times)",
        longest.km,
        longest.hours * 60.0,
        journeys.len()
    );
    let facts = json!({
        "from": from.to_string(),
        "to": to.to_string(),
        "km": longest.km.round(),
        "times": journeys.len(),
    });
    DETECTOR.signal("impossible-travel", detail, facts)
}

fn new_place(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let home = misuse.home.filter(|home| !misuse.places.contains(home))?;
    let home = &account.places[home];
    let (first, _) = misuse.span();
    // Home must have been seen before the others, or nothing is known about what is new.
    if home.first_use()? > first.micros {
        return None;
    }
    let new: HashSet<PlaceKey> = misuse
        .places
        .iter()
        .map(|index| account.places[*index].key)
        .filter(|key| *key != home.key)
        .collect();
    if new.is_empty() {
        return None;
    }
    let networks = networks(account, misuse);
    let what = if misuse.submissions.is_empty() {
        "the logins come"
    } else {
        "the mail comes"
    };
    let detail = format!(
        "{what} from {} from which the account had not been used before {}",
        words::plural(networks as u64, "network"),
        first.for_people()
    );
    DETECTOR.signal("new-place", detail, json!({ "networks": networks }))
}

fn networks(account: &Account<'_>, misuse: &Misuse<'_>) -> usize {
    let clients = misuse.clients();
    let ips = clients.iter().filter_map(|ip| account.ip(Some(*ip)));
    ips.map(Network::of).collect::<HashSet<Network>>().len()
}

fn odd_country(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let mut odd: Vec<String> = Vec::new();
    let mut n_others = 0;
    for place in misuse.places.iter().map(|index| &account.places[*index]) {
        let Some(country) = place.country else {
            continue;
        };
        if account.context.config.allows_country(account.name, country) {
            continue;
        }
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

fn many_places(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let (first, last) = misuse.span();
    let n_places = travel::n_places_within_a_day(account, Some((first.micros, last.micros)));
    let detail = format!("used from {n_places} different networks within 24 hours");
    let facts = json!({ "places": n_places });
    // Without the table of networks, the addresses of one carrier look like many places.
    let known = misuse.places.iter();
    let n_known = known.filter(|index| matches!(account.places[**index].key, PlaceKey::Asn(_)));
    let n_known = n_known.count() + usize::from(misuse.home.is_some());
    if n_places.min(n_known) as f64 >= account.context.threshold(&FAR_TOO_MANY_PLACES) {
        return DETECTOR.signal("everywhere", detail, facts);
    }
    (n_places as f64 >= account.context.threshold(&MANY_PLACES))
        .then(|| DETECTOR.signal("many-places", detail, facts))?
}

/// People come back to where they were; a network of bots need not.
fn never_twice(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let addresses = misuse.clients().len();
    let uses = misuse.submissions.len() + misuse.logins.len();
    let (first, last) = misuse.span();
    let n_places = travel::n_places_within_a_day(account, Some((first.micros, last.micros)));
    let detail = format!("used {uses} times from {addresses} addresses: none came back");
    let facts = json!({ "uses": uses, "addresses": addresses });
    let enough = addresses as f64 >= account.context.threshold(&NEVER_TWICE)
        && n_places as f64 >= account.context.threshold(&MANY_PLACES);
    (enough && addresses == uses).then(|| DETECTOR.signal("never-twice", detail, facts))?
}

/// The same hands once more.
fn again(account: &Account<'_>, misuse: &Misuse<'_>, earlier: &Misuse<'_>) -> Option<Signal> {
    let keys = |misuse: &Misuse<'_>| -> HashSet<PlaceKey> {
        let places = misuse.places.iter();
        places.map(|index| account.places[*index].key).collect()
    };
    let n_known = keys(misuse).intersection(&keys(earlier)).count();
    let (_, until) = earlier.span();
    let detail = format!(
        "{n_known} of the networks were used for the misuse that ended {}",
        until.for_people()
    );
    let facts = json!({ "earlier_until": until.to_string(), "networks": n_known });
    (n_known > 0).then(|| DETECTOR.signal("again", detail, facts))?
}

//! Uses of a login in the order of time: how many places within a day, and journeys that nobody makes.

use super::TRAVEL_KM_PER_HOUR;
use super::account::{Account, Place};
use super::neighbourhood::PlaceKey;
use super::traffic::{DAY_MICROS, HOUR_MICROS};
use crate::knowledge::geoip::Country;

/// Below this the borders of the table of countries are too rough.
const MIN_KM: f64 = 200.0;
/// AS of services that fetch and send a user's mail for him from wherever their machines stand:
/// Google, Microsoft, Apple, Yahoo.
const MAIL_SERVICES: &[u32] = &[15169, 8075, 714, 6185, 36646, 34010];

/// A login used, by mail or mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    pub(super) micros: i64,
    /// Index of the account's places.
    pub(super) place: usize,
}

/// Two uses in countries too far apart for the time between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Journey {
    pub(super) places: (usize, usize),
    pub(super) countries: (Country, Country),
    pub(super) km: f64,
    pub(super) hours: f64,
}

/// All uses of an account, the oldest first.
pub(super) fn uses(account: &Account<'_>) -> Vec<Use> {
    let places = account.places.iter().enumerate();
    let uses = places.flat_map(|(index, place)| {
        place.moments().map(move |micros| Use {
            micros,
            place: index,
        })
    });
    let mut uses: Vec<Use> = uses.collect();
    uses.sort_unstable();
    uses
}

/// Journeys between places that `counts` accepts, faster than anybody travels.
pub(super) fn impossible(account: &Account<'_>, counts: impl Fn(usize) -> bool) -> Vec<Journey> {
    let allowed = |country: &Country| {
        account
            .context
            .config
            .allows_country(account.name, *country)
    };
    let country = |one: &Use| {
        let country = account.places[one.place].country;
        Some((*one, country.filter(|country| !allowed(country))?))
    };
    let uses = uses(account);
    let placed: Vec<(Use, Country)> = uses
        .iter()
        .filter(|one| counts(one.place))
        .filter_map(country)
        .collect();
    let journeys = placed.windows(2).filter_map(|pair| {
        let ((from, from_country), (to, to_country)) = (pair[0], pair[1]);
        let km = account
            .context
            .geoip
            .min_distance_km(from_country, to_country)?;
        let hours = (to.micros - from.micros) as f64 / HOUR_MICROS as f64;
        let is_impossible =
            km > MIN_KM && km > account.context.threshold(&TRAVEL_KM_PER_HOUR) * hours;
        is_impossible.then_some(Journey {
            places: (from.place, to.place),
            countries: (from_country, to_country),
            km,
            hours,
        })
    });
    journeys.collect()
}

/// Places that the owner cannot have come to from home. One such journey can be a phone's that was switched
/// to another network on the way; there and back again is none.
pub(super) fn intruders(account: &Account<'_>, home: Option<usize>) -> Vec<usize> {
    let Some(home) = home else {
        return Vec::new();
    };
    let far_away = |index: &usize| {
        let place = &account.places[*index];
        let is_abroad = place.country.is_some() && place.country != account.places[home].country;
        is_abroad
            && !is_mail_service(place)
            && impossible(account, |other| other == home || other == *index).len() >= 2
    };
    (0..account.places.len()).filter(far_away).collect()
}

/// True for a place in a country that does not touch home's.
pub(super) fn is_far(account: &Account<'_>, home: Option<usize>, index: usize) -> bool {
    let country = |index: usize| account.places[index].country;
    home.and_then(country)
        .zip(country(index))
        .is_some_and(|(home, here)| {
            let km = account.context.geoip.min_distance_km(home, here);
            home != here && km.is_none_or(|km| km > MIN_KM)
        })
}

/// True for the machines of a service that reads and sends mail on its users' behalf.
pub(super) fn is_mail_service(place: &Place<'_>) -> bool {
    matches!(place.key, PlaceKey::Asn(asn) if MAIL_SERVICES.contains(&asn))
}

/// The most places within 24 hours, private ones left out; of some places, or of all.
pub(super) fn n_places_within_a_day(account: &Account<'_>, only: Option<(i64, i64)>) -> usize {
    let is_outside = |one: &Use| {
        let key = account.places[one.place].key;
        key != PlaceKey::Private && key != PlaceKey::Unknown
    };
    let within = |one: &Use| only.is_none_or(|(start, end)| (start..=end).contains(&one.micros));
    let uses: Vec<Use> = uses(account)
        .into_iter()
        .filter(|one| is_outside(one) && within(one))
        .collect();
    let mut counts = vec![0usize; account.places.len()];
    let (mut start, mut here, mut most) = (0, 0, 0);
    for one in &uses {
        here += usize::from(counts[one.place] == 0);
        counts[one.place] += 1;
        while uses[start].micros < one.micros - DAY_MICROS {
            let left = uses[start].place;
            counts[left] -= 1;
            here -= usize::from(counts[left] == 0);
            start += 1;
        }
        most = most.max(here);
    }
    most
}

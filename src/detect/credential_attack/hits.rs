//! The guess that succeeded: a login from where others were tried before, or this one many times.

use hashbrown::{HashMap, HashSet};

use super::tries::{Name, Source, Tries, Try, total};
use super::{BRUTE_TRIES, DAY_MICROS, OTHER_NAMES, UNDER_ATTACK_NETWORKS, UNDER_ATTACK_TRIES};
use crate::detect::Context;

/// How long a guesser may take from a guess to the next: a week.
const MEMORY_MICROS: i64 = 7 * DAY_MICROS;

/// A success that looks guessed.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub(super) success: Try,
    /// Names that were tried from the same network before and never log in from there.
    pub(super) n_other_names: usize,
    /// Wrong passwords for them.
    pub(super) n_other_tries: u64,
    /// Wrong passwords for the same name, or for none that is told, from the same network before.
    pub(super) n_same_tries: u64,
    /// Wrong passwords for the same name from elsewhere in the day before, and from how many networks.
    pub(super) elsewhere: (u64, usize),
    /// The name logs in from other providers as well, and not from this one.
    pub(super) is_new_place: bool,
    /// Nor from this country.
    pub(super) is_new_country: bool,
}

/// What a network tried before.
struct Past<'a> {
    failures: Vec<&'a Try>,
}

/// The first such success of each network and name.
pub(super) fn find(context: &Context<'_>, tries: &Tries) -> Vec<Hit> {
    let mut by_source: HashMap<Source, Vec<&Try>> = HashMap::new();
    let mut by_name: HashMap<Name, Vec<&Try>> = HashMap::new();
    for failure in &tries.failures {
        let source = tries.source(failure);
        by_source.entry(source).or_default().push(failure);
        if let Some(name) = failure.name {
            by_name.entry(name).or_default().push(failure);
        }
    }
    let mut hits = Vec::new();
    let mut seen: HashSet<(Source, Option<Name>)> = HashSet::new();
    for success in &tries.successes {
        let source = tries.source(success);
        if tries.client(success).is_private || seen.contains(&(source, success.name)) {
            continue;
        }
        let before = |failure: &&&Try| {
            (success.seen.micros - MEMORY_MICROS..=success.seen.micros)
                .contains(&failure.seen.micros)
                && failure.at < success.at
        };
        let from_here = by_source.get(&source).into_iter().flatten();
        let past = Past {
            failures: from_here.filter(before).copied().collect(),
        };
        let on_name = success.name.and_then(|name| by_name.get(&name));
        let elsewhere: Vec<&Try> = on_name
            .into_iter()
            .flatten()
            .filter(|failure| {
                failure.seen.micros >= success.seen.micros - DAY_MICROS && failure.at < success.at
            })
            .filter(|failure| tries.source(failure) != source)
            .copied()
            .collect();
        let hit = past.hit(tries, success, &elsewhere);
        seen.insert((source, success.name));
        if hit.is_guessed(context) && !past.was_used_before(tries, success) {
            hits.push(hit);
        }
    }
    hits
}

impl<'a> Past<'a> {
    fn hit(&self, tries: &Tries, success: &Try, elsewhere: &[&Try]) -> Hit {
        let source = tries.source(success);
        let is_other = |failure: &&&Try| {
            let name = failure.name.filter(|name| Some(*name) != success.name);
            name.is_some_and(|name| !tries.succeeds_from(name, source))
        };
        let others: Vec<&Try> = self.failures.iter().filter(is_other).copied().collect();
        let names: HashSet<Name> = others.iter().filter_map(|failure| failure.name).collect();
        let same = self.failures.iter().filter(|failure| {
            failure.name.is_none() || (success.name.is_some() && failure.name == success.name)
        });
        let networks: HashSet<Source> = elsewhere.iter().map(|f| tries.source(f)).collect();
        let (is_new_place, is_new_country) = strangeness(tries, success);
        Hit {
            success: *success,
            n_other_names: names.len(),
            n_other_tries: total(others.into_iter()),
            n_same_tries: total(same.copied()),
            elsewhere: (total(elsewhere.iter().copied()), networks.len()),
            is_new_place,
            is_new_country,
        }
    }

    /// Somebody who came in before the first wrong password is at home here.
    fn was_used_before(&self, tries: &Tries, success: &Try) -> bool {
        let Some(name) = success.name else {
            return false;
        };
        let source = tries.source(success);
        let first = self.failures.first().map(|failure| failure.at);
        tries.uses(name).any(|used| {
            tries.source(used) == source && first.map_or(used.at < success.at, |at| used.at < at)
        })
    }
}

/// Whether the name logs in from elsewhere, but not through this provider, and not from this country.
fn strangeness(tries: &Tries, success: &Try) -> (bool, bool) {
    let here = tries.client(success);
    let Some(name) = success.name else {
        return (false, false);
    };
    let elsewhere = |used: &&Try| {
        let client = tries.client(used);
        client.source != here.source && (client.asn.is_none() || client.asn != here.asn)
    };
    let mut others = tries.uses(name).filter(elsewhere).peekable();
    let is_new_place = others.peek().is_some();
    let countries: HashSet<_> = others.filter_map(|u| tries.client(u).country).collect();
    let is_abroad = here
        .country
        .is_some_and(|country| !countries.is_empty() && !countries.contains(&country));
    (is_new_place, is_abroad)
}

impl Hit {
    /// True for a success that is reason enough to ask.
    fn is_guessed(&self, context: &Context<'_>) -> bool {
        self.is_sprayed(context) || self.is_forced(context) || self.is_besieged(context)
    }

    /// Many other names were tried from the same network before: conclusive.
    pub(super) fn is_sprayed(&self, context: &Context<'_>) -> bool {
        self.n_other_names as f64 >= context.threshold(&OTHER_NAMES)
    }

    /// Many tries from the same network, which is not the owner's.
    pub(super) fn is_forced(&self, context: &Context<'_>) -> bool {
        self.n_same_tries as f64 >= context.threshold(&BRUTE_TRIES) && self.is_new_place
    }

    /// The whole Internet tried the name, and then somebody came in from a new place.
    pub(super) fn is_besieged(&self, context: &Context<'_>) -> bool {
        let (n_tries, n_networks) = self.elsewhere;
        n_tries as f64 >= context.threshold(&UNDER_ATTACK_TRIES)
            && n_networks as f64 >= context.threshold(&UNDER_ATTACK_NETWORKS)
            && self.is_new_country
    }
}

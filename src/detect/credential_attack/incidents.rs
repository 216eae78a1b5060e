//! Guesses -> incidents: what one guesser, or many who try the same, did; and the background that every server has.

use hashbrown::{HashMap, HashSet};

use super::hits::Hit;
use super::tries::{Name, Source, Tries, Try, peak, total};
use super::{
    DAY_MICROS, KNOWN_NAMES, LARGE_PER_DAY, LARGE_TOGETHER, MIN_SAID, ONE_ACCOUNT_NETWORKS,
    ONE_ACCOUNT_TRIES, TARGETED_PER_DAY,
};
use crate::detect::Context;

/// More single guessers than this are told as one attack.
pub(super) const MAX_SINGLE: usize = 5;

/// What kind of claim is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A guess succeeded.
    Hit,
    /// One network, or several that try the same names.
    Sources,
    /// Many networks try one login.
    OneAccount(Name),
    /// Many networks together try more than the background of any server.
    Together,
    /// What every server sees daily.
    Background,
}

/// Guesses that belong together.
pub(super) struct Incident<'a> {
    pub(super) kind: Kind,
    pub(super) hits: Vec<Hit>,
    /// In log order.
    pub(super) guesses: Vec<&'a Try>,
    /// AUTH from the same networks that was refused unjudged.
    pub(super) probes: Vec<&'a Try>,
}

impl<'a> Incident<'a> {
    fn new(kind: Kind, guesses: Vec<&'a Try>) -> Self {
        Self {
            kind,
            hits: Vec::new(),
            guesses,
            probes: Vec::new(),
        }
    }

    /// All that was tried: guesses, what got in, and what was refused unjudged.
    pub(super) fn all(&self) -> impl Iterator<Item = &Try> {
        let hits = self.hits.iter().map(|hit| &hit.success);
        let failed = self.guesses.iter().chain(&self.probes).copied();
        hits.chain(failed)
    }
}

/// Sorts all guesses into incidents; each is in one of them.
pub(super) fn sort<'a>(
    context: &Context<'_>,
    tries: &'a Tries,
    hits: Vec<Hit>,
    guesses: Vec<&'a Try>,
) -> Vec<Incident<'a>> {
    let (mut incidents, rest) = around_hits(tries, hits, guesses);
    let (sources, rest) = single_sources(context, tries, rest);
    incidents.extend(sources);
    let (informed, rest) = informed(context, tries, rest);
    incidents.extend(informed);
    let (accounts, rest) = single_accounts(context, tries, rest);
    incidents.extend(accounts);
    let is_large =
        peak(rest.iter().copied(), DAY_MICROS) as f64 >= context.threshold(&LARGE_TOGETHER);
    let kind = if is_large {
        Kind::Together
    } else {
        Kind::Background
    };
    let mut background = Incident::new(kind, rest);
    background.probes = give_probes(tries, &mut incidents);
    if total(background.all()) as f64 >= context.threshold(&MIN_SAID) {
        incidents.push(background);
    }
    incidents
}

/// Refused AUTH goes to the incident of its network; what is left is background.
fn give_probes<'a>(tries: &'a Tries, incidents: &mut [Incident<'a>]) -> Vec<&'a Try> {
    let mut incident_of: HashMap<Source, usize> = HashMap::new();
    for (index, incident) in incidents.iter().enumerate() {
        for guess in incident.guesses.iter().copied() {
            incident_of.entry(tries.source(guess)).or_insert(index);
        }
    }
    let mut rest = Vec::new();
    for probe in &tries.probes {
        match incident_of.get(&tries.source(probe)) {
            Some(index) => incidents[*index].probes.push(probe),
            None => rest.push(probe),
        }
    }
    rest
}

/// Successes of one network, or with one login, are one incident; with all that was tried from these networks.
fn around_hits<'a>(
    tries: &Tries,
    hits: Vec<Hit>,
    guesses: Vec<&'a Try>,
) -> (Vec<Incident<'a>>, Vec<&'a Try>) {
    let mut groups: Vec<(HashSet<Source>, HashSet<Name>, Vec<Hit>)> = Vec::new();
    for hit in hits {
        let source = tries.source(&hit.success);
        let name = hit.success.name;
        let (same, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| {
            group.0.contains(&source) || name.is_some_and(|name| group.1.contains(&name))
        });
        groups = others;
        let mut merged = (
            HashSet::from([source]),
            name.into_iter().collect(),
            vec![hit],
        );
        for (sources, names, hits) in same {
            merged.0.extend(sources);
            HashSet::extend(&mut merged.1, names);
            merged.2.splice(0..0, hits);
        }
        groups.push(merged);
    }
    let mut rest = guesses;
    let mut incidents = Vec::new();
    for (sources, names, mut hits) in groups {
        hits.sort_by_key(|hit| hit.success.at);
        let until = hits.last().map(|hit| hit.success.seen.micros);
        let is_siege = hits.iter().any(|hit| hit.elsewhere.0 > hit.n_same_tries);
        let belongs = |guess: &&Try| {
            let on_name = guess.name.is_some_and(|name| names.contains(&name));
            let before = until.is_some_and(|until| guess.seen.micros <= until);
            sources.contains(&tries.source(guess)) || (is_siege && on_name && before)
        };
        let (theirs, others) = rest.into_iter().partition(belongs);
        rest = others;
        incidents.push(Incident {
            hits,
            ..Incident::new(Kind::Hit, theirs)
        });
    }
    (incidents, rest)
}

/// Networks that try more by themselves than the background does.
fn single_sources<'a>(
    context: &Context<'_>,
    tries: &Tries,
    guesses: Vec<&'a Try>,
) -> (Vec<Incident<'a>>, Vec<&'a Try>) {
    let mut by_source: HashMap<Source, Vec<&'a Try>> = HashMap::new();
    for guess in guesses {
        by_source
            .entry(tries.source(guess))
            .or_default()
            .push(guess);
    }
    let mut by_source: Vec<_> = by_source.into_iter().collect();
    by_source.sort_by_key(|(source, _)| *source);
    let mut strong: Vec<Incident<'a>> = Vec::new();
    let mut rest: Vec<&'a Try> = Vec::new();
    for (_, theirs) in by_source {
        if !is_strong(context, tries, &theirs) {
            rest.extend(theirs);
            continue;
        }
        match strong
            .iter_mut()
            .find(|other| is_same(&other.guesses, &theirs))
        {
            Some(other) => other.guesses.extend(theirs),
            None => strong.push(Incident::new(Kind::Sources, theirs)),
        }
    }
    if strong.len() > MAX_SINGLE {
        let guesses = strong.into_iter().flat_map(|incident| incident.guesses);
        strong = vec![Incident::new(Kind::Together, guesses.collect())];
    }
    for incident in &mut strong {
        incident.guesses.sort_by_key(|guess| guess.at);
    }
    rest.sort_by_key(|guess| guess.at);
    (strong, rest)
}

fn is_strong(context: &Context<'_>, tries: &Tries, guesses: &[&Try]) -> bool {
    is_large(context, guesses) || is_targeted(context, tries, guesses) || {
        let (known, all) = known_names(tries, guesses);
        known as f64 >= context.threshold(&KNOWN_NAMES) && 3 * known >= all
    }
}

/// So many in a day from one network that nothing can have stopped it.
pub(super) fn is_large(context: &Context<'_>, guesses: &[&Try]) -> bool {
    peak(guesses.iter().copied(), DAY_MICROS) as f64 >= context.threshold(&LARGE_PER_DAY)
}

/// Half of many tries are at logins that exist here.
pub(super) fn is_targeted(context: &Context<'_>, tries: &Tries, guesses: &[&Try]) -> bool {
    let known = guesses.iter().copied().filter(|guess| {
        let name = guess.name;
        name.is_some_and(|name| tries.is_personal(name))
    });
    let n_known = peak(known.clone(), DAY_MICROS) as f64;
    n_known >= context.threshold(&TARGETED_PER_DAY)
        && 2 * total(known) >= total(guesses.iter().copied())
}

/// Different names tried that log in here and are no role names, and all names tried.
pub(super) fn known_names(tries: &Tries, guesses: &[&Try]) -> (usize, usize) {
    let names: HashSet<Name> = guesses.iter().filter_map(|guess| guess.name).collect();
    let known = names.iter().filter(|name| tries.is_personal(**name));
    (known.count(), names.len())
}

/// Two networks that try the same names in the same days belong to one guesser.
fn is_same(one: &[&Try], other: &[&Try]) -> bool {
    let names = |guesses: &[&Try]| -> HashSet<Name> {
        guesses.iter().filter_map(|guess| guess.name).collect()
    };
    let days = |guesses: &[&Try]| -> HashSet<i64> {
        let days = guesses.iter().map(|g| g.seen.micros.div_euclid(DAY_MICROS));
        days.flat_map(|day| [day, day + 1]).collect()
    };
    let (names, others) = (names(one), names(other));
    let shared = names.intersection(&others).count();
    let smaller = names.len().min(others.len());
    let alike = smaller > 0 && 2 * shared >= smaller && shared >= smaller.min(3);
    alike && !days(one).is_disjoint(&days(other))
}

/// Networks that each try little, much of it at logins that exist here: they share a list of them.
fn informed<'a>(
    context: &Context<'_>,
    tries: &Tries,
    guesses: Vec<&'a Try>,
) -> (Option<Incident<'a>>, Vec<&'a Try>) {
    let is_known = |guess: &Try| guess.name.is_some_and(|name| tries.is_personal(name));
    let mut by_source: HashMap<Source, (u64, u64)> = HashMap::new();
    for guess in &guesses {
        let (known, all) = by_source.entry(tries.source(guess)).or_default();
        *known += if is_known(guess) { guess.n_times } else { 0 };
        *all += guess.n_times;
    }
    let is_core = |(known, all): &(u64, u64)| 3 * *known >= *all;
    let in_core = |guess: &&Try| by_source.get(&tries.source(guess)).is_some_and(is_core);
    let core: Vec<&Try> = guesses.iter().copied().filter(in_core).collect();
    let (n_names, _) = known_names(tries, &core);
    let at_known = core.iter().copied().filter(|guess| is_known(guess));
    let is_campaign = n_names as f64 >= context.threshold(&KNOWN_NAMES)
        && peak(at_known, DAY_MICROS) as f64 >= context.threshold(&TARGETED_PER_DAY);
    if !is_campaign {
        return (None, guesses);
    }
    // Once there is a list, whoever tries any name of it has it.
    let has_list = |guess: &&Try| {
        let counts = by_source.get(&tries.source(guess));
        counts.is_some_and(|(known, _)| *known > 0)
    };
    let (theirs, rest) = guesses.into_iter().partition(has_list);
    (Some(Incident::new(Kind::Together, theirs)), rest)
}

/// Logins that many networks try, each too little to be seen alone.
fn single_accounts<'a>(
    context: &Context<'_>,
    tries: &Tries,
    guesses: Vec<&'a Try>,
) -> (Vec<Incident<'a>>, Vec<&'a Try>) {
    let mut by_name: HashMap<Name, Vec<&'a Try>> = HashMap::new();
    for guess in &guesses {
        let personal = guess.name.filter(|name| tries.is_personal(*name));
        if let Some(name) = personal {
            by_name.entry(name).or_default().push(guess);
        }
    }
    let is_wanted = |guesses: &[&Try]| {
        let sources: HashSet<Source> = guesses.iter().map(|guess| tries.source(guess)).collect();
        total(guesses.iter().copied()) as f64 >= context.threshold(&ONE_ACCOUNT_TRIES)
            && sources.len() as f64 >= context.threshold(&ONE_ACCOUNT_NETWORKS)
    };
    by_name.retain(|_, guesses| is_wanted(guesses));
    let rest = guesses
        .into_iter()
        .filter(|guess| guess.name.is_none_or(|name| !by_name.contains_key(&name)))
        .collect();
    let mut by_name: Vec<_> = by_name.into_iter().collect();
    by_name.sort_by(|a, b| tries.names[a.0].cmp(&tries.names[b.0]));
    if by_name.len() > MAX_SINGLE {
        let mut all: Vec<&Try> = by_name
            .into_iter()
            .flat_map(|(_, guesses)| guesses)
            .collect();
        all.sort_by_key(|guess| guess.at);
        return (vec![Incident::new(Kind::Together, all)], rest);
    }
    let single = |(name, guesses)| Incident::new(Kind::OneAccount(name), guesses);
    (by_name.into_iter().map(single).collect(), rest)
}

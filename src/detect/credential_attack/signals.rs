//! The reasons for calling it an attack: each a fact with its numbers.

use hashbrown::HashSet;
use serde_json::{Map, Value, json};

use super::incidents::{Incident, Kind, MAX_SINGLE, is_large, is_targeted, known_names};
use super::tries::{Name, Source, Tries, peak, total};
use super::{DAY_MICROS, DETECTOR, KNOWN_NAMES, LARGE_PER_DAY, LARGE_TOGETHER, TARGETED_PER_DAY};
use crate::detect::Context;
use crate::finding::Signal;

/// Names shown.
const TOP_NAMES: usize = 5;

/// How a guesser goes about it.
pub(super) fn manner(tries: &Tries, incident: &Incident<'_>) -> &'static str {
    let (known, n_names) = known_names(tries, &incident.guesses);
    let n_named = total(
        incident
            .guesses
            .iter()
            .copied()
            .filter(|g| g.name.is_some()),
    );
    let most = top_names(tries, incident).first().map_or(0, |(_, n)| *n);
    let per_name = n_named as f64 / n_names.max(1) as f64;
    match n_names {
        0 => "guessing",
        _ if n_names == 1 || 10 * most >= 7 * n_named => "brute force",
        _ if n_names >= 8 && 2 * known >= n_names && per_name <= 2.0 => "stuffing",
        _ if n_names >= 20 && 10 * known <= n_names && per_name <= 2.0 => "user enumeration",
        _ => "a spray",
    }
}

/// All that speaks for the claim.
pub(super) fn signals(
    context: &Context<'_>,
    tries: &Tries,
    incident: &Incident<'_>,
) -> Vec<Signal> {
    let found = match incident.kind {
        Kind::Hit => success(context, tries, incident),
        Kind::Sources => [
            knows_logins(context, tries, incident),
            targeted(context, tries, incident),
            volume(context, incident),
            origin(tries, incident),
        ]
        .to_vec(),
        Kind::OneAccount(name) => vec![one_account(tries, incident, name), origin(tries, incident)],
        Kind::Together => vec![
            knows_logins(context, tries, incident),
            volume(context, incident),
            origin(tries, incident),
        ],
        Kind::Background => vec![background(tries, incident)],
    };
    found.into_iter().flatten().collect()
}

fn success(context: &Context<'_>, tries: &Tries, incident: &Incident<'_>) -> Vec<Option<Signal>> {
    let hits = &incident.hits;
    let sprayed = hits
        .iter()
        .filter(|hit| hit.is_sprayed(context))
        .max_by_key(|hit| hit.n_other_names);
    let sprayed = sprayed.map(|hit| {
        let detail = format!(
            "{} got in from a network that had failed {} times on {} other names",
            login(context, hit.success.login),
            hit.n_other_tries,
            hit.n_other_names
        );
        let facts = json!({ "other_names": hit.n_other_names, "auth_failures": hit.n_other_tries });
        DETECTOR.signal("success-after-other-names", detail, facts)
    });
    let forced = hits
        .iter()
        .filter(|hit| hit.is_forced(context))
        .max_by_key(|hit| hit.n_same_tries);
    let forced = forced.map(|hit| {
        let detail = format!(
            "{} got in from a network that had failed on it {} times",
            login(context, hit.success.login),
            hit.n_same_tries
        );
        let facts = json!({ "auth_failures": hit.n_same_tries });
        DETECTOR.signal("success-after-many-tries", detail, facts)
    });
    let besieged = hits
        .iter()
        .filter(|hit| hit.is_besieged(context))
        .max_by_key(|hit| hit.elsewhere);
    let besieged = besieged.map(|hit| {
        let (n_tries, n_networks) = hit.elsewhere;
        let detail = format!(
            "{} was tried {n_tries} times from {n_networks} other networks in the day before",
            login(context, hit.success.login)
        );
        let facts = json!({ "auth_failures": n_tries, "networks": n_networks });
        DETECTOR.signal("success-under-attack", detail, facts)
    });
    let is_new_place = hits.iter().any(|hit| hit.is_new_place);
    let is_new_country = hits.iter().any(|hit| hit.is_new_country);
    let from_hits: HashSet<Source> = hits.iter().map(|hit| tries.source(&hit.success)).collect();
    let from_there = incident.guesses.iter().copied();
    let from_there = from_there.filter(|guess| from_hits.contains(&tries.source(guess)));
    let n_peak = peak(from_there, DAY_MICROS);
    vec![
        sprayed.flatten(),
        forced.flatten(),
        besieged.flatten(),
        is_new_place
            .then(|| {
                let detail =
                    "its owner logs in through other providers, never through this one before";
                DETECTOR.signal("new-place", detail.to_owned(), json!({}))
            })
            .flatten(),
        is_new_country
            .then(|| {
                let detail = "nor ever from this country";
                DETECTOR.signal("new-country", detail.to_owned(), json!({}))
            })
            .flatten(),
        many_guesses(context, n_peak),
    ]
}

/// A login in words.
pub(super) fn login(context: &Context<'_>, symbol: Option<crate::correlate::Symbol>) -> String {
    match symbol {
        Some(symbol) => context.tables.strings.get(symbol).to_owned(),
        None => "a login that the log does not name".to_owned(),
    }
}

fn many_guesses(context: &Context<'_>, n_peak: u64) -> Option<Signal> {
    let is_many = n_peak as f64 >= context.threshold(&TARGETED_PER_DAY);
    let detail = format!("{n_peak} guesses within 24 hours");
    is_many
        .then(|| DETECTOR.signal("many-guesses", detail, json!({ "within_a_day": n_peak })))
        .flatten()
}

fn volume(context: &Context<'_>, incident: &Incident<'_>) -> Option<Signal> {
    let n_peak = peak(incident.guesses.iter().copied(), DAY_MICROS);
    let is_large = match incident.kind {
        // As much as so many single guessers, or as all the background must not be.
        Kind::Together => {
            let single = context.threshold(&LARGE_PER_DAY) * MAX_SINGLE as f64;
            n_peak as f64 >= single.min(context.threshold(&LARGE_TOGETHER))
        }
        Kind::Hit | Kind::Sources | Kind::OneAccount(_) | Kind::Background => {
            is_large(context, &incident.guesses)
        }
    };
    if !is_large {
        return many_guesses(context, n_peak);
    }
    let detail = format!("{n_peak} guesses within 24 hours: nothing stopped them");
    DETECTOR.signal("large", detail, json!({ "within_a_day": n_peak }))
}

fn knows_logins(context: &Context<'_>, tries: &Tries, incident: &Incident<'_>) -> Option<Signal> {
    let (known, all) = known_names(tries, &incident.guesses);
    if (known as f64) < context.threshold(&KNOWN_NAMES) || 3 * known < all {
        return None;
    }
    let detail = format!("{known} of the {all} names that it tries are logins of this server");
    DETECTOR.signal(
        "knows-logins",
        detail,
        json!({ "logins": known, "names": all }),
    )
}

fn targeted(context: &Context<'_>, tries: &Tries, incident: &Incident<'_>) -> Option<Signal> {
    if !is_targeted(context, tries, &incident.guesses) {
        return None;
    }
    let at_known = incident.guesses.iter().copied();
    let at_known = at_known.filter(|g| g.name.is_some_and(|name| tries.is_personal(name)));
    let n_tries = total(at_known);
    let detail = format!("{n_tries} guesses are at logins that exist here");
    DETECTOR.signal("targeted", detail, json!({ "auth_failures": n_tries }))
}

fn one_account(tries: &Tries, incident: &Incident<'_>, name: Name) -> Option<Signal> {
    let n_tries = total(incident.guesses.iter().copied());
    let detail = format!("{n_tries} guesses at {} alone", tries.names[name]);
    DETECTOR.signal("one-account", detail, json!({ "auth_failures": n_tries }))
}

fn origin(tries: &Tries, incident: &Incident<'_>) -> Option<Signal> {
    let n_networks = n_networks(tries, incident);
    let (name, detail) = match n_networks {
        1 => ("one-network", "all from one network".to_owned()),
        _ => ("many-networks", format!("from {n_networks} networks")),
    };
    DETECTOR.signal(name, detail, json!({ "networks": n_networks }))
}

fn background(tries: &Tries, incident: &Incident<'_>) -> Option<Signal> {
    let n_guesses = total(incident.guesses.iter().copied());
    let n_networks = n_networks(tries, incident);
    let detail = format!("{n_guesses} guesses from {n_networks} networks; none succeeded");
    DETECTOR.signal("background", detail, facts(tries, incident).into())
}

pub(super) fn n_networks(tries: &Tries, incident: &Incident<'_>) -> usize {
    let sources = incident.all().map(|tried| tries.source(tried));
    sources.collect::<HashSet<Source>>().len()
}

/// The names tried most, and how often.
pub(super) fn top_names(tries: &Tries, incident: &Incident<'_>) -> Vec<(Name, u64)> {
    let mut counts = hashbrown::HashMap::<Name, u64>::new();
    for guess in &incident.guesses {
        if let Some(name) = guess.name {
            *counts.entry(name).or_default() += guess.n_times;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| (b.1, &tries.names[a.0]).cmp(&(a.1, &tries.names[b.0])));
    counts
}

/// What was tried, in numbers and names.
pub(super) fn facts(tries: &Tries, incident: &Incident<'_>) -> Map<String, Value> {
    let names = top_names(tries, incident);
    let (known, _) = known_names(tries, &incident.guesses);
    let unnamed = incident
        .guesses
        .iter()
        .copied()
        .filter(|g| g.name.is_none());
    let top = names.iter().take(TOP_NAMES);
    let top: Vec<Value> = top
        .map(|(name, n)| json!({ "name": tries.names[*name], "auth_failures": n }))
        .collect();
    let mut facts = Map::new();
    facts.insert("names".to_owned(), names.len().into());
    facts.insert("logins_that_exist".to_owned(), known.into());
    facts.insert("without_a_name".to_owned(), total(unnamed).into());
    facts.insert("top_names".to_owned(), top.into());
    facts.insert(
        "auth_refused".to_owned(),
        total(incident.probes.iter().copied()).into(),
    );
    facts
}

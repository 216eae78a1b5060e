//! Wrong passwords of people who belong here: a typing error, an old password in a telephone, an office's gateway.

use hashbrown::{HashMap, HashSet};

use super::hits::Hit;
use super::tries::{Name, Source, Tries, Try, peak};
use super::{BURST_MICROS, OWN_NAMES, OWN_PACE, OWN_TRIES};
use crate::detect::Context;

/// At home, at work, on the road.
const OWN_PROVIDERS: usize = 3;

/// Successes of as many logins make an address a gateway: an office, a webmail server, a carrier.
const CROWD: usize = 3;

/// What is needed to judge one failure.
struct Judge<'a> {
    tries: &'a Tries,
    own_tries: u64,
    own_names: usize,
    own_pace: u64,
    /// Names that each network failed on and that never log in from there.
    strange_names: HashMap<Source, HashSet<Name>>,
    n_tries: HashMap<(Source, Option<Name>), u64>,
    /// Providers from which each name was tried, in countries from which it logs in.
    providers: HashMap<Name, HashSet<Option<u32>>>,
    /// The most tries within ten minutes, of each network and name.
    paces: HashMap<(Source, Option<Name>), u64>,
}

/// The failures that are no mistake of somebody who belongs here, in log order. Where a guess succeeded, none is.
pub(super) fn leave_out<'a>(context: &Context<'_>, tries: &'a Tries, hits: &[Hit]) -> Vec<&'a Try> {
    let guessers: HashSet<Source> = hits.iter().map(|hit| tries.source(&hit.success)).collect();
    let mut judge = Judge {
        tries,
        own_tries: context.threshold(&OWN_TRIES) as u64,
        own_names: context.threshold(&OWN_NAMES) as usize,
        own_pace: context.threshold(&OWN_PACE) as u64,
        paces: paces(tries),
        strange_names: HashMap::new(),
        n_tries: HashMap::new(),
        providers: HashMap::new(),
    };
    for failure in &tries.failures {
        let source = tries.source(failure);
        *judge.n_tries.entry((source, failure.name)).or_default() += failure.n_times;
        if let Some(name) = failure.name {
            let client = tries.client(failure);
            if tries.is_at_home(name, client) {
                judge.providers.entry(name).or_default().insert(client.asn);
            }
            if !tries.succeeds_from(name, source) {
                judge.strange_names.entry(source).or_default().insert(name);
            }
        }
    }
    let mut known: HashMap<(Source, Option<Name>, bool), bool> = HashMap::new();
    let mut guesses = Vec::new();
    for failure in &tries.failures {
        let is_private = tries.client(failure).is_private;
        let key = (tries.source(failure), failure.name, is_private);
        let is_own = || !guessers.contains(&key.0) && judge.is_own(failure);
        if !*known.entry(key).or_insert_with(is_own) {
            guesses.push(failure);
        }
    }
    guesses
}

impl Judge<'_> {
    fn is_own(&self, failure: &Try) -> bool {
        let source = self.tries.source(failure);
        let strange = self.strange_names.get(&source).map_or(0, HashSet::len);
        if self.is_crowd(source, strange) {
            return true;
        }
        if strange > self.own_names {
            return false;
        }
        match failure.name {
            Some(name) => self.is_owner(name, failure) || self.is_typing_error(source, failure),
            None => self.is_known_place(failure),
        }
    }

    /// Behind it many come in, and few of the names that fail are strange.
    fn is_crowd(&self, source: Source, n_strange: usize) -> bool {
        let names: HashSet<Name> = self.tries.uses_of(source).filter_map(|u| u.name).collect();
        names.len() >= CROWD && n_strange <= names.len()
    }

    /// The name logs in from the same network or provider; or from the country, and a device that was not told of
    /// a new password tries, through the few providers that it roams, at the pace of a mail program.
    fn is_owner(&self, name: Name, failure: &Try) -> bool {
        let client = self.tries.client(failure);
        if self.tries.succeeds_from(name, client.source)
            || self.tries.succeeds_from_as(name, client.asn)
        {
            return true;
        }
        let n_providers = self.providers.get(&name).map_or(0, HashSet::len);
        let pace = self.paces.get(&(client.source, Some(name)));
        let is_device = self.tries.is_at_home(name, client)
            && n_providers <= OWN_PROVIDERS
            && pace.is_some_and(|pace| *pace <= self.own_pace);
        self.tries.is_known(name) && (client.is_private || is_device)
    }

    /// A few tries at a name that does not log in from there, where another does.
    fn is_typing_error(&self, source: Source, failure: &Try) -> bool {
        let n_tries = self.n_tries.get(&(source, failure.name));
        self.tries.uses_of(source).next().is_some()
            && n_tries.is_some_and(|n_tries| *n_tries <= self.own_tries)
    }

    /// The log names nobody: somebody logs in from the network.
    fn is_known_place(&self, failure: &Try) -> bool {
        let client = self.tries.client(failure);
        client.is_private || self.tries.uses_of(client.source).next().is_some()
    }
}

fn paces(tries: &Tries) -> HashMap<(Source, Option<Name>), u64> {
    let mut by_key: HashMap<(Source, Option<Name>), Vec<&Try>> = HashMap::new();
    for failure in &tries.failures {
        let key = (tries.source(failure), failure.name);
        by_key.entry(key).or_default().push(failure);
    }
    let pace = |(key, tries): (_, Vec<&Try>)| (key, peak(tries.into_iter(), BURST_MICROS));
    by_key.into_iter().map(pace).collect()
}

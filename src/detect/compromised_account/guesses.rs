//! Passwords that failed before one was right: for each network, which names were tried from it.

use hashbrown::{HashMap, HashSet};

use super::{BRUTE_FORCE_FAILURES, SPRAYED_NAMES};
use crate::correlate::Symbol;
use crate::detect::Context;
use crate::detect::submissions::ip_of;
use crate::knowledge::places::{Network, is_private};
use crate::mail::{Address, LineRef, Timestamp};

/// A guesser who comes back after a longer time is another one.
const MEMORY_MICROS: i64 = 30 * super::traffic::DAY_MICROS;
/// Where one in so many of the names succeeds, people share the address: an office, a webmail server.
const NAMES_FOR_EACH_SUCCESS: usize = 5;
/// No guesser is right so often: a network of so many users is a gateway.
const MAX_SUCCESSES: usize = 50;

/// All tries from the networks from which any failed; those of gateways and local networks left out.
pub(super) struct Guesses {
    by_network: HashMap<Network, Vec<Try>>,
    /// `ann` and `Ann@example.com` are tried for the same mailbox.
    names: HashMap<Symbol, u32>,
    sprayed_names: f64,
    brute_force_failures: f64,
}

/// A password judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try {
    pub(super) seen: Timestamp,
    pub(super) at: LineRef,
    client_ip: Symbol,
    login: Option<Symbol>,
    name: Option<u32>,
    succeeded: bool,
    n_times: u32,
}

/// What went before the first success of a login from a network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guess {
    pub(super) network: Network,
    pub(super) first: Try,
    pub(super) success: Try,
    pub(super) n_failures: u32,
    /// Of them, those within the last day.
    pub(super) n_within_a_day: u32,
    /// How many other names were tried from the very address that then knew this password.
    pub(super) sprayed_here: Option<usize>,
    /// How many other names were tried from its network.
    pub(super) sprayed_near: Option<usize>,
    /// How often this login's password was tried from there, when that was often.
    pub(super) brute_force: Option<u32>,
}

impl Guesses {
    pub(super) fn new(context: &Context<'_>) -> Self {
        let mut networks: HashMap<Symbol, Option<Network>> = HashMap::new();
        let mut network_of = |ip: Symbol| {
            let outside = || ip_of(&context.tables.strings, Some(ip)).filter(|ip| !is_private(*ip));
            *networks
                .entry(ip)
                .or_insert_with(|| outside().map(Network::of))
        };
        let mut found = Self {
            by_network: HashMap::new(),
            names: names(context),
            sprayed_names: context.threshold(&SPRAYED_NAMES),
            brute_force_failures: context.threshold(&BRUTE_FORCE_FAILURES),
        };
        let judged = || context.passwords.iter().filter(|tried| !tried.own_fault);
        for tried in judged().filter(|tried| !tried.succeeded) {
            if let Some(network) = tried.client_ip.and_then(&mut network_of) {
                found.by_network.entry(network).or_default();
            }
        }
        for tried in judged() {
            let Some(client_ip) = tried.client_ip else {
                continue;
            };
            let network = network_of(client_ip);
            if let Some(tries) = network.and_then(|network| found.by_network.get_mut(&network)) {
                let login = tried.sasl_username;
                tries.push(Try {
                    seen: tried.seen,
                    at: tried.at,
                    client_ip,
                    login,
                    name: login.and_then(|login| found.names.get(&login).copied()),
                    succeeded: tried.succeeded,
                    n_times: tried.n_times,
                });
            }
        }
        found.by_network.retain(|_, tries| {
            let right = tries.iter().filter(|tried| tried.succeeded);
            right
                .filter_map(|tried| tried.name)
                .collect::<HashSet<u32>>()
                .len()
                <= MAX_SUCCESSES
        });
        found
    }

    /// The failures before a login's first success from a network; `None` where there are none.
    pub(super) fn before(&self, network: Network, login: Symbol) -> Option<Guess> {
        let tries = self.by_network.get(&network)?;
        let is_success = |tried: &Try| tried.succeeded && tried.login == Some(login);
        let at = tries.iter().position(is_success)?;
        let success = tries[at];
        let since = success.seen.micros - MEMORY_MICROS;
        let failures: Vec<&Try> = tries[..at]
            .iter()
            .filter(|tried| !tried.succeeded && tried.seen.micros >= since)
            .collect();
        let names = Names::new(success, tries);
        let (names_here, names_near) = names.failed(&failures);
        let n_times = |wanted: &dyn Fn(&Try) -> bool| {
            let chosen = failures.iter().filter(|tried| wanted(tried));
            chosen.map(|tried| tried.n_times).sum()
        };
        let yesterday = success.seen.micros - super::traffic::DAY_MICROS;
        Some(Guess {
            network,
            first: **failures.first()?,
            success,
            n_failures: n_times(&|_| true),
            n_within_a_day: n_times(&|tried| tried.seen.micros >= yesterday),
            sprayed_here: self.spray(names_here, names.succeeding_here.len()),
            sprayed_near: self.spray(names_near, names.succeeding.len()),
            brute_force: Some(n_times(&|tried| names.is_own(tried)))
                .filter(|n| f64::from(*n) >= self.brute_force_failures)
                .filter(|_| names.succeeding.is_empty()),
        })
    }

    /// So many names in vain are a spray, unless many people share the address.
    fn spray(&self, n_names: usize, n_succeeding: usize) -> Option<usize> {
        let is_spray = n_names as f64 >= self.sprayed_names
            && n_succeeding * NAMES_FOR_EACH_SUCCESS <= n_names;
        is_spray.then_some(n_names)
    }
}

impl Guess {
    /// True when the password was guessed rather than known.
    pub(super) fn is_attack(&self) -> bool {
        self.sprayed_here.is_some() || self.sprayed_near.is_some() || self.brute_force.is_some()
    }
}

/// The names tried from a network, as one login sees them.
struct Names {
    own: Option<u32>,
    client_ip: Symbol,
    /// Other names that succeed from the network at any time, and from the address.
    succeeding: HashSet<u32>,
    succeeding_here: HashSet<u32>,
}

impl Names {
    fn new(success: Try, tries: &[Try]) -> Self {
        let mut names = Self {
            own: success.name,
            client_ip: success.client_ip,
            succeeding: HashSet::new(),
            succeeding_here: HashSet::new(),
        };
        for tried in tries.iter().filter(|tried| tried.succeeded) {
            let Some(name) = tried.name.filter(|name| Some(*name) != names.own) else {
                continue;
            };
            if tried.client_ip == names.client_ip {
                names.succeeding_here.insert(name);
            }
            names.succeeding.insert(name);
        }
        names
    }

    fn is_own(&self, tried: &Try) -> bool {
        tried.name.is_none() || tried.name == self.own
    }

    /// How many other names failed, and do not belong to anybody there: from the address, from the network.
    fn failed(&self, failures: &[&Try]) -> (usize, usize) {
        let (mut here, mut near) = (HashSet::new(), HashSet::new());
        for tried in failures.iter().filter(|tried| !self.is_own(tried)) {
            let Some(name) = tried.name.filter(|name| !self.succeeding.contains(name)) else {
                continue;
            };
            if tried.client_ip == self.client_ip {
                here.insert(name);
            }
            near.insert(name);
        }
        (here.len(), near.len())
    }
}

/// A number for each local part that was tried.
fn names(context: &Context<'_>) -> HashMap<Symbol, u32> {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut names = HashMap::new();
    for login in context
        .passwords
        .iter()
        .filter_map(|tried| tried.sasl_username)
    {
        if !names.contains_key(&login) {
            let local = Address(context.tables.strings.get(login)).local_part();
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            let number = *numbers.entry(local.to_ascii_lowercase()).or_insert(next);
            names.insert(login, number);
        }
    }
    names
}

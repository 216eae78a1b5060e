//! Whose logins work here, and from where they come.

use hashbrown::{HashMap, HashSet};

use crate::correlate::Symbol;
use crate::detect::Context;
use crate::detect::submissions::ip_of;
use crate::knowledge::geoip::Country;
use crate::knowledge::places::Network;
use crate::mail::Address;

/// Where a login gets in.
#[derive(Default)]
pub(super) struct Person {
    /// As logged first.
    pub(super) login: String,
    networks: HashSet<Network>,
    masked: HashSet<Symbol>,
    asns: HashSet<u32>,
    countries: HashSet<Country>,
    pub(super) n_logins: u64,
}

/// How well a client is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Acquaintance {
    Stranger,
    /// No place is known for the client, or none for any login.
    Unknown,
    /// Other logins come from its country.
    Country,
    /// The login gets in through its provider, or others from its network.
    Provider,
    /// The login gets in from its network, or it is a client of the local network.
    Own,
}

/// The logins of this server by their names in lower case.
pub(super) struct People {
    by_login: HashMap<String, Person>,
    networks: HashSet<Network>,
    countries: HashSet<Country>,
}

impl People {
    pub(super) fn learn(context: &Context<'_>) -> Self {
        let strings = &context.tables.strings;
        let mut people = Self {
            by_login: HashMap::new(),
            networks: HashSet::new(),
            countries: HashSet::new(),
        };
        let mut names: HashMap<Symbol, String> = HashMap::new();
        for tried in context.passwords.iter().filter(|tried| tried.succeeded) {
            let Some(login) = tried.sasl_username else {
                continue;
            };
            let lower = names
                .entry(login)
                .or_insert_with(|| strings.get(login).to_lowercase());
            let person = people.by_login.entry_ref(lower.as_str()).or_default();
            if person.login.is_empty() {
                person.login = strings.get(login).to_owned();
            }
            person.n_logins += u64::from(tried.n_times);
            match (ip_of(strings, tried.client_ip), tried.client_ip) {
                (Some(ip), _) => {
                    // The place of a network that is known need not be looked up again.
                    if person.networks.insert(Network::of(ip)) {
                        let place = context.geoip.lookup(ip);
                        person.asns.extend(place.asn);
                        person.countries.extend(place.country);
                        people.countries.extend(place.country);
                        people.networks.insert(Network::of(ip));
                    }
                }
                (None, Some(masked)) => {
                    person.masked.insert(masked);
                }
                (None, None) => {}
            }
        }
        people
    }

    /// The login behind a sender: the whole address, or its local part without what follows `+`.
    pub(super) fn of_sender(&self, context: &Context<'_>, from: Address<'_>) -> Option<&Person> {
        let lower = from.0.to_lowercase();
        if let Some(person) = self.by_login.get(&lower) {
            return Some(person);
        }
        if !context.site.is_own_address(from) && from.domain().is_some() {
            return None;
        }
        let lower = Address(&lower);
        let local = lower.local_part().split('+').next().unwrap_or_default();
        let domain = lower.domain().unwrap_or_default();
        let whole = self.by_login.get(&format!("{local}@{domain}"));
        whole.or_else(|| self.by_login.get(local))
    }

    pub(super) fn of_login(&self, login: &str) -> Option<&Person> {
        self.by_login.get(&login.to_lowercase())
    }

    /// How well a client is known to belong to a person, or to any user.
    pub(super) fn acquaintance(
        &self,
        context: &Context<'_>,
        person: Option<&Person>,
        client_ip: Symbol,
    ) -> Acquaintance {
        let Some(ip) = ip_of(&context.tables.strings, Some(client_ip)) else {
            let is_own = person.is_some_and(|person| person.masked.contains(&client_ip));
            return if is_own {
                Acquaintance::Own
            } else {
                Acquaintance::Unknown
            };
        };
        let is_known = person.is_some_and(|person| person.networks.contains(&Network::of(ip)));
        if is_known || context.site.is_own_client(ip) {
            return Acquaintance::Own;
        }
        // An address without a login: somebody in the same office has one.
        if person.is_none() && self.networks.contains(&Network::of(ip)) {
            return Acquaintance::Provider;
        }
        let place = context.geoip.lookup(ip);
        let by_provider = person.zip(place.asn);
        if by_provider.is_some_and(|(person, asn)| person.asns.contains(&asn)) {
            return Acquaintance::Provider;
        }
        match place.country {
            Some(country) if self.countries.contains(&country) => Acquaintance::Country,
            Some(_) if !self.countries.is_empty() => Acquaintance::Stranger,
            Some(_) | None => Acquaintance::Unknown,
        }
    }
}

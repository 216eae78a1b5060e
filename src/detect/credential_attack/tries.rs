//! Who tried which name from where: the log's passwords with names and places looked up once.

use anyhow::Result;
use hashbrown::{HashMap, HashSet};

use crate::correlate::Symbol;
use crate::detect::Context;
use crate::detect::compromised_account::names::is_guessable;
use crate::detect::rows::{line_of, moment_of};
use crate::detect::submissions::ip_of;
use crate::knowledge::geoip::Country;
use crate::knowledge::places::{Network, is_private};
use crate::mail::{Address, LineRef, Timestamp};
use crate::tables::columns;

/// A login name without regard to case: an index into [`Tries::names`].
pub(super) type Name = usize;

/// An index into [`Tries::clients`].
pub(super) type ClientIndex = usize;

/// Addresses that change from day to day and are the same place nevertheless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Source {
    Net(Network),
    /// An address that the log masks.
    Masked(Symbol),
}

/// A client address and where it is.
pub(super) struct Client {
    pub(super) ip: Symbol,
    pub(super) source: Source,
    pub(super) asn: Option<u32>,
    pub(super) country: Option<Country>,
    pub(super) is_private: bool,
}

/// A password judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try {
    pub(super) seen: Timestamp,
    pub(super) at: LineRef,
    pub(super) client: ClientIndex,
    /// `None` where the log names nobody.
    pub(super) name: Option<Name>,
    /// The name as it was logged.
    pub(super) login: Option<Symbol>,
    pub(super) n_times: u64,
}

/// All passwords judged, in log order.
pub(super) struct Tries {
    pub(super) names: Vec<String>,
    pub(super) clients: Vec<Client>,
    index: HashMap<Symbol, ClientIndex>,
    pub(super) failures: Vec<Try>,
    pub(super) successes: Vec<Try>,
    /// Connections that tried AUTH and had no password judged.
    pub(super) probes: Vec<Try>,
    /// For each name: indexes of its successes.
    uses: Vec<Vec<usize>>,
    used_from: HashSet<(Name, Source)>,
    countries: Vec<HashSet<Country>>,
    /// Of the names that log in.
    local_parts: HashSet<String>,
    /// For each network: indexes of the successes from there.
    uses_of: HashMap<Source, Vec<usize>>,
}

impl Tries {
    /// Tries without a client cannot be told apart from one another, and mostly stand in a second line.
    ///
    /// # Errors
    /// When a table lacks a column, which is a fault of this program.
    pub(super) fn read(context: &Context<'_>) -> Result<Self> {
        let mut tries = Self {
            names: Vec::new(),
            clients: Vec::new(),
            index: HashMap::new(),
            failures: Vec::new(),
            successes: Vec::new(),
            probes: Vec::new(),
            uses: Vec::new(),
            used_from: HashSet::new(),
            countries: Vec::new(),
            local_parts: HashSet::new(),
            uses_of: HashMap::new(),
        };
        let mut symbols: HashMap<Symbol, Name> = HashMap::new();
        let mut names: HashMap<String, Name> = HashMap::new();
        for tried in context.passwords.iter().filter(|tried| !tried.own_fault) {
            let Some(ip) = tried.client_ip else { continue };
            let client = tries.client_index(context, ip);
            let name = tried.sasl_username.map(|symbol| {
                *symbols.entry(symbol).or_insert_with(|| {
                    let name = context.tables.strings.get(symbol).to_lowercase();
                    *names.entry(name).or_insert_with_key(|name| {
                        tries.names.push(name.clone());
                        tries.names.len() - 1
                    })
                })
            });
            let found = Try {
                seen: tried.seen,
                at: tried.at,
                client,
                name,
                login: tried.sasl_username,
                n_times: u64::from(tried.n_times),
            };
            if tried.succeeded {
                tries.successes.push(found);
            } else {
                tries.failures.push(found);
            }
        }
        tries.count_uses();
        tries.read_probes(context)?;
        Ok(tries)
    }

    fn client_index(&mut self, context: &Context<'_>, ip: Symbol) -> ClientIndex {
        *self.index.entry(ip).or_insert_with(|| {
            self.clients.push(Client::of(context, ip));
            self.clients.len() - 1
        })
    }

    /// Somebody who gets in has trouble with a setting, and is no guesser.
    fn read_probes(&mut self, context: &Context<'_>) -> Result<()> {
        let table = &context.tables.probes;
        let moments = moment_of(table, columns::TIMESTAMP)?;
        let lines = line_of(table)?;
        let client_ips = table.column(columns::CLIENT_IP)?.u32()?;
        let times = table.column(columns::TIMES)?.u32()?;
        for row in 0..table.height() {
            let Some(ip) = client_ips.get(row).and_then(Symbol::from_u32) else {
                continue;
            };
            let client = self.client_index(context, ip);
            if self.uses_of(self.clients[client].source).next().is_none() {
                self.probes.push(Try {
                    seen: moments(row),
                    at: lines(row),
                    client,
                    name: None,
                    login: None,
                    n_times: u64::from(times.get(row).unwrap_or(1)),
                });
            }
        }
        Ok(())
    }

    fn count_uses(&mut self) {
        self.uses = vec![Vec::new(); self.names.len()];
        self.countries = vec![HashSet::new(); self.names.len()];
        let used: HashSet<Name> = self.successes.iter().filter_map(|s| s.name).collect();
        let local_part = |name: Name| Address(&self.names[name]).local_part().to_owned();
        self.local_parts = used.into_iter().map(local_part).collect();
        for (index, success) in self.successes.iter().enumerate() {
            let source = self.clients[success.client].source;
            if let Some(name) = success.name {
                self.uses[name].push(index);
                self.used_from.insert((name, source));
                self.countries[name].extend(self.clients[success.client].country);
            }
            self.uses_of.entry(source).or_default().push(index);
        }
    }

    pub(super) fn client(&self, tried: &Try) -> &Client {
        &self.clients[tried.client]
    }

    pub(super) fn source(&self, tried: &Try) -> Source {
        self.clients[tried.client].source
    }

    /// The network of an address that tried a password.
    pub(super) fn source_of(&self, ip: Symbol) -> Option<Source> {
        let index = self.index.get(&ip)?;
        Some(self.clients[*index].source)
    }

    /// The successes of a name.
    pub(super) fn uses(&self, name: Name) -> impl Iterator<Item = &Try> {
        self.uses[name].iter().map(|index| &self.successes[*index])
    }

    /// The successes from a network.
    pub(super) fn uses_of(&self, source: Source) -> impl Iterator<Item = &Try> {
        let indexes = self.uses_of.get(&source).into_iter().flatten();
        indexes.map(|index| &self.successes[*index])
    }

    /// True for a name that logs in here.
    pub(super) fn is_known(&self, name: Name) -> bool {
        !self.uses[name].is_empty()
    }

    /// True for a name that logs in here, or would with its domain, and that nobody tries who does not know it.
    pub(super) fn is_personal(&self, name: Name) -> bool {
        let is_login = self.is_known(name) || self.local_parts.contains(&self.names[name]);
        is_login && !is_guessable(&self.names[name])
    }

    /// True when the name ever logs in from the network.
    pub(super) fn succeeds_from(&self, name: Name, source: Source) -> bool {
        self.used_from.contains(&(name, source))
    }

    /// True when the name logs in through the same provider.
    pub(super) fn succeeds_from_as(&self, name: Name, asn: Option<u32>) -> bool {
        asn.is_some() && self.uses(name).any(|used| self.client(used).asn == asn)
    }

    /// True when the name logs in from the country of a client.
    pub(super) fn is_at_home(&self, name: Name, client: &Client) -> bool {
        let country = client.country;
        country.is_some_and(|country| self.countries[name].contains(&country))
    }
}

impl Client {
    fn of(context: &Context<'_>, ip: Symbol) -> Self {
        let Some(address) = ip_of(&context.tables.strings, Some(ip)) else {
            return Self {
                ip,
                source: Source::Masked(ip),
                asn: None,
                country: None,
                is_private: false,
            };
        };
        let place = context.geoip.lookup(address);
        Self {
            ip,
            source: Source::Net(Network::of(address)),
            asn: place.asn,
            country: place.country,
            is_private: is_private(address) || context.site.is_own_client(address),
        }
    }
}

/// How many times tried, all together.
pub(super) fn total<'a>(tries: impl Iterator<Item = &'a Try>) -> u64 {
    tries.map(|tried| tried.n_times).sum()
}

/// The most tries within a span of time; they are in the order of the log.
pub(super) fn peak<'a>(tries: impl Iterator<Item = &'a Try>, span_micros: i64) -> u64 {
    let mut tries: Vec<(i64, u64)> = tries.map(|t| (t.seen.micros, t.n_times)).collect();
    tries.sort_unstable();
    let (mut start, mut within, mut most) = (0, 0, 0);
    for (micros, n_times) in &tries {
        within += n_times;
        while tries[start].0 < micros - span_micros {
            within -= tries[start].1;
            start += 1;
        }
        most = most.max(within);
    }
    most
}

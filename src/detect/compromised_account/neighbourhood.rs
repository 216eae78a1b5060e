//! What all logins of a server have in common: the measure of what is unusual for one of them.

use std::net::IpAddr;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use polars::prelude::*;

use super::traffic::peak_per_hour;
use crate::correlate::Symbol;
use crate::detect::Context;
use crate::detect::submissions::{Submission, ip_of, own_domains};
use crate::knowledge::geoip::Country;
use crate::knowledge::places::is_private;
use crate::mail::{Address, LineRef};
use crate::tables::columns;

/// What all logins of this server have in common.
pub(super) struct Neighbourhood {
    pub(super) own_domains: HashSet<String>,
    own_senders: HashSet<Symbol>,
    spots: HashMap<Symbol, Spot>,
    /// Logins seen in each country, over any protocol.
    users_by_country: HashMap<Country, HashSet<Symbol>>,
    n_users_placed: usize,
    /// Logins that submit mail, and those of them that are whole addresses.
    n_senders: usize,
    n_with_domain: usize,
    /// The accounts' busiest hours, in recipients, sorted.
    peaks: Vec<usize>,
    /// Mailboxes opened: not over SMTP.
    pub(super) mailbox_logins: HashMap<Symbol, Vec<LoginOf>>,
    /// Failures by client.
    pub(super) failures: Vec<FailureOf>,
}

/// A mailbox opened by somebody with the password.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoginOf {
    pub(super) micros: i64,
    pub(super) client_ip: Option<Symbol>,
    pub(super) at: LineRef,
}

/// A guess that failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct FailureOf {
    pub(super) micros: i64,
    pub(super) client_ip: Option<Symbol>,
    pub(super) n_times: u32,
    pub(super) at: LineRef,
}

impl Neighbourhood {
    pub(super) fn new(
        context: &Context<'_>,
        by_account: &[(Symbol, Vec<Submission>)],
    ) -> Result<Self> {
        let mut peaks: Vec<usize> = by_account
            .iter()
            .map(|(_, submissions)| peak_per_hour(submissions.iter()))
            .collect();
        peaks.sort_unstable();
        let own_domains = own_domains(context.tables)?;
        let mut found = Self {
            own_senders: own_senders(context, by_account, &own_domains),
            own_domains,
            spots: HashMap::new(),
            users_by_country: HashMap::new(),
            n_users_placed: 0,
            n_senders: by_account.len(),
            n_with_domain: by_account
                .iter()
                .filter(|(login, _)| context.tables.strings.get(*login).contains('@'))
                .count(),
            peaks,
            mailbox_logins: HashMap::new(),
            failures: Vec::new(),
        };
        found.read_logins(context)?;
        for submission in by_account.iter().flat_map(|(_, submissions)| submissions) {
            if let Some(client_ip) = submission.client_ip {
                found.spot(context, client_ip);
            }
        }
        Ok(found)
    }

    /// How many other logins send mail, when this one is a bare name and all of them are whole addresses.
    pub(super) fn others_with_domain(&self, login: &str) -> Option<usize> {
        let others = self.n_senders.saturating_sub(1);
        let is_odd = !login.contains('@') && others >= 2 && self.n_with_domain == others;
        is_odd.then_some(others)
    }

    /// The median of the other accounts' busiest hours; 0 where there is no other.
    pub(super) fn usual_peak(&self, own_peak: usize) -> usize {
        let own = self.peaks.binary_search(&own_peak).unwrap_or_else(|at| at);
        let median = self.peaks.len().saturating_sub(1) / 2;
        let index = median + usize::from(own <= median);
        self.peaks.get(index).copied().unwrap_or(0)
    }

    fn read_logins(&mut self, context: &Context<'_>) -> Result<()> {
        let table = &context.tables.logins;
        let cells = |name| -> Result<&UInt32Chunked> { Ok(table.column(name)?.u32()?) };
        let micros = table.column(columns::TIMESTAMP)?.i64()?;
        let succeeded = table.column(columns::SUCCEEDED)?.bool()?;
        let own_fault = table.column(columns::OWN_FAULT)?.bool()?;
        let smtp = context.tables.strings.find("smtp").map(Symbol::to_u32);
        let (clients, accounts) = (cells(columns::CLIENT_IP)?, cells(columns::SASL_USERNAME)?);
        let (files, lines) = (cells(columns::FILE)?, cells(columns::LINE)?);
        let (protocols, times) = (cells(columns::PROTOCOL)?, cells(columns::TIMES)?);
        let mut placed = HashSet::new();
        for row in 0..table.height() {
            let symbol = |cells: &UInt32Chunked| cells.get(row).and_then(Symbol::from_u32);
            let client_ip = symbol(clients);
            let account = symbol(accounts);
            let at = LineRef {
                file: files.get(row).unwrap_or(0),
                line: lines.get(row).unwrap_or(0),
            };
            let micros = micros.get(row).unwrap_or(0);
            if succeeded.get(row) != Some(true) {
                if own_fault.get(row) != Some(true) {
                    self.failures.push(FailureOf {
                        micros,
                        client_ip,
                        n_times: times.get(row).unwrap_or(1),
                        at,
                    });
                }
                continue;
            }
            let Some(account) = account else { continue };
            let country = client_ip.and_then(|client_ip| self.spot(context, client_ip).country);
            if let Some(country) = country {
                self.users_by_country
                    .entry(country)
                    .or_default()
                    .insert(account);
                placed.insert(account);
            }
            if protocols.get(row) != smtp {
                let login = LoginOf {
                    micros,
                    client_ip,
                    at,
                };
                self.mailbox_logins.entry(account).or_default().push(login);
            }
        }
        self.n_users_placed = placed.len();
        Ok(())
    }

    /// Where a client is; looked up once for each address.
    fn spot(&mut self, context: &Context<'_>, client_ip: Symbol) -> Spot {
        *self
            .spots
            .entry(client_ip)
            .or_insert_with(|| Spot::of(context, client_ip))
    }

    /// Where a client of a login is.
    pub(super) fn known_spot(&self, client_ip: Option<Symbol>) -> Spot {
        let known = client_ip.and_then(|client_ip| self.spots.get(&client_ip));
        known.copied().unwrap_or(Spot::UNKNOWN)
    }

    /// True for an envelope sender in a domain of this server.
    pub(super) fn is_own_sender(&self, from: Symbol) -> bool {
        self.own_senders.contains(&from)
    }

    /// How many other accounts are used at all from a known country, and how many from this one.
    pub(super) fn others_in(&self, country: Country, account: Symbol) -> (usize, usize) {
        let here = self.users_by_country.get(&country);
        let others = here.map_or(0, |users| {
            users.iter().filter(|user| **user != account).count()
        });
        (self.n_users_placed.saturating_sub(1), others)
    }
}

/// The envelope senders whose domain is this server's, each looked at once.
fn own_senders(
    context: &Context<'_>,
    by_account: &[(Symbol, Vec<Submission>)],
    own_domains: &HashSet<String>,
) -> HashSet<Symbol> {
    let submissions = by_account.iter().flat_map(|(_, submissions)| submissions);
    let mut senders: HashSet<Symbol> = submissions.filter_map(|s| s.from).collect();
    senders.retain(|from| {
        let domain = Address(context.tables.strings.get(*from)).domain();
        domain.is_some_and(|domain| own_domains.contains(&domain.to_ascii_lowercase()))
    });
    senders
}

/// Where a client is, as far as it can be known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) key: PlaceKey,
    pub(super) country: Option<Country>,
}

/// What counts as the same place: addresses of one provider change from day to day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum PlaceKey {
    /// This host, the local network: webmail, an office.
    Private,
    Asn(u32),
    /// The first bits of an address whose AS is not known: a /16 or a /32.
    Prefix(u32),
    /// An address that the log masks.
    Masked(Symbol),
    Unknown,
}

impl Spot {
    const UNKNOWN: Self = Self {
        key: PlaceKey::Unknown,
        country: None,
    };

    fn of(context: &Context<'_>, client_ip: Symbol) -> Self {
        let Some(ip) = ip_of(&context.tables.strings, Some(client_ip)) else {
            return Self {
                key: PlaceKey::Masked(client_ip),
                country: None,
            };
        };
        let place = context.geoip.lookup(ip);
        let key = match place.asn {
            _ if is_private(ip) => PlaceKey::Private,
            Some(asn) => PlaceKey::Asn(asn),
            None => PlaceKey::Prefix(prefix(ip)),
        };
        Self {
            key,
            country: place.country,
        }
    }
}

fn prefix(ip: IpAddr) -> u32 {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_bits() >> 16,
        IpAddr::V6(ip) => (ip.to_bits() >> 96) as u32,
    }
}

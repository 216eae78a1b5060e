//! What the log shows to be this server's own: mailboxes that got mail, logins, aliases, hosts that relay for it.

use std::net::IpAddr;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use ipnet::IpNet;
use polars::prelude::*;

use super::{Site, sender};
use crate::correlate::Symbol;
use crate::detect::arrivals::Arrival;
use crate::knowledge::places::{Network, is_private};
use crate::knowledge::providers::{Providers, registrable_domain};
use crate::mail::{Address, Status};
use crate::tables::{Tables, columns};

const DAY_MICROS: i64 = 24 * 3_600_000_000;
/// Mailbox programs that pipe(8) and lmtp(8) are used for; any other name may be a content filter.
const MAILBOX_RELAYS: &[&str] = &[
    "local", "virtual", "dovecot", "maildrop", "cyrus", "procmail", "mailman", "mlmmj", "lmtp",
    "vacation",
];
/// One login under its own name in a domain can be a forger's; two are a pattern.
const MIN_NAMESAKES: usize = 2;
/// A host that sends for this site without a login: so many messages, or on so many days.
const MIN_OWN_MESSAGES: usize = 3;
const MIN_OWN_DAYS: usize = 2;
const MIN_OWN_SHARE: f64 = 0.8;
/// A domain that mail is taken for: so many unrelated networks and senders write to it.
const MIN_WRITERS: usize = 3;
/// And either it is one of a few, or it goes on for a day.
const MIN_SHARE_OF_RELAYED: f64 = 0.1;
const MIN_WRITERS_IN_DAYS: usize = 5;

/// What the deliveries say of a domain.
#[derive(Default)]
struct DomainSeen {
    /// Mailboxes of this host got mail.
    has_mailbox: bool,
    /// A pipe or a server on this host took it: a mailbox server, or a content filter.
    ended_here: bool,
    /// This server expands its addresses.
    has_alias: bool,
    /// It was delivered to another host.
    went_outside: bool,
    refused_unknown: bool,
}

impl Site {
    /// Reads mailboxes, aliases, logins and their domains.
    pub(super) fn learn_addresses(&mut self, tables: &Tables) -> Result<()> {
        let mut domains: HashMap<String, DomainSeen> = HashMap::new();
        self.read_deliveries(tables, &mut domains)?;
        let providers = Providers::embedded();
        for (domain, seen) in domains.drain() {
            // A mailbox provider's customers are no proof that the provider is here.
            let weak = (seen.ended_here || seen.has_alias || seen.refused_unknown)
                && !seen.went_outside
                && !providers.knows_domain(&domain);
            if seen.has_mailbox {
                self.domains.insert(domain, "mailboxes here got mail");
            } else if weak {
                self.domains
                    .insert(domain, "mail for it ends or is expanded here");
            }
        }
        self.read_logins(tables, &providers)?;
        self.read_namesakes(tables, &providers)
    }

    fn read_deliveries(
        &mut self,
        tables: &Tables,
        domains: &mut HashMap<String, DomainSeen>,
    ) -> Result<()> {
        let ways = distinct_ways(tables)?;
        let strings = &tables.strings;
        for way in ways {
            let to = strings.cell(Some(way.to)).to_ascii_lowercase();
            let Some(domain) = Address(&to).domain().map(str::to_owned) else {
                continue;
            };
            let relay = strings.cell(way.relay_name);
            let is_mailbox = way.relay_ip.is_none()
                && (MAILBOX_RELAYS.contains(&relay)
                    || relay.contains("[private/")
                    || relay.starts_with('/'));
            let seen = domains.entry(domain).or_default();
            seen.has_mailbox |= way.is_local && is_mailbox;
            seen.ended_here |= way.is_local;
            seen.went_outside |= !way.is_local && way.relay_ip.is_some();
            let alias = strings.cell(way.orig_to).to_ascii_lowercase();
            if alias.is_empty() || alias == to {
                continue;
            }
            if let Some(domain) = Address(&alias).domain() {
                domains.entry(domain.to_owned()).or_default().has_alias = true;
            }
            let base = sender::base(Address(&alias)).unwrap_or(alias);
            self.aliases.entry(base).or_default().insert(to);
        }
        Ok(())
    }

    fn read_logins(&mut self, tables: &Tables, providers: &Providers) -> Result<()> {
        let logins = tables.logins.column(columns::SASL_USERNAME)?.u32()?;
        let succeeded = tables.logins.column(columns::SUCCEEDED)?.bool()?;
        let logins = logins.iter().zip(succeeded.iter());
        let distinct: HashSet<u32> = logins
            .filter_map(|(login, ok)| login.filter(|_| ok == Some(true)))
            .collect();
        for login in distinct
            .into_iter()
            .map(|login| tables.strings.cell(Some(login)))
        {
            let login = login.to_ascii_lowercase();
            // A login that is somebody's address elsewhere does not make that provider's domain ours.
            let domain = Address(&login)
                .domain()
                .filter(|domain| !providers.knows_domain(domain));
            if let Some(domain) = domain {
                self.domains
                    .entry(domain.to_owned())
                    .or_insert("logins in it");
            }
            if let Some(domain) = Address(&login).domain() {
                *self.logins_by_domain.entry(domain.to_owned()).or_insert(0) += 1;
            }
            self.logins.insert(login);
        }
        Ok(())
    }

    /// Bare logins that send under their own name: `ann` as `ann@example.com`, `bob` as `bob@example.com`.
    fn read_namesakes(&mut self, tables: &Tables, providers: &Providers) -> Result<()> {
        let pairs = tables
            .messages
            .clone()
            .lazy()
            .filter(col(columns::SASL_USERNAME).is_not_null())
            .select([col(columns::SASL_USERNAME), col(columns::FROM)])
            .unique_generic(None, UniqueKeepStrategy::Any)
            .collect()?;
        let logins = pairs.column(columns::SASL_USERNAME)?.u32()?;
        let senders = pairs.column(columns::FROM)?.u32()?;
        let mut namesakes: HashMap<String, HashSet<u32>> = HashMap::new();
        for (login, from) in logins.iter().zip(senders.iter()) {
            let (name, domain) = sender::of_login(tables.strings.cell(login));
            let base = sender::base(Address(tables.strings.cell(from))).unwrap_or_default();
            let from = Address(&base);
            if let (None, Some(in_domain), Some(login)) = (domain, from.domain(), login)
                && from.local_part() == name
            {
                namesakes
                    .entry(in_domain.to_owned())
                    .or_default()
                    .insert(login);
            }
        }
        for (domain, logins) in namesakes.drain() {
            if logins.len() >= MIN_NAMESAKES && !providers.knows_domain(&domain) {
                self.domains
                    .entry(domain)
                    .or_insert("logins send under their own names in it");
            }
        }
        Ok(())
    }

    /// Hosts that relay to the outside for this site's senders without a login: this server lets them.
    pub(in crate::detect) fn learn_networks(&mut self, tables: &Tables, arrivals: &[Arrival]) {
        if self.networks_told {
            return;
        }
        let mut clients: HashMap<IpAddr, Vec<&Arrival>> = HashMap::new();
        for arrival in arrivals.iter().filter(|arrival| arrival.goes_outside()) {
            let public = arrival
                .client_ip(&tables.strings)
                .filter(|ip| !is_private(*ip));
            if let Some(ip) = public {
                clients.entry(ip).or_default().push(arrival);
            }
        }
        let mut own: Vec<IpNet> = Vec::new();
        for (ip, mail) in clients.drain() {
            if self.sends_for_us(tables, &mail) {
                own.push(ip.into());
            }
        }
        own.sort_unstable();
        let because = "relays for senders of this site, without a login";
        self.networks
            .extend(own.into_iter().map(|network| (network, because)));
    }

    fn sends_for_us(&self, tables: &Tables, mail: &[&Arrival]) -> bool {
        let own = |arrival: &&&Arrival| {
            let from = arrival.mail.from.map(|from| tables.strings.get(from));
            from.is_some_and(|from| self.is_own_address(Address(from)))
        };
        let ours: Vec<&&Arrival> = mail.iter().filter(own).collect();
        let days: HashSet<i64> = ours
            .iter()
            .map(|a| a.mail.seen.micros.div_euclid(DAY_MICROS))
            .collect();
        let senders: HashSet<Option<Symbol>> =
            ours.iter().map(|arrival| arrival.mail.from).collect();
        let deliveries = || ours.iter().flat_map(|arrival| &arrival.mail.deliveries);
        let n_sent = deliveries()
            .filter(|delivery| delivery.status == Status::Sent)
            .count();
        let share = ours.len() as f64 / mail.len().max(1) as f64;
        // A forger who is let through uses many senders, or meets refusals.
        let delivered = n_sent * 2 >= deliveries().count();
        let usual = days.len() >= MIN_OWN_DAYS || senders.len() <= MIN_OWN_MESSAGES;
        share >= MIN_OWN_SHARE && ours.len() >= MIN_OWN_MESSAGES && usual && delivered
    }

    /// Domains that strangers' mail is taken for and handed on: a second mail server, a gateway.
    pub(in crate::detect) fn learn_relayed(&mut self, tables: &Tables, arrivals: &[Arrival]) {
        let providers = Providers::embedded();
        let mut seen: HashMap<String, Writers> = HashMap::new();
        let mut n_all = 0;
        for arrival in arrivals {
            let ip = arrival.client_ip(&tables.strings);
            let Some(ip) = ip.filter(|ip| !self.is_own_client(*ip)) else {
                continue;
            };
            for way in arrival.outside() {
                let to = tables.strings.get(way.to).to_ascii_lowercase();
                let domain = Address(&to).domain().unwrap_or_default();
                if providers.knows_domain(domain) || way.status != Status::Sent {
                    n_all += 1;
                    continue;
                }
                n_all += 1;
                let from = arrival
                    .mail
                    .from
                    .map_or("", |from| tables.strings.get(from));
                let writers = seen.entry(domain.to_owned()).or_default();
                writers.add(ip, from, arrival.mail.seen.micros);
            }
        }
        for (domain, writers) in seen.drain() {
            if writers.are_a_public(n_all) {
                let because = "strangers write to it, and it is handed on";
                self.relayed.entry(domain).or_insert(because);
            }
        }
    }
}

/// Who writes to a domain that is not here.
#[derive(Default)]
struct Writers {
    networks: HashSet<Network>,
    senders: HashSet<String>,
    n_deliveries: usize,
    span: Option<(i64, i64)>,
}

impl Writers {
    fn add(&mut self, ip: IpAddr, from: &str, micros: i64) {
        let from = from.to_ascii_lowercase();
        let domain = Address(&from).domain().unwrap_or_default();
        self.networks.insert(Network::of(ip));
        self.senders
            .insert(registrable_domain(domain).unwrap_or(domain).to_owned());
        self.n_deliveries += 1;
        let (first, last) = self.span.unwrap_or((micros, micros));
        self.span = Some((first.min(micros), last.max(micros)));
    }

    /// Unrelated people write to it: mail for it is expected here. A relay that is abused by a few clients
    /// sends to many domains, each a little.
    fn are_a_public(&self, n_all: usize) -> bool {
        let n_writers = self.networks.len().min(self.senders.len());
        let share = self.n_deliveries as f64 / n_all.max(1) as f64;
        let days = self
            .span
            .is_some_and(|(first, last)| last - first >= DAY_MICROS);
        (n_writers >= MIN_WRITERS && share >= MIN_SHARE_OF_RELAYED)
            || (n_writers >= MIN_WRITERS_IN_DAYS && days)
    }
}

/// One way that mail took: to whom, by which relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct WaySeen {
    to: u32,
    orig_to: Option<u32>,
    relay_name: Option<u32>,
    relay_ip: Option<u32>,
    is_local: bool,
}

/// The ways of mail that was delivered, each once, in order.
fn distinct_ways(tables: &Tables) -> Result<Vec<WaySeen>> {
    let table = &tables.deliveries;
    let cells = |name| -> Result<&UInt32Chunked> { Ok(table.column(name)?.u32()?) };
    let (to, orig_to) = (cells(columns::TO)?, cells(columns::ORIG_TO)?);
    let (names, ips) = (cells(columns::RELAY_NAME)?, cells(columns::RELAY_IP)?);
    let statuses = cells(columns::STATUS)?;
    let is_local = table.column(columns::IS_LOCAL)?.bool()?;
    let mut ways = HashSet::new();
    for row in 0..table.height() {
        if statuses.get(row) == Some(Status::Sent as u32)
            && let Some(to) = to.get(row)
        {
            ways.insert(WaySeen {
                to,
                orig_to: orig_to.get(row),
                relay_name: names.get(row),
                relay_ip: ips.get(row),
                is_local: is_local.get(row) == Some(true),
            });
        }
    }
    let mut ways: Vec<WaySeen> = ways.into_iter().collect();
    ways.sort_unstable();
    Ok(ways)
}

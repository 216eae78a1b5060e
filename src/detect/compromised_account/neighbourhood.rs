//! What all logins of a server have in common: the measure of what is unusual for one of them.

use std::net::IpAddr;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};

use super::guesses::Guesses;
use super::oddities::Oddities;
use super::own_machines::OwnMachines;
use super::traffic::{peak_per_hour, share, undelivered};
use crate::correlate::Symbol;
use crate::detect::Context;
use crate::detect::passwords::PasswordTried;
use crate::detect::submissions::{Submission, ip_of};
use crate::knowledge::geoip::Country;
use crate::mail::{Address, LineRef, Timestamp};

/// What all logins of this server have in common.
pub(super) struct Neighbourhood {
    own_senders: HashSet<Symbol>,
    spots: HashMap<Symbol, Spot>,
    own_machines: OwnMachines,
    /// Logins seen in each country, over any protocol.
    users_by_country: HashMap<Country, HashSet<Symbol>>,
    n_users_placed: usize,
    /// Logins that submit mail, and those of them that are whole addresses.
    n_senders: usize,
    n_with_domain: usize,
    /// The accounts' busiest hours, in recipients, sorted.
    peaks: Vec<usize>,
    /// Logins other than those with a message.
    pub(super) logins: HashMap<Symbol, Vec<LoginOf>>,
    pub(super) guesses: Guesses,
    /// What the median account has undelivered; 0 where too few accounts tell.
    pub(super) usual_undelivered: f64,
    pub(super) oddities: Oddities,
}

/// A login that left no message: a mailbox opened, or a session in which nothing was accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoginOf {
    pub(super) seen: Timestamp,
    pub(super) client_ip: Option<Symbol>,
    /// `imap`, `pop3`, `smtp`, ….
    pub(super) protocol: Option<Symbol>,
    pub(super) opens_mailbox: bool,
    pub(super) at: LineRef,
}

impl Neighbourhood {
    pub(super) fn new(context: &Context<'_>) -> Result<Self> {
        let by_account = &context.by_account;
        let mut peaks: Vec<usize> = by_account
            .iter()
            .map(|(_, submissions)| peak_per_hour(submissions.iter()))
            .collect();
        peaks.sort_unstable();
        let mut found = Self {
            own_senders: own_senders(context),
            spots: HashMap::new(),
            own_machines: OwnMachines::read(context)?,
            users_by_country: HashMap::new(),
            n_users_placed: 0,
            n_senders: by_account.len(),
            n_with_domain: by_account
                .iter()
                .filter(|(login, _)| context.tables.strings.get(*login).contains('@'))
                .count(),
            peaks,
            logins: HashMap::new(),
            guesses: Guesses::new(context),
            usual_undelivered: usual_undelivered(by_account),
            oddities: Oddities::read(context)?,
        };
        found.read_logins(context);
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

    fn read_logins(&mut self, context: &Context<'_>) {
        let smtp = context.tables.strings.find("smtp");
        let with_message = logins_with_a_message(context);
        let mut placed = HashSet::new();
        for tried in context.passwords.iter().filter(|tried| tried.succeeded) {
            let PasswordTried {
                seen,
                at,
                client_ip,
                protocol,
                ..
            } = *tried;
            let Some(account) = tried.sasl_username else {
                continue;
            };
            let country = client_ip.and_then(|client_ip| self.spot(context, client_ip).country);
            if let Some(country) = country {
                placed.insert(account);
                self.users_by_country
                    .entry(country)
                    .or_default()
                    .insert(account);
            }
            if !with_message.contains(&at) {
                let login = LoginOf {
                    seen,
                    client_ip,
                    protocol,
                    opens_mailbox: protocol != smtp,
                    at,
                };
                self.logins.entry(account).or_default().push(login);
            }
        }
        self.n_users_placed = placed.len();
    }

    /// Where a client is; looked up once for each address.
    fn spot(&mut self, context: &Context<'_>, client_ip: Symbol) -> Spot {
        *self
            .spots
            .entry(client_ip)
            .or_insert_with(|| Spot::of(context, client_ip, &self.own_machines))
    }

    /// Where a client of a login is.
    pub(super) fn known_spot(&self, client_ip: Option<Symbol>) -> Spot {
        let known = client_ip.and_then(|client_ip| self.spots.get(&client_ip));
        known.copied().unwrap_or(Spot::UNKNOWN)
    }

    /// True for a domain that has the name of a login's domain under another top level.
    pub(super) fn is_sister(&self, domain: &str) -> bool {
        self.own_machines.is_sister(domain)
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

/// Accounts with fewer deliveries say nothing about what is usual, and fewer accounts neither.
const MIN_DELIVERIES: usize = 5;
const MIN_ACCOUNTS: usize = 3;

/// The median of the accounts' shares of undelivered mail.
fn usual_undelivered(by_account: &[(Symbol, Vec<Submission>)]) -> f64 {
    let counts = by_account.iter().map(|(_, mail)| undelivered(mail.iter()));
    let telling = counts.filter(|(_, all)| *all >= MIN_DELIVERIES);
    let mut shares: Vec<f64> = telling.map(|(failed, all)| share(failed, all)).collect();
    shares.sort_unstable_by(f64::total_cmp);
    if shares.len() < MIN_ACCOUNTS {
        return 0.0;
    }
    shares[(shares.len() - 1) / 2]
}

/// The lines that tell a login and a message at once.
fn logins_with_a_message(context: &Context<'_>) -> HashSet<LineRef> {
    let mail = context.by_account.iter().flat_map(|(_, mail)| mail);
    mail.map(|submission| submission.line).collect()
}

/// The envelope senders whose domain is this server's, each looked at once.
fn own_senders(context: &Context<'_>) -> HashSet<Symbol> {
    let mail = context.by_account.iter().flat_map(|(_, mail)| mail);
    let mut senders: HashSet<Symbol> = mail.filter_map(|s| s.from).collect();
    senders.retain(|from| {
        let address = Address(context.tables.strings.get(*from));
        context.site.is_own_address(address)
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
    /// This host, the local network, other machines of the site: webmail, an office.
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

    fn of(context: &Context<'_>, client_ip: Symbol, own: &OwnMachines) -> Self {
        let Some(ip) = ip_of(&context.tables.strings, Some(client_ip)) else {
            return Self {
                key: PlaceKey::Masked(client_ip),
                country: None,
            };
        };
        let place = context.geoip.lookup(ip);
        let key = match place.asn {
            _ if context.site.is_own_client(ip) || own.contains(client_ip) => PlaceKey::Private,
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

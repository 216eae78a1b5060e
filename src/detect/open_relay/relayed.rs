//! What each client without a login got through to other servers.

use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};

use super::MIN_SENDER_DOMAINS;
use crate::correlate::Symbol;
use crate::detect::Context;
use crate::detect::arrivals::Arrival;
use crate::detect::counting;
use crate::detect::submissions::DeliverySeen;
use crate::knowledge::places::Network;
use crate::knowledge::providers::{Providers, registrable_domain};
use crate::knowledge::replies::ReplyClass;
use crate::mail::{Address, Status};

const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;
/// More networks than these are one incident: the whole world relays.
const MAX_NETWORKS: usize = 5;

/// The relayed mail of one client, of one network, or of all the world.
pub(super) struct Relayed<'a> {
    pub(super) arrivals: Vec<&'a Arrival>,
    pub(super) clients: HashSet<IpAddr>,
    /// The client is in a network that may relay: strangers are behind it, or nobody.
    pub(super) is_own: bool,
    pub(super) sender_domains: HashSet<String>,
    pub(super) recipient_domains: HashSet<String>,
    /// All clients' names are in a sender's domain.
    pub(super) named_for_sender: bool,
    pub(super) n_recipients: usize,
    pub(super) n_deliveries: usize,
    pub(super) n_undelivered: usize,
    pub(super) n_to_providers: usize,
}

/// The relayed mail by network, in the networks' order; of all clients together when there are many.
pub(super) fn by_client<'a>(context: &'a Context<'_>) -> Vec<Relayed<'a>> {
    let mut own: HashMap<Network, Vec<&Arrival>> = HashMap::new();
    let mut strange: HashMap<Network, Vec<&Arrival>> = HashMap::new();
    for arrival in &context.arrivals {
        let Some(ip) = arrival.client_ip(&context.tables.strings) else {
            continue;
        };
        let ip = ip.to_canonical();
        // A filter or a program on this host is no stranger.
        if ip.is_loopback() || !is_for_strangers(context, arrival) {
            continue;
        }
        let is_own = context.site.is_own_client(ip);
        if is_own && is_from_us(context, arrival) {
            continue;
        }
        let group = if is_own { &mut own } else { &mut strange };
        group.entry(Network::of(ip)).or_default().push(arrival);
    }
    let providers = Providers::embedded();
    let relayed = |arrivals, is_own| Relayed::of(context, &providers, arrivals, is_own);
    let mut found: Vec<Relayed<'a>> = in_order(own)
        .map(|arrivals| relayed(arrivals, true))
        .collect();
    // One or two foreign domains are a customer's server in the own network.
    found.retain(|relayed| {
        relayed.sender_domains.len() as f64 >= context.threshold(&MIN_SENDER_DOMAINS)
    });
    let mut strangers: Vec<Vec<&Arrival>> = in_order(strange).collect();
    if strangers.len() > MAX_NETWORKS {
        let mut all: Vec<&Arrival> = strangers.into_iter().flatten().collect();
        all.sort_by_key(|arrival| arrival.mail.number);
        strangers = vec![all];
    }
    found.extend(
        strangers
            .into_iter()
            .map(|arrivals| relayed(arrivals, false)),
    );
    found
}

fn in_order(groups: HashMap<Network, Vec<&Arrival>>) -> impl Iterator<Item = Vec<&Arrival>> {
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(network, _)| *network);
    groups.into_iter().map(|(_, arrivals)| arrivals)
}

/// Deliveries to people whom this server does not take mail for.
fn to_strangers<'a>(
    context: &'a Context<'_>,
    arrival: &'a Arrival,
) -> impl Iterator<Item = &'a DeliverySeen> {
    let strings = &context.tables.strings;
    let ways = arrival.outside();
    ways.filter(|way| !context.site.takes_mail_for(Address(strings.get(way.to))))
}

fn is_for_strangers(context: &Context<'_>, arrival: &Arrival) -> bool {
    let from = arrival
        .mail
        .from
        .map(|from| context.tables.strings.get(from));
    // Notifications go wherever the mail came from.
    let has_sender = from.is_some_and(|from| !from.is_empty());
    has_sender && to_strangers(context, arrival).next().is_some()
}

/// A sender of this site, or a name without a domain, as programs have.
fn is_from_us(context: &Context<'_>, arrival: &Arrival) -> bool {
    let from = arrival
        .mail
        .from
        .map_or("", |from| context.tables.strings.get(from));
    context.site.takes_mail_for(Address(from))
}

/// The part of an address's domain that somebody registered, in lower case.
fn registered(address: &str) -> String {
    let address = address.to_ascii_lowercase();
    let domain = Address(&address).domain().unwrap_or_default();
    registrable_domain(domain).unwrap_or(domain).to_owned()
}

impl<'a> Relayed<'a> {
    fn of(
        context: &'a Context<'_>,
        providers: &Providers,
        arrivals: Vec<&'a Arrival>,
        is_own: bool,
    ) -> Self {
        let strings = &context.tables.strings;
        let from =
            |arrival: &Arrival| registered(arrival.mail.from.map_or("", |from| strings.get(from)));
        let ways = || {
            arrivals
                .iter()
                .flat_map(|arrival| to_strangers(context, arrival))
        };
        let failed = |way: &&DeliverySeen| {
            let failed = matches!(
                way.status,
                Status::Deferred | Status::Bounced | Status::Expired
            );
            failed && way.reply != ReplyClass::Greylisted
        };
        let to_provider = |way: &&DeliverySeen| {
            let domain = Address(strings.get(way.to)).domain();
            domain.is_some_and(|domain| providers.knows_domain(domain))
        };
        let is_named = |arrival: &&Arrival| {
            let name = arrival
                .client_name
                .map(|name| strings.get(name).to_ascii_lowercase());
            let name = name
                .as_deref()
                .and_then(registrable_domain)
                .map(str::to_owned);
            name.is_some_and(|name| name == from(arrival))
        };
        let recipients: HashSet<Symbol> = ways().map(|way| way.to).collect();
        Self {
            clients: arrivals
                .iter()
                .filter_map(|arrival| arrival.client_ip(strings))
                .collect(),
            is_own,
            sender_domains: arrivals.iter().map(|arrival| from(arrival)).collect(),
            recipient_domains: ways().map(|way| registered(strings.get(way.to))).collect(),
            named_for_sender: arrivals.iter().all(is_named),
            n_recipients: recipients.len(),
            n_deliveries: ways().count(),
            n_undelivered: ways().filter(failed).count(),
            n_to_providers: ways().filter(to_provider).count(),
            arrivals,
        }
    }

    pub(super) fn n_days(&self) -> usize {
        let days = self
            .arrivals
            .iter()
            .map(|a| a.mail.seen.micros.div_euclid(DAY_MICROS));
        days.collect::<HashSet<i64>>().len()
    }

    /// The most recipients within any 60 minutes.
    pub(super) fn peak_per_hour(&self) -> usize {
        let uses = self.arrivals.iter().map(|a| {
            let n_recipients = a.mail.deliveries.len() + a.mail.n_untold as usize;
            (a.mail.seen.micros, n_recipients)
        });
        counting::peak_within(uses, HOUR_MICROS)
    }
}

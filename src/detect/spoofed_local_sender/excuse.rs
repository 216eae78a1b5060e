//! What may come from outside under a sender of this site: its own mail on the way back, and services that send for it.

use std::net::IpAddr;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};

use super::ROUTINE_DAYS;
use crate::correlate::{OriginKind, Proof, Symbol};
use crate::detect::Context;
use crate::detect::arrivals::Arrival;
use crate::detect::site::sender;
use crate::knowledge::places::Network;
use crate::knowledge::providers::registrable_domain;
use crate::mail::Address;
use crate::tables::columns;

/// Hosts of services that send only under senders whose owner has proved it: mailbox providers for companies,
/// and what sends newsletters and orders for them.
const CHECKED_HOSTS: &[&str] = &[
    "google.com",
    "outlook.com",
    "messagingengine.com",
    "protonmail.ch",
    "zoho.com",
    "zoho.eu",
    "icloud.com",
    "amazonses.com",
    "sendgrid.net",
    "mailgun.net",
    "mailgun.org",
    "mcsv.net",
    "mcdlv.net",
    "rsgsv.net",
    "mandrillapp.com",
    "mtasv.net",
    "sparkpostmail.com",
    "mailjet.com",
    "sendinblue.com",
    "brevo.com",
];
const DAY_MICROS: i64 = 24 * 3_600_000_000;

/// What clears a message.
pub(super) struct Excuses {
    /// By message-id: when it was first submitted here.
    submitted: HashMap<i64, i64>,
    /// Clients that also logged in.
    users: HashSet<Symbol>,
    /// Days on which a network, or the hosts of one domain, sent for a domain of this site.
    days: HashMap<(Origin, String), HashSet<i64>>,
}

/// Where a message comes from, as long as its sender uses the same service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Origin {
    HostsOf(String),
    In(Network),
}

impl Excuses {
    pub(super) fn read(context: &Context<'_>) -> Result<Self> {
        let mut excuses = Self {
            submitted: submitted(context)?,
            users: HashSet::new(),
            days: HashMap::new(),
        };
        let logins = context.passwords.iter().filter(|tried| tried.succeeded);
        excuses
            .users
            .extend(logins.filter_map(|tried| tried.client_ip));
        for arrival in &context.arrivals {
            if let Some(key) = key(context, arrival) {
                let day = arrival.mail.seen.micros.div_euclid(DAY_MICROS);
                excuses.days.entry(key).or_default().insert(day);
            }
        }
        Ok(excuses)
    }

    /// True for a message that may have this sender.
    pub(super) fn excuse(&self, context: &Context<'_>, arrival: &Arrival) -> bool {
        arrival.proof == Proof::Pass
            || is_ours(context, arrival)
            || !is_for_us(context, arrival)
            || arrival
                .mail
                .client_ip
                .is_some_and(|ip| self.users.contains(&ip))
            || self.came_back(arrival)
            || self.is_known_service(context, arrival)
    }

    /// A list or a forwarder sends a user's mail back to this server.
    fn came_back(&self, arrival: &Arrival) -> bool {
        let submitted = arrival.message_id.and_then(|id| self.submitted.get(&id));
        submitted.is_some_and(|submitted| *submitted <= arrival.mail.seen.micros)
    }

    /// Some services check their users' senders; others are known by their routine.
    fn is_known_service(&self, context: &Context<'_>, arrival: &Arrival) -> bool {
        let name = arrival
            .client_name
            .map(|name| context.tables.strings.get(name));
        let name = name.map(str::to_ascii_lowercase).unwrap_or_default();
        if registrable_domain(&name).is_some_and(|hosts| CHECKED_HOSTS.contains(&hosts)) {
            return true;
        }
        // Who fails the domain's own proof is no service of it, however often it comes.
        let days = key(context, arrival).and_then(|key| self.days.get(&key));
        let routine =
            days.is_some_and(|days| days.len() as f64 >= context.threshold(&ROUTINE_DAYS));
        routine && arrival.client_name.is_some() && arrival.proof != Proof::Fail
    }
}

/// Own networks, and hosts that the DNS puts into a domain of this site.
fn is_ours(context: &Context<'_>, arrival: &Arrival) -> bool {
    let strings = &context.tables.strings;
    let name = arrival
        .client_name
        .map(|name| strings.get(name).to_ascii_lowercase());
    arrival
        .client_ip(strings)
        .is_some_and(|ip: IpAddr| context.site.is_own_client(ip))
        || name.is_some_and(|name| context.site.is_own_host(&name))
}

/// Mail on its way elsewhere is an open relay's business.
fn is_for_us(context: &Context<'_>, arrival: &Arrival) -> bool {
    let mut ways = arrival.mail.deliveries.iter();
    let is_ours = |to: Symbol| {
        context
            .site
            .takes_mail_for(Address(context.tables.strings.get(to)))
    };
    arrival.mail.deliveries.is_empty() || ways.any(|way| is_ours(way.orig_to.unwrap_or(way.to)))
}

fn key(context: &Context<'_>, arrival: &Arrival) -> Option<(Origin, String)> {
    let strings = &context.tables.strings;
    let from = sender::base(Address(strings.get(arrival.mail.from?)))?;
    let domain = Address(&from).domain()?.to_owned();
    let name = arrival
        .client_name
        .map(|name| strings.get(name).to_ascii_lowercase());
    let hosts = name.as_deref().and_then(registrable_domain);
    let origin = match hosts {
        Some(hosts) => Origin::HostsOf(hosts.to_owned()),
        None => Origin::In(Network::of(arrival.client_ip(strings)?)),
    };
    Some((origin, domain))
}

/// Message-ids of what was submitted here: with a login, by a program on this host, from an own host.
fn submitted(context: &Context<'_>) -> Result<HashMap<i64, i64>> {
    let messages = &context.tables.messages;
    let ids = messages.column(columns::MESSAGE_ID_HASH)?.i64()?;
    let times = messages.column(columns::FIRST_SEEN)?.i64()?;
    let logins = messages.column(columns::SASL_USERNAME)?.u32()?;
    let origins = messages.column(columns::ORIGIN)?.u32()?;
    let mut first: HashMap<i64, i64> = HashMap::new();
    let mut note = |id: i64, micros: i64| {
        let known = first.entry(id).or_insert(micros);
        *known = micros.min(*known);
    };
    for row in 0..messages.height() {
        let is_own =
            logins.get(row).is_some() || origins.get(row) == Some(OriginKind::Pickup as u32);
        let id = ids.get(row).filter(|id| *id != 0);
        if let (true, Some(id), Some(micros)) = (is_own, id, times.get(row)) {
            note(id, micros);
        }
    }
    for arrival in context
        .arrivals
        .iter()
        .filter(|arrival| is_ours(context, arrival))
    {
        if let Some(id) = arrival.message_id {
            note(id, arrival.mail.seen.micros);
        }
    }
    Ok(first)
}

//! What lines without a login say of clients and senders: names, greetings, mail whose beginning is lost.

use std::net::IpAddr;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};

use crate::correlate::{OriginKind, Symbol};
use crate::detect::Context;
use crate::detect::submissions::ip_of;
use crate::knowledge::places::is_private;
use crate::tables::columns;

pub(super) struct Oddities {
    /// Addresses of clients without a name in the DNS.
    nameless: HashSet<Symbol>,
    /// Clients that greet with a public address that is not theirs.
    pub(super) false_greetings: Vec<(Symbol, IpAddr)>,
    /// Messages whose beginning is not in the log, by envelope sender.
    unknown_origins: HashMap<Symbol, usize>,
}

impl Oddities {
    pub(super) fn read(context: &Context<'_>) -> Result<Self> {
        let table = &context.tables.messages;
        let ips = table.column(columns::CLIENT_IP)?.u32()?;
        let names = table.column(columns::CLIENT_NAME)?.u32()?;
        let unnamed = ips
            .iter()
            .zip(names.iter())
            .filter(|(_, name)| name.is_none());
        let nameless = unnamed
            .filter_map(|(ip, _)| Symbol::from_u32(ip?))
            .collect();

        let origins = table.column(columns::ORIGIN)?.u32()?;
        let senders = table.column(columns::FROM)?.u32()?;
        let mut unknown_origins = HashMap::new();
        for (origin, from) in origins.iter().zip(senders.iter()) {
            let lost = origin == Some(OriginKind::Unknown as u32);
            if let Some(from) = from.filter(|_| lost).and_then(Symbol::from_u32) {
                *unknown_origins.entry(from).or_default() += 1;
            }
        }
        Ok(Self {
            nameless,
            false_greetings: false_greetings(context)?,
            unknown_origins,
        })
    }

    /// True for a client whose address has no name.
    pub(super) fn is_nameless(&self, client_ip: Symbol) -> bool {
        self.nameless.contains(&client_ip)
    }

    pub(super) fn n_of_unknown_origin(&self, from: Symbol) -> usize {
        self.unknown_origins.get(&from).copied().unwrap_or(0)
    }
}

/// Only refusals quote the greeting.
fn false_greetings(context: &Context<'_>) -> Result<Vec<(Symbol, IpAddr)>> {
    let table = &context.tables.rejections;
    let ips = table.column(columns::CLIENT_IP)?.u32()?;
    let helos = table.column(columns::HELO)?.u32()?;
    let pairs = ips.iter().zip(helos.iter());
    let pairs =
        pairs.filter_map(|(ip, helo)| Some((Symbol::from_u32(ip?)?, Symbol::from_u32(helo?)?)));
    let distinct: HashSet<(Symbol, Symbol)> = pairs.collect();
    let strings = &context.tables.strings;
    let false_one = |(client_ip, helo): (Symbol, Symbol)| {
        let literal = strings
            .get(helo)
            .trim_start_matches('[')
            .trim_end_matches(']');
        let said: IpAddr = literal.trim_start_matches("IPv6:").parse().ok()?;
        let own = ip_of(strings, Some(client_ip))?;
        // Two addresses of one machine have different families, or stand in one network.
        let same_family = said.is_ipv4() == own.is_ipv4();
        (same_family && said != own && !is_private(said) && !is_private(own))
            .then_some((client_ip, said))
    };
    let mut found: Vec<(Symbol, IpAddr)> = distinct.into_iter().filter_map(false_one).collect();
    found.sort_unstable();
    Ok(found)
}

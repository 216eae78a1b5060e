//! Which bounces answer mail that the address did send.

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use polars::prelude::*;

use crate::correlate::Symbol;
use crate::detect::Context;
use crate::detect::notices::Notice;
use crate::detect::submissions::ip_of;
use crate::knowledge::places::Network;
use crate::knowledge::providers::registrable_domain;
use crate::mail::Address;
use crate::tables::columns;

/// Whom each address here wrote to: the servers whose bounces are answers.
pub(super) struct Contacted {
    /// Envelope sender in lower case -> registrable domains of relays and recipients.
    domains: HashMap<String, HashSet<String>>,
    networks: HashMap<String, HashSet<Network>>,
}

impl Contacted {
    pub(super) fn read(context: &Context<'_>) -> Result<Self> {
        let tables = context.tables;
        let senders = tables
            .messages
            .clone()
            .lazy()
            .filter(col(columns::FROM).is_not_null())
            .select([col(columns::SUBMISSION), col(columns::FROM)])
            .collect()?;
        let numbers = senders.column(columns::SUBMISSION)?.u32()?;
        let from = senders.column(columns::FROM)?.u32()?;
        let wanted: HashSet<Symbol> = context.notices.iter().map(|notice| notice.to).collect();
        let wanted: HashSet<String> = wanted
            .iter()
            .map(|to| tables.strings.get(*to).to_ascii_lowercase())
            .collect();
        let sender_of: HashMap<u32, u32> = numbers
            .iter()
            .zip(from.iter())
            .filter_map(|(number, from)| Some((number?, from?)))
            .filter(|(_, from)| {
                wanted.contains(&tables.strings.cell(Some(*from)).to_ascii_lowercase())
            })
            .collect();
        let mut contacted = Self {
            domains: HashMap::new(),
            networks: HashMap::new(),
        };
        let deliveries = &tables.deliveries;
        let submissions = deliveries.column(columns::SUBMISSION)?.u32()?;
        let to = deliveries.column(columns::TO)?.u32()?;
        let names = deliveries.column(columns::RELAY_NAME)?.u32()?;
        let ips = deliveries.column(columns::RELAY_IP)?.u32()?;
        for row in 0..deliveries.height() {
            let Some(from) = submissions.get(row).and_then(|s| sender_of.get(&s)) else {
                continue;
            };
            let text = |cell: Option<u32>| tables.strings.cell(cell);
            let sender = text(Some(*from)).to_ascii_lowercase();
            let recipient = Address(text(to.get(row))).domain().unwrap_or_default();
            let domains = contacted.domains.entry(sender.clone()).or_default();
            for host in [recipient, text(names.get(row))] {
                let host = host.to_ascii_lowercase();
                domains.extend(registrable_domain(&host).map(str::to_owned));
            }
            if let Ok(ip) = text(ips.get(row)).parse() {
                let networks = contacted.networks.entry(sender).or_default();
                networks.insert(Network::of(ip));
            }
        }
        Ok(contacted)
    }

    /// True when the mailbox's owner wrote to the server that returns this.
    pub(super) fn explains(&self, context: &Context<'_>, notice: &Notice) -> bool {
        let strings = &context.tables.strings;
        let owner = strings.get(notice.to).to_ascii_lowercase();
        let host = notice
            .client_name
            .map(|name| strings.get(name).to_ascii_lowercase());
        let by_name = host
            .as_deref()
            .and_then(registrable_domain)
            .is_some_and(|domain| {
                let domains = self.domains.get(&owner);
                domains.is_some_and(|domains| domains.contains(domain))
            });
        let by_network = ip_of(strings, notice.client_ip).is_some_and(|ip| {
            let networks = self.networks.get(&owner);
            networks.is_some_and(|networks| networks.contains(&Network::of(ip)))
        });
        by_name || by_network
    }
}

//! What belongs to this server: its domains, addresses and networks, as far as its log shows.

use std::net::IpAddr;

use anyhow::Result;
use hashbrown::HashSet;
use polars::prelude::*;

use crate::knowledge::places::is_private;
use crate::mail::{Address, Status};
use crate::tables::{Tables, columns};

/// What is this server's own.
pub(super) struct Site {
    /// In lower case: those with mailboxes or logins here.
    domains: HashSet<String>,
}

impl Site {
    /// Learns from mailboxes that got mail, and from logins.
    pub(super) fn learn(tables: &Tables) -> Result<Self> {
        let local = tables
            .deliveries
            .clone()
            .lazy()
            .filter(col(columns::IS_LOCAL).and(col(columns::STATUS).eq(lit(Status::Sent as u32))))
            .select([col(columns::TO)])
            .unique_generic(None, UniqueKeepStrategy::Any)
            .collect()?;
        let addresses = local.column(columns::TO)?.u32()?.iter();
        let logins = tables.logins.column(columns::SASL_USERNAME)?.u32()?;
        let succeeded = tables.logins.column(columns::SUCCEEDED)?.bool()?;
        let logins = logins.iter().zip(succeeded.iter());
        let logins = logins.filter_map(|(login, ok)| login.filter(|_| ok == Some(true)));
        let distinct: HashSet<u32> = addresses.flatten().chain(logins).collect();
        let domains = distinct.into_iter().filter_map(|symbol| {
            let address = Address(tables.strings.cell(Some(symbol)));
            address.domain().map(str::to_ascii_lowercase)
        });
        Ok(Self {
            domains: domains.collect(),
        })
    }

    /// True for a domain with mailboxes or logins here; in lower case.
    pub(super) fn is_own_domain(&self, domain: &str) -> bool {
        self.domains.contains(domain)
    }

    /// True for an own domain and for hosts in it: `root@mail.example.com` on a server for `example.com`.
    pub(super) fn is_own_host(&self, domain: &str) -> bool {
        let mut rest = domain;
        loop {
            if self.domains.contains(rest) {
                return true;
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return false,
            }
        }
    }

    /// True for an address in an own domain, whatever its letters' case.
    pub(super) fn is_own_address(&self, address: Address<'_>) -> bool {
        let domain = address.domain();
        domain.is_some_and(|domain| self.is_own_domain(&domain.to_ascii_lowercase()))
    }

    /// True for a client of this host or its local network.
    #[allow(dead_code)]
    pub(super) fn is_own_client(&self, ip: IpAddr) -> bool {
        is_private(ip)
    }
}

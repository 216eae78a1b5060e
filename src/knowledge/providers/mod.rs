//! Whose mail servers a recipient has: the label under which deliveries to one provider are counted.
//!
//! The label must not change while a message waits: put off, it has `relay=none`, and delivered, a relay. So:
//!
//! 1. What stays on this host (`local`, `virtual`, a pipe, a socket, loopback) has no provider.
//! 2. A recipient in a domain of a known provider has its label, whatever the relay:
//!    `cox.net` for `x@cox.net`, also through `cxr.mx.a.cloudfilter.net` or a smarthost.
//! 3. Any other domain has one label in the whole log: where most of its deliveries went, as far as that
//!    is a known host or filter of other people's domains (`microsoft365`); see [`Providers::learn`].
//! 4. Else the domain itself, cut to its registrable part. Not the relay's: nobody knows an unknown host by name.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::mail::Relay;
use domain::{bare, lower_case, suffixes};
use route::Route;

pub use domain::registrable_domain;
pub use reason::host_in_reason;

mod domain;
mod reason;
mod route;
mod table;

/// The curated table, and what the log taught about everybody else's domains.
pub struct Providers {
    domains: HashMap<&'static str, &'static str>,
    /// `None` for smarthosts, which tell nothing.
    hosts: HashMap<&'static str, Option<&'static str>>,
    /// Lower case domain -> where its deliveries went. Known providers' domains are left out.
    routes: HashMap<String, Vec<(Home, u64)>>,
}

/// Where a domain has its mailboxes. The order decides when as much speaks for one as for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Home {
    Known(&'static str),
    Elsewhere,
    Here,
}

impl Providers {
    /// The table in the program.
    pub fn embedded() -> Self {
        let mut providers = Self {
            domains: HashMap::new(),
            hosts: HashMap::new(),
            routes: HashMap::new(),
        };
        for host in table::SMARTHOSTS.split_whitespace() {
            providers.hosts.insert(host, None);
        }
        for row in table::PROVIDERS {
            for domain in row.domains.split_whitespace() {
                providers.domains.insert(domain, row.label);
            }
            for host in row.hosts.split_whitespace() {
                providers.hosts.insert(host, Some(row.label));
            }
        }
        providers
    }

    /// Tells of `n_deliveries` to a domain through a relay. To be called for all deliveries before the first
    /// `provider`: then a domain has one label, no matter which of its deliveries came when.
    pub fn learn(&mut self, to_domain: &str, relay: &Relay<'_>, n_deliveries: u64) {
        let to_domain = lower_case(bare(to_domain));
        let home = match Route::of(relay) {
            Route::Mailbox => Home::Here,
            Route::Host(host) => self.host(host).map_or(Home::Elsewhere, Home::Known),
            // A pipe or a server on this host may be a content filter: all domains pass it.
            Route::Program | Route::Anywhere | Route::Unknown => return,
        };
        if to_domain.is_empty() || self.domain(&to_domain).is_some() {
            return;
        }
        let homes = self.routes.entry(to_domain.into_owned()).or_default();
        match homes.iter_mut().find(|(known, _)| *known == home) {
            Some((_, n)) => *n += n_deliveries,
            None => homes.push((home, n_deliveries)),
        }
    }

    /// The label, by the rules at the top of this file. `None` for what is not delivered to another host.
    ///
    /// With `relay=none`, pass what [`host_in_reason`] finds: a mailbox server that is down is no provider.
    pub fn provider<'a>(
        &self,
        to_domain: Option<&'a str>,
        relay: &Relay<'_>,
    ) -> Option<Cow<'a, str>> {
        let route = Route::of(relay);
        if matches!(route, Route::Mailbox | Route::Program) {
            return None;
        }
        let Some(to_domain) = to_domain.map(bare).filter(|domain| !domain.is_empty()) else {
            return self.by_host(route);
        };
        let to_domain = lower_case(to_domain);
        if let Some(label) = self.domain(&to_domain) {
            return Some(Cow::Borrowed(label));
        }
        match (self.home(&to_domain), route) {
            (Some(Home::Known(label)), _) => return Some(Cow::Borrowed(label)),
            (Some(Home::Here), Route::Unknown) => return None,
            (None | Some(Home::Here), Route::Host(host)) => {
                if let Some(label) = self.host(host) {
                    return Some(Cow::Borrowed(label));
                }
            }
            _ => {}
        }
        Some(match to_domain {
            Cow::Borrowed(domain) => Cow::Borrowed(registrable_domain(domain).unwrap_or(domain)),
            Cow::Owned(domain) => {
                Cow::Owned(registrable_domain(&domain).unwrap_or(&domain).to_owned())
            }
        })
    }

    /// True for a domain of a provider in the table: its addresses belong to the provider's customers.
    pub fn knows_domain(&self, domain: &str) -> bool {
        self.domain(&lower_case(domain)).is_some()
    }

    /// For a recipient without a domain there is only the host to go by.
    fn by_host(&self, route: Route<'_>) -> Option<Cow<'static, str>> {
        let Route::Host(host) = route else {
            return None;
        };
        if let Some(label) = self.host(host) {
            return Some(Cow::Borrowed(label));
        }
        registrable_domain(host).map(|domain| Cow::Owned(domain.to_ascii_lowercase()))
    }

    fn home(&self, to_domain: &str) -> Option<Home> {
        let homes = self.routes.get(to_domain)?;
        let most = homes
            .iter()
            .max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
        most.map(|(home, _)| *home)
    }

    /// The longest suffix decides, as in `host`.
    fn domain(&self, domain: &str) -> Option<&'static str> {
        suffixes(domain).find_map(|suffix| self.domains.get(suffix).copied())
    }

    fn host(&self, host: &str) -> Option<&'static str> {
        let host = lower_case(bare(host));
        suffixes(&host).find_map(|suffix| self.hosts.get(suffix).copied())?
    }
}

#[cfg(test)]
mod tests;

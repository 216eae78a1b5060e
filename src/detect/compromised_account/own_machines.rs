//! Other machines of the site, as their names in the DNS tell: they log in to hand in cron mail and reports.

use anyhow::Result;
use hashbrown::HashSet;

use crate::correlate::Symbol;
use crate::detect::Context;
use crate::knowledge::providers::registrable_domain;
use crate::mail::Address;
use crate::tables::columns;

/// A provider's name for a customer holds the customer's address.
const DIGITS_OF_AN_ADDRESS: usize = 6;
/// Shorter names are shared by strangers: `abc.com` and `abc.net`.
const MIN_LETTERS: usize = 6;

pub(super) struct OwnMachines {
    clients: HashSet<Symbol>,
    /// `example` of `example.com`, where logins are in that domain.
    labels: HashSet<String>,
}

impl OwnMachines {
    pub(super) fn read(context: &Context<'_>) -> Result<Self> {
        let strings = &context.tables.strings;
        let logins = context.by_account.iter();
        let domains = logins.filter_map(|(login, _)| Address(strings.get(*login)).domain());
        let mut found = Self {
            clients: HashSet::new(),
            labels: domains.filter_map(label).collect(),
        };
        let table = &context.tables.messages;
        let ips = table.column(columns::CLIENT_IP)?.u32()?;
        let names = table.column(columns::CLIENT_NAME)?.u32()?;
        let pairs = ips.iter().zip(names.iter());
        let pairs =
            pairs.filter_map(|(ip, name)| Some((Symbol::from_u32(ip?)?, Symbol::from_u32(name?)?)));
        let pairs: HashSet<(Symbol, Symbol)> = pairs.collect();
        let own = pairs.into_iter().filter(|(_, name)| {
            let name = strings.get(*name).to_ascii_lowercase();
            let digits = name.bytes().filter(u8::is_ascii_digit).count();
            let ours = context.site.is_own_host(&name) || found.is_sister(&name);
            ours && digits < DIGITS_OF_AN_ADDRESS
        });
        found.clients = own.map(|(ip, _)| ip).collect();
        Ok(found)
    }

    /// True for a client whose name, which smtpd(8) has verified, is in a domain of the site.
    pub(super) fn contains(&self, client_ip: Symbol) -> bool {
        self.clients.contains(&client_ip)
    }

    /// True for a domain that has the name of a login's domain under another top level.
    pub(super) fn is_sister(&self, domain: &str) -> bool {
        label(domain).is_some_and(|label| self.labels.contains(&label))
    }
}

/// The part of a registered name before its public suffix.
fn label(domain: &str) -> Option<String> {
    let (label, _) = registrable_domain(domain)?.split_once('.')?;
    (label.len() >= MIN_LETTERS).then(|| label.to_ascii_lowercase())
}

//! What belongs to this server: its domains, addresses and networks, as told or as its log shows.

mod learn;
pub(super) mod sender;

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use ipnet::IpNet;

use crate::knowledge::Knowledge;
use crate::knowledge::config::Config;
use crate::knowledge::places::is_private;
use crate::mail::Address;
use crate::read::OwnPart;
use crate::tables::Tables;

/// `0.0.0.0/0` in `mynetworks` makes nobody a neighbour: it is a mistake, and what comes of it must be seen.
const MIN_PREFIX_V4: u8 = 8;
const MIN_PREFIX_V6: u8 = 16;
/// An alias of an alias of an alias: nobody follows further.
const MAX_ALIASES: usize = 3;

/// What is this server's own. All names are in lower case.
#[derive(Default)]
pub(super) struct Site {
    /// Those with mailboxes or logins here, and how we know.
    domains: BTreeMap<String, &'static str>,
    /// Those that mail is taken for and handed on: a second mail server, a gateway.
    relayed: BTreeMap<String, &'static str>,
    /// Own clients beside private addresses, and how we know.
    networks: Vec<(IpNet, &'static str)>,
    not_own: Vec<IpNet>,
    /// True when the networks were told: then a private address is not own by itself.
    networks_told: bool,
    aliases: HashMap<String, HashSet<String>>,
    logins: HashSet<String>,
    logins_by_domain: HashMap<String, usize>,
    /// Tables of the configuration whose contents nobody gave.
    unread_tables: Vec<String>,
}

impl Site {
    /// Takes what the configuration says, and learns the rest from mailboxes, logins and aliases.
    pub(super) fn learn(tables: &Tables, knowledge: &Knowledge) -> Result<Self> {
        let mut site = Self::default();
        site.learn_addresses(tables)?;
        site.told_domains(knowledge);
        site.told_networks(knowledge);
        Ok(site)
    }

    fn told_domains(&mut self, knowledge: &Knowledge) {
        let lower = |domains: &[String], because| {
            let domains = domains
                .iter()
                .map(|domain| (domain.to_ascii_lowercase(), because));
            domains.collect::<BTreeMap<_, _>>()
        };
        if let Some(domains) = &knowledge.config.local_domains {
            self.domains = lower(domains, "local_domains of the configuration");
        } else if let Some(postconf) = &knowledge.postconf {
            let list = postconf.domains();
            // What stands in tables is not known, so that what the log shows stays.
            if list.tables.is_empty() {
                self.domains.clear();
            }
            self.domains.extend(lower(&list.items, "postconf"));
            self.domains.remove("localhost");
            let relayed = postconf.list("relay_domains");
            self.relayed = lower(&relayed.items, "relay_domains of postconf");
            for domain in self.relayed.keys() {
                self.domains.remove(domain);
            }
            self.unread_tables = list.tables;
        }
    }

    fn told_networks(&mut self, knowledge: &Knowledge) {
        let postconf = knowledge.postconf.as_ref();
        if let Some(networks) = &knowledge.config.own_networks {
            let because = "own_networks of the configuration";
            self.networks = networks.iter().map(|network| (*network, because)).collect();
            self.networks_told = true;
        } else if let Some(networks) = postconf.and_then(|postconf| postconf.networks()) {
            let because = "mynetworks of postconf";
            self.networks = networks
                .into_iter()
                .map(|network| (network, because))
                .collect();
            let list = postconf
                .map(|postconf| postconf.list("mynetworks"))
                .unwrap_or_default();
            self.not_own = postconf
                .map(|postconf| postconf.excluded_networks())
                .unwrap_or_default();
            self.networks_told = list.tables.is_empty();
            self.unread_tables.extend(list.tables);
        }
    }

    /// True when the log, or what was told, names any domain of this server.
    pub(super) fn has_domains(&self) -> bool {
        !self.domains.is_empty()
    }

    /// True for a domain with mailboxes or logins here; in lower case.
    pub(super) fn is_own_domain(&self, domain: &str) -> bool {
        self.domains.contains_key(domain)
    }

    /// True for an own domain and for hosts in it: `root@mail.example.com` on a server for `example.com`.
    pub(super) fn is_own_host(&self, domain: &str) -> bool {
        let mut rest = domain;
        loop {
            if self.domains.contains_key(rest) {
                return true;
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return false,
            }
        }
    }

    /// True for a domain that this server takes mail for: its own, or one that it hands on.
    pub(super) fn takes_mail_for(&self, address: Address<'_>) -> bool {
        let domain = address.domain().map(str::to_ascii_lowercase);
        // A bare name is a mailbox of this host.
        domain.is_none_or(|domain| self.is_own_host(&domain) || self.relayed.contains_key(&domain))
    }

    /// True for an address in an own domain, whatever its letters' case.
    pub(super) fn is_own_address(&self, address: Address<'_>) -> bool {
        let domain = address.domain();
        domain.is_some_and(|domain| self.is_own_domain(&domain.to_ascii_lowercase()))
    }

    /// True for a client of this host, its local network, or a network that is its own otherwise.
    pub(super) fn is_own_client(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        if ip.is_loopback() {
            return true;
        }
        let is_private = is_private(ip) && !self.networks_told;
        let contains = |network: &IpNet| is_narrow(network) && network.contains(&ip);
        let is_in = self.networks.iter().any(|(network, _)| contains(network));
        (is_in || is_private) && !self.not_own.iter().any(|network| network.contains(&ip))
    }

    /// True for an envelope sender that is the login's own: its address with or without details, an alias
    /// that reaches it, the same name in another domain of this server, or what the configuration allows.
    pub(super) fn may_send_as(&self, config: &Config, login: &str, from: Address<'_>) -> bool {
        let Some(base) = sender::base(from) else {
            return true;
        };
        config.allows_sender(login, from)
            || config.allows_sender(login, Address(&base))
            || self.is_name_of(login, &base)
            || self.is_alone_in_domain(login, &base)
            || self.reaches(&base, login, MAX_ALIASES)
            || self.reaches_sender(login, &base)
    }

    /// True when the address is the login by another spelling.
    fn is_name_of(&self, login: &str, base: &str) -> bool {
        let (own_local, own_domain) = sender::of_login(login);
        let address = Address(base);
        let (local, domain) = (address.local_part(), address.domain());
        if !sender::same_local_part(&own_local, local) {
            // Control panels make logins like `ann_example.com` and `ann%example.com`.
            return domain.is_some_and(|domain| {
                let spellings =
                    ["_", "%", ".", "=", "/"].map(|sep| format!("{local}{sep}{domain}"));
                spellings.contains(&own_local)
            });
        }
        match (domain, own_domain) {
            (None, _) => true,
            (Some(domain), Some(own)) if domain == own => true,
            (Some(domain), _) => self.is_own_host(domain),
        }
    }

    /// True for a customer whose domain has no other login: all its names are theirs.
    fn is_alone_in_domain(&self, login: &str, base: &str) -> bool {
        let (_, own_domain) = sender::of_login(login);
        let Some(own) = own_domain.filter(|own| Address(base).domain() == Some(own)) else {
            return false;
        };
        self.logins_by_domain.get(&own).is_some_and(|n| *n <= 1)
    }

    /// True when mail to the address ends at the login.
    fn reaches(&self, address: &str, login: &str, depth: usize) -> bool {
        let targets = self.aliases.get(address).into_iter().flatten();
        let mut targets = targets.filter(|_| depth > 0);
        targets.any(|to| self.is_name_of(login, to) || self.reaches(to, login, depth - 1))
    }

    /// True when mail to the login's address ends at the sender's mailbox: two names of one person.
    fn reaches_sender(&self, login: &str, base: &str) -> bool {
        let targets = self.aliases.get(&login.to_ascii_lowercase());
        targets.is_some_and(|targets| targets.contains(base))
    }

    /// The login of the person whose address it is, if somebody logs in under it or its local part.
    pub(super) fn login_of(&self, base: &str) -> Option<String> {
        let address = Address(base);
        if self.logins.contains(base) {
            return Some(base.to_owned());
        }
        let in_site = address
            .domain()
            .is_some_and(|domain| self.is_own_host(domain));
        let local = address.local_part();
        (in_site && self.logins.contains(local)).then(|| local.to_owned())
    }

    /// True for a name under which somebody logged in.
    pub(super) fn is_login(&self, name: &str) -> bool {
        self.logins.contains(name)
    }

    /// What was taken as own, for the report.
    pub(super) fn parts(&self) -> Vec<OwnPart> {
        let part = |kind, name: String, because: &str| OwnPart {
            kind,
            name,
            because: because.to_owned(),
        };
        let domains = self.domains.iter();
        let domains = domains.map(|(name, because)| part("domain", name.clone(), because));
        let relayed = self.relayed.iter();
        let relayed = relayed.map(|(name, because)| part("relayed domain", name.clone(), because));
        let networks = self.networks.iter();
        let networks =
            networks.map(|(network, because)| part("network", network.to_string(), because));
        let unread = self.unread_tables.iter().map(|table| {
            let because =
                "its contents are not in the output of postconf: what the log shows was taken";
            part("table", table.clone(), because)
        });
        domains
            .chain(relayed)
            .chain(networks)
            .chain(unread)
            .collect()
    }
}

fn is_narrow(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() >= MIN_PREFIX_V4,
        IpNet::V6(network) => network.prefix_len() >= MIN_PREFIX_V6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let mut site = Site {
            logins: words(&["ann", "bob@example.com", "carl_example.com"]),
            ..Site::default()
        };
        for domain in ["example.com", "example.net"] {
            site.domains.insert(domain.to_owned(), "test");
        }
        site.logins_by_domain.insert("example.com".to_owned(), 2);
        site.logins_by_domain.insert("example.org".to_owned(), 1);
        let mut alias = |from: &str, to: &str| {
            let targets = site.aliases.entry(from.to_owned()).or_default();
            targets.insert(to.to_owned());
        };
        alias("sales@example.com", "ann@example.com");
        alias("shop@example.com", "sales@example.com");
        alias("bob@example.com", "b.miller@example.com");
        site
    }

    #[test]
    fn senders_of_a_login() {
        let site = site();
        let config = Config::default();
        let may = |login, from| site.may_send_as(&config, login, Address(from));
        for from in [
            "",
            "ann",
            "Ann@Example.com",
            "ann+tag@example.com",
            "ann-lists@example.net",
            "ann@mail.example.com",
            "sales@example.com",
            "shop@example.com",
            "prvs=12=ann@example.com",
        ] {
            assert!(may("ann", from), "{from}");
        }
        for from in [
            "bob@example.com",
            "ann@example.org",
            "anna@example.com",
            "root",
        ] {
            assert!(!may("ann", from), "{from}");
        }
        assert!(may("bob@example.com", "b.miller@example.com"));
        assert!(may("bob@example.com", "bob@example.net"));
        assert!(may("bob@example.org", "shop@example.org"));
        assert!(!may("bob@example.com", "dora@example.com"));
        assert!(may("carl_example.com", "carl@example.com"));
        assert!(!may("carl_example.com", "ann@example.com"));
    }

    #[test]
    fn whose_address_it_is() {
        let site = site();
        let owner = |base| site.login_of(base);
        assert_eq!(owner("ann@example.net").as_deref(), Some("ann"));
        assert_eq!(owner("bob@example.com").as_deref(), Some("bob@example.com"));
        assert_eq!(owner("dora@example.com"), None);
        assert_eq!(owner("ann@example.org"), None);
    }

    #[test]
    fn the_whole_internet_is_no_neighbour() {
        let mut site = site();
        let ip = |text: &str| text.parse().unwrap();
        assert!(site.is_own_client(ip("172.19.0.1")) && !site.is_own_client(ip("192.0.2.1")));
        site.networks = vec![
            (ip_net("0.0.0.0/0"), "test"),
            (ip_net("192.0.2.0/24"), "test"),
        ];
        site.networks_told = true;
        assert!(site.is_own_client(ip("192.0.2.1")) && !site.is_own_client(ip("198.51.100.1")));
        assert!(!site.is_own_client(ip("172.19.0.1")) && site.is_own_client(ip("::1")));
        site.not_own = vec![ip_net("192.0.2.66/32")];
        assert!(!site.is_own_client(ip("192.0.2.66")));
    }

    fn ip_net(text: &str) -> IpNet {
        text.parse().unwrap()
    }
}

//! The configuration file: what only the administrator knows of the own domains, networks, accounts and limits.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ipnet::IpNet;
use serde::Deserialize;

use super::geoip::Country;
use crate::mail::Address;

/// Read without being asked for, if it exists.
pub const DEFAULT_PATH: &str = "/etc/mailsleuth.toml";

/// What the file says: everything may be left out, and an unknown key is an error.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Domains of this server, instead of those that the log shows.
    pub local_domains: Option<Vec<String>>,
    /// Networks whose clients are this server's own, instead of those that the log shows.
    #[serde(deserialize_with = "networks")]
    pub own_networks: Option<Vec<IpNet>>,
    /// Logins that may send whatever they send: findings about them are for information only.
    pub trusted_accounts: Vec<String>,
    /// What single logins are allowed, by login name.
    pub accounts: BTreeMap<String, Account>,
    /// Other values for thresholds, by detector and name: `[thresholds.compromised-account]`.
    pub thresholds: BTreeMap<String, BTreeMap<String, f64>>,
    /// Where it was read.
    #[serde(skip)]
    pub path: Option<PathBuf>,
}

/// What one login is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// Envelope senders beside its own: addresses, or `@example.net` for a whole domain.
    pub senders: Vec<String>,
    /// Countries it is used from: two letters (ISO 3166-1).
    #[serde(deserialize_with = "countries")]
    pub countries: Vec<Country>,
}

impl Config {
    /// Reads the file that was named, else the system's one, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read, with the key that is not understood.
    pub fn load(path: Option<&Path>) -> Result<Self> {
        let path = match path {
            Some(path) => path,
            None if Path::new(DEFAULT_PATH).exists() => Path::new(DEFAULT_PATH),
            None => return Ok(Self::default()),
        };
        let shown = || format!("configuration {}", path.display());
        let text = std::fs::read_to_string(path).with_context(shown)?;
        let mut config = Self::parse(&text).with_context(shown)?;
        config.path = Some(path.to_owned());
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self> {
        let config: Self = toml::from_str(text)?;
        for (detector, values) in &config.thresholds {
            let wrong = values
                .iter()
                .find(|(_, value)| !(0.0..1e12).contains(*value));
            if let Some((name, value)) = wrong {
                bail!("thresholds.{detector}.{name}: {value} is no number of 0 or more");
            }
        }
        Ok(config)
    }

    /// What an account is allowed; logins are compared without regard to case.
    fn account(&self, login: &str) -> Option<&Account> {
        let mut accounts = self.accounts.iter();
        let found = accounts.find(|(name, _)| name.eq_ignore_ascii_case(login));
        found.map(|(_, account)| account)
    }

    /// True for a login whose findings are for information only.
    pub fn trusts(&self, login: &str) -> bool {
        let mut trusted = self.trusted_accounts.iter();
        trusted.any(|name| name.eq_ignore_ascii_case(login))
    }

    /// True for an envelope sender that the login is allowed beside its own.
    pub fn allows_sender(&self, login: &str, from: Address<'_>) -> bool {
        let Some(account) = self.account(login) else {
            return false;
        };
        account
            .senders
            .iter()
            .any(|allowed| match allowed.strip_prefix('@') {
                Some(domain) => from
                    .domain()
                    .is_some_and(|d| d.eq_ignore_ascii_case(domain)),
                None => allowed.eq_ignore_ascii_case(from.0),
            })
    }

    /// True for a country from which the login is known to be used.
    pub fn allows_country(&self, login: &str, country: Country) -> bool {
        let account = self.account(login);
        account.is_some_and(|account| account.countries.contains(&country))
    }
}

fn networks<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Vec<IpNet>>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let networks = texts.iter().map(|text| {
        let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let network = text.parse::<IpNet>().ok().or_else(single);
        network.ok_or_else(|| {
            serde::de::Error::custom(format!("{text:?} is no network like 192.0.2.0/24"))
        })
    });
    networks.collect::<Result<_, _>>().map(Some)
}

fn countries<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Country>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let countries = texts.iter().map(|text| {
        Country::parse(text).ok_or_else(|| {
            serde::de::Error::custom(format!("{text:?} is no country of two letters like DE"))
        })
    });
    countries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_can_be_said() {
        let text = r#"
            local_domains = ["example.com"]
            own_networks = ["192.0.2.0/24", "2001:db8::1"]
            trusted_accounts = ["News@example.com"]
            [accounts."ann@example.com"]
            senders = ["ann@example.org", "@example.net"]
            countries = ["DE", "at"]
            [thresholds.compromised-account]
            bulk-per-hour = 100
        "#;
        let config = Config::parse(text).unwrap();
        assert!(config.trusts("news@example.com") && !config.trusts("ann@example.com"));
        let allows = |from| config.allows_sender("ANN@example.com", Address(from));
        assert!(allows("Ann@Example.org") && allows("x@example.net"));
        assert!(!allows("bob@example.org") && !allows("x@sub.example.net"));
        let at = Country::parse("AT").unwrap();
        assert!(config.allows_country("ann@example.com", at));
        assert!(!config.allows_country("bob@example.com", at));
        assert_eq!(config.own_networks.unwrap().len(), 2);
        assert_eq!(
            config.thresholds["compromised-account"]["bulk-per-hour"],
            100.0
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let error = |text| format!("{:#}", Config::parse(text).unwrap_err());
        assert!(error("local_domain = []").contains("local_domain"));
        assert!(error("own_networks = [\"192.0.2\"]").contains("192.0.2"));
        assert!(error("[accounts.ann]\ncountry = \"DE\"").contains("country"));
        assert!(error("[accounts.ann]\ncountries = [\"Germany\"]").contains("Germany"));
        assert!(error("[thresholds.x]\nbulk = -1").contains("thresholds.x.bulk"));
        assert!(error("[thresholds.x]\nbulk = \"many\"").contains("bulk"));
    }
}

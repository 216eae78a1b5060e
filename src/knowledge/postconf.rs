//! postconf(1): what the server's configuration says of its domains, networks and restrictions.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use ipnet::IpNet;

/// Values that Postfix takes where `postconf -n` is silent, as far as they matter here.
const DEFAULTS: [(&str, &str); 5] = [
    (
        "mydestination",
        "$myhostname, localhost.$mydomain, localhost",
    ),
    ("myorigin", "$myhostname"),
    ("virtual_alias_domains", "$virtual_alias_maps"),
    ("virtual_mailbox_domains", "$virtual_mailbox_maps"),
    (
        "smtpd_relay_restrictions",
        "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination",
    ),
];
/// `$a = $b` and `$b = $a` must end somewhere.
const MAX_DEPTH: usize = 8;

/// The parameters of `postconf -n`: those that differ from the defaults.
#[derive(Debug, Clone, Default)]
pub struct Postconf {
    parameters: BTreeMap<String, String>,
}

/// A list of a parameter, told apart by what can be known from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// In the order of the configuration.
    pub items: Vec<String>,
    /// `hash:/etc/postfix/virtual`, `/etc/postfix/networks`: their contents are elsewhere.
    pub tables: Vec<String>,
    /// `!pattern`.
    pub excluded: Vec<String>,
}

impl Postconf {
    /// Reads a file with the output of `postconf -n`.
    ///
    /// # Errors
    /// A file that cannot be read, or has no `name = value` in it.
    pub fn load(path: &Path) -> Result<Self> {
        let shown = || format!("--postconf {}", path.display());
        let bytes = std::fs::read(path).with_context(shown)?;
        Self::parse(&String::from_utf8_lossy(&bytes)).with_context(shown)
    }

    /// Reads `name = value` lines; a line that begins with a blank goes on with the one before.
    ///
    /// # Errors
    /// When no such line is in the text.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parameters: BTreeMap<String, String> = BTreeMap::new();
        let mut last: Option<String> = None;
        for line in text.lines() {
            let is_continued = line.starts_with([' ', '\t']);
            if let (true, Some(name)) = (is_continued, &last) {
                let value = parameters.entry(name.clone()).or_default();
                value.push(' ');
                value.push_str(line.trim());
            } else if let Some((name, value)) = parameter(line) {
                parameters.insert(name.to_owned(), value.to_owned());
                last = Some(name.to_owned());
            }
        }
        if parameters.is_empty() {
            bail!("no `name = value` line: is this the output of postconf -n?");
        }
        Ok(Self { parameters })
    }

    /// The value with its `$names` expanded; `None` where neither the file nor a default has one.
    pub fn value(&self, name: &str) -> Option<String> {
        let raw = self.raw(name)?;
        Some(self.expand(&raw, 0).trim().to_owned())
    }

    /// True when the parameter has a value that is not empty.
    pub fn is_set(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| !value.is_empty())
    }

    /// True when the limit is a number greater than zero: 0 means no limit.
    pub fn is_limited(&self, name: &str) -> bool {
        let value = self.value(name).and_then(|value| value.parse::<u64>().ok());
        value.is_some_and(|limit| limit > 0)
    }

    /// The value as a list of words.
    pub fn list(&self, name: &str) -> List {
        let mut list = List::default();
        let value = self.value(name).unwrap_or_default();
        for word in value
            .split([',', ' ', '\t'])
            .filter(|word| !word.is_empty())
        {
            if let Some(excluded) = word.strip_prefix('!') {
                list.excluded.push(excluded.to_owned());
            } else if is_table(word) {
                list.tables.push(word.to_owned());
            } else {
                list.items.push(word.to_owned());
            }
        }
        list
    }

    /// Domains for which this server is the end, and those that it takes mail for; tables that hold more of them.
    pub fn domains(&self) -> List {
        let mut all = List::default();
        for name in [
            "mydestination",
            "virtual_mailbox_domains",
            "virtual_alias_domains",
            "relay_domains",
        ] {
            let list = self.list(name);
            let domains = list.items.iter().filter(|item| !item.contains('@'));
            all.items
                .extend(domains.map(|domain| domain.trim_start_matches('.').to_ascii_lowercase()));
            all.tables.extend(list.tables);
            all.excluded.extend(list.excluded);
        }
        all.items.sort_unstable();
        all.items.dedup();
        all.items.retain(|domain| !all.excluded.contains(domain));
        all.tables.sort_unstable();
        all.tables.dedup();
        all
    }

    /// `mynetworks`: what is in, and what is out; `None` where the file does not say, and it follows from interfaces.
    pub fn networks(&self) -> Option<Vec<IpNet>> {
        self.is_set("mynetworks").then(|| {
            let list = self.list("mynetworks");
            list.items.iter().filter_map(|item| network(item)).collect()
        })
    }

    /// Networks that `mynetworks` leaves out with a `!`.
    pub fn excluded_networks(&self) -> Vec<IpNet> {
        let list = self.list("mynetworks");
        list.excluded
            .iter()
            .filter_map(|item| network(item))
            .collect()
    }

    /// Restrictions of all stages at which a client can be refused, in the order of their evaluation.
    pub fn restrictions(&self) -> impl Iterator<Item = (&'static str, List)> {
        let names = [
            "smtpd_client_restrictions",
            "smtpd_helo_restrictions",
            "smtpd_sender_restrictions",
            "smtpd_relay_restrictions",
            "smtpd_recipient_restrictions",
        ];
        names.into_iter().map(|name| (name, self.list(name)))
    }

    /// Where a restriction stands, if it is reached by clients that the words in `before` would let through.
    pub fn restricted_by(&self, restriction: &str, before: &[&str]) -> Option<&'static str> {
        let found = self.restrictions().find(|(_, list)| {
            let place = list.items.iter().position(|item| item == restriction);
            let passed = list
                .items
                .iter()
                .position(|item| before.contains(&item.as_str()));
            place.is_some_and(|place| passed.is_none_or(|passed| place < passed))
        });
        found.map(|(name, _)| name)
    }

    fn raw(&self, name: &str) -> Option<String> {
        if let Some(value) = self.parameters.get(name) {
            return Some(value.clone());
        }
        if name == "mydomain" {
            let host = self.raw("myhostname")?;
            return Some(
                host.split_once('.')
                    .map_or(host.clone(), |(_, domain)| domain.to_owned()),
            );
        }
        let default = DEFAULTS.iter().find(|(known, _)| *known == name);
        default.map(|(_, value)| (*value).to_owned())
    }

    /// Puts values for `$name`, `${name}`, `$(name)`, `${name?text}` and `${name:text}`.
    fn expand(&self, text: &str, depth: usize) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                expanded.push('$');
                rest = after;
                continue;
            }
            let (expression, after) = expression(after);
            rest = after;
            if depth < MAX_DEPTH {
                expanded.push_str(&self.evaluate(expression, depth));
            }
        }
        expanded.push_str(rest);
        expanded
    }

    fn evaluate(&self, expression: &str, depth: usize) -> String {
        let end = expression.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = expression.split_at(end.unwrap_or(expression.len()));
        let value = self
            .raw(name)
            .map(|raw| self.expand(&raw, depth + 1))
            .unwrap_or_default();
        let strip = |text: &str| text.trim_matches(['{', '}']).to_owned();
        match (rest.chars().next(), value.is_empty()) {
            (Some('?'), false) | (Some(':'), true) => {
                let text = strip(rest.split_at(1).1.split("}:{").next().unwrap_or_default());
                self.expand(&text, depth + 1)
            }
            (Some('?'), true) => {
                let other = rest.split_once("}:{").map(|(_, other)| strip(other));
                self.expand(&other.unwrap_or_default(), depth + 1)
            }
            (Some(':'), false) => String::new(),
            _ => value,
        }
    }
}

fn parameter(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let is_name = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.');
    (is_name && !name.is_empty()).then_some((name, value.trim()))
}

/// What stands after a `$`, and the rest of the text.
fn expression(text: &str) -> (&str, &str) {
    let (open, close) = match text.chars().next() {
        Some('{') => ('{', '}'),
        Some('(') => ('(', ')'),
        _ => {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            return text.split_at(end.unwrap_or(text.len()));
        }
    };
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == open);
        depth -= i32::from(c == close);
        if depth == 0 {
            let (inner, rest) = text.split_at(at);
            return (inner.split_at(1).1, rest.split_at(1).1);
        }
    }
    (text, "")
}

/// `hash:/etc/postfix/virtual`, `/etc/postfix/networks`, but not `[::1]/128` and no bare IPv6 address.
fn is_table(word: &str) -> bool {
    if word.starts_with('/') {
        return true;
    }
    let kind = word.split_once(':').map(|(kind, _)| kind);
    let is_kind = |kind: &str| !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphabetic());
    kind.is_some_and(|kind| is_kind(kind) && network(word).is_none())
}

/// `127.0.0.0/8`, `[::1]/128`, `[2001:db8::]/64`, `192.0.2.1`.
fn network(text: &str) -> Option<IpNet> {
    let plain = text.replace(['[', ']'], "");
    let single = || plain.parse::<std::net::IpAddr>().ok().map(IpNet::from);
    plain.parse().ok().or_else(single)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "\
alias_maps = hash:/etc/aliases
mydestination = $myhostname, mail.$mydomain, localhost.$mydomain, localhost
myhostname = mx.example.com
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
    192.0.2.0/24, !192.0.2.66, cidr:/etc/postfix/more
relay_domains = example.org
smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated,
    reject_unauth_destination
smtpd_sender_restrictions = permit_sasl_authenticated, reject_authenticated_sender_login_mismatch
smtpd_client_message_rate_limit = 0
virtual_mailbox_domains = Example.COM example.net mysql:/etc/postfix/domains.cf
virtual_alias_maps = hash:/etc/postfix/virtual
";

    #[test]
    fn domains_are_expanded_and_tables_are_named() {
        let postconf = Postconf::parse(EXAMPLE).unwrap();
        let domains = postconf.domains();
        let expected = [
            "example.com",
            "example.net",
            "example.org",
            "localhost",
            "localhost.example.com",
            "mail.example.com",
            "mx.example.com",
        ];
        assert_eq!(domains.items, expected);
        assert_eq!(
            domains.tables,
            ["hash:/etc/postfix/virtual", "mysql:/etc/postfix/domains.cf"]
        );
    }

    #[test]
    fn networks_leave_out_what_is_elsewhere() {
        let postconf = Postconf::parse(EXAMPLE).unwrap();
        let networks = postconf.networks().unwrap();
        let shown: Vec<String> = networks.iter().map(IpNet::to_string).collect();
        assert_eq!(
            shown,
            [
                "127.0.0.0/8",
                "::ffff:127.0.0.0/104",
                "::1/128",
                "192.0.2.0/24"
            ]
        );
        assert_eq!(
            postconf.list("mynetworks").tables,
            ["cidr:/etc/postfix/more"]
        );
        assert_eq!(postconf.list("mynetworks").excluded, ["192.0.2.66"]);
        assert_eq!(
            Postconf::parse("myhostname = a.example")
                .unwrap()
                .networks(),
            None
        );
    }

    #[test]
    fn a_restriction_behind_a_permit_is_not_reached() {
        let postconf = Postconf::parse(EXAMPLE).unwrap();
        let mismatch = "reject_authenticated_sender_login_mismatch";
        let permits = ["permit_sasl_authenticated"];
        assert_eq!(postconf.restricted_by(mismatch, &permits), None);
        assert_eq!(
            postconf.restricted_by(mismatch, &[]),
            Some("smtpd_sender_restrictions")
        );
        assert!(!postconf.is_limited("smtpd_client_message_rate_limit"));
    }

    #[test]
    fn expressions_of_main_cf() {
        let text =
            "a = one\nb = ${a?yes}${none:no}\nc = ${none?{x}:{y}} $(a) $$ ${a}s\nloop = $loop\n";
        let postconf = Postconf::parse(text).unwrap();
        assert_eq!(postconf.value("b").unwrap(), "yesno");
        assert_eq!(postconf.value("c").unwrap(), "y one $ ones");
        assert_eq!(postconf.value("loop").unwrap(), "");
        assert_eq!(postconf.value("none"), None);
        assert!(Postconf::parse("nothing here").is_err());
    }
}

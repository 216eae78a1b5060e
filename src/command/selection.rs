//! Which messages are meant: a term told apart by its shape, or by the option that names it.

use std::net::IpAddr;

use anyhow::{Result, anyhow};
use clap::Args;
use ipnet::IpNet;

use crate::answer::message_record::Messages;
use crate::correlate::{Message, Symbol};
use crate::mail::Address;

/// Options that say what a term is.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Which messages")]
pub(super) struct Selection {
    /// A queue ID
    #[arg(long, value_name = "ID")]
    queue_id: Vec<String>,

    /// A message-id, with or without its angle brackets
    #[arg(long, value_name = "ID")]
    message_id: Vec<String>,

    /// An address, as sender or recipient; `@domain`: any in the domain
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<String>,

    /// An envelope sender; `<>`: the null sender
    #[arg(long, value_name = "ADDRESS")]
    from: Vec<String>,

    /// An envelope recipient
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,

    /// A client's address or network (CIDR)
    #[arg(long, value_name = "IP|CIDR")]
    client: Vec<String>,

    /// A SASL login
    #[arg(long, value_name = "LOGIN")]
    account: Vec<String>,
}

/// What a message is chosen by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    QueueId(String),
    MessageId(String),
    Address(String),
    From(String),
    To(String),
    Client(IpNet),
    Account(String),
}

impl Selection {
    /// All terms; those of `shapes` are told apart by their shape.
    ///
    /// # Errors
    /// A client that is neither an IP address nor a network.
    pub(super) fn terms(&self, shapes: &[String]) -> Result<Vec<Term>> {
        let mut terms: Vec<Term> = shapes.iter().map(|text| by_shape(text)).collect();
        let id = |id: &String| id.trim_matches(['<', '>']).to_owned();
        terms.extend(self.queue_id.iter().cloned().map(Term::QueueId));
        terms.extend(self.message_id.iter().map(id).map(Term::MessageId));
        terms.extend(self.address.iter().map(id).map(Term::Address));
        terms.extend(self.from.iter().map(id).map(Term::From));
        terms.extend(self.to.iter().map(id).map(Term::To));
        terms.extend(self.account.iter().cloned().map(Term::Account));
        for text in &self.client {
            let network = network(text)
                .ok_or_else(|| anyhow!("--client {text}: not an IP address or network"))?;
            terms.push(Term::Client(network));
        }
        Ok(terms)
    }
}

fn by_shape(text: &str) -> Term {
    if let Some(network) = network(text) {
        return Term::Client(network);
    }
    match text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'))
    {
        Some("") => Term::From(String::new()),
        Some(id) => Term::MessageId(id.to_owned()),
        None if text.contains('@') => Term::Address(text.to_owned()),
        None if is_queue_id(text) => Term::QueueId(text.to_owned()),
        None => Term::Account(text.to_owned()),
    }
}

fn network(text: &str) -> Option<IpNet> {
    let address = text.parse::<IpAddr>().ok().map(IpNet::from);
    address.or_else(|| text.parse::<IpNet>().ok())
}

/// A name in capitals and digits can look like one; then `--account` says what is meant.
fn is_queue_id(text: &str) -> bool {
    let is_short = text.len() >= 6
        && text.len() <= 18
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
    let is_base_52 = |b: u8| b.is_ascii_alphanumeric() && !b"AEIOUaeiou".contains(&b);
    let is_long = text.len() >= 12
        && text.len() <= 24
        && text.bytes().all(is_base_52)
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.contains('z');
    is_short || is_long
}

impl Term {
    /// True when the message itself has it; its relatives are another matter.
    pub(super) fn matches(&self, messages: &Messages, message: &Message) -> bool {
        let text = |symbol: Symbol| messages.strings.get(symbol);
        let from = || message.from.map(text);
        let mut to = message
            .recipients
            .iter()
            .flat_map(|r| [Some(r.to), r.orig_to])
            .flatten();
        match self {
            Self::QueueId(id) => *message.queue_id == **id,
            Self::MessageId(id) => message.message_id.as_deref() == Some(id),
            Self::From(wanted) => from().is_some_and(|from| is_address(from, wanted)),
            Self::To(wanted) => to.any(|to| is_address(text(to), wanted)),
            Self::Address(wanted) => {
                from().is_some_and(|from| is_address(from, wanted))
                    || to.any(|to| is_address(text(to), wanted))
            }
            Self::Client(network) => {
                let ip = message
                    .origin
                    .client_ip
                    .and_then(|ip| text(ip).parse::<IpAddr>().ok());
                ip.is_some_and(|ip| network.contains(&ip))
            }
            Self::Account(login) => {
                let account = message.origin.sasl_username.map(text);
                account.is_some_and(|account| account.eq_ignore_ascii_case(login))
            }
        }
    }
}

/// Compares without regard to case; `@domain` means all of a domain.
fn is_address(address: &str, wanted: &str) -> bool {
    match wanted.strip_prefix('@') {
        Some(wanted) => Address(address)
            .domain()
            .is_some_and(|domain| domain.eq_ignore_ascii_case(wanted)),
        None => address.eq_ignore_ascii_case(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_told_apart_by_their_shape() {
        let check = |text: &str, expected: Term| assert_eq!(by_shape(text), expected, "{text}");
        check("BC96418C10", Term::QueueId("BC96418C10".into()));
        check("11448996213", Term::QueueId("11448996213".into()));
        check("4YcVmW4DrYz1YKb0", Term::QueueId("4YcVmW4DrYz1YKb0".into()));
        check(
            "<a.b@example.com>",
            Term::MessageId("a.b@example.com".into()),
        );
        check("a@example.com", Term::Address("a@example.com".into()));
        check("@example.com", Term::Address("@example.com".into()));
        check("<>", Term::From(String::new()));
        check("192.0.2.1", Term::Client("192.0.2.1/32".parse().unwrap()));
        check(
            "2001:db8::/32",
            Term::Client("2001:db8::/32".parse().unwrap()),
        );
        check("root", Term::Account("root".into()));
        check("deadbeef", Term::Account("deadbeef".into()));
    }

    #[test]
    fn addresses_match_whole_or_by_domain() {
        assert!(is_address("A@Example.com", "a@example.COM"));
        assert!(is_address("a@example.com", "@example.com"));
        assert!(!is_address("a@sub.example.com", "@example.com"));
        assert!(is_address("", ""));
    }
}

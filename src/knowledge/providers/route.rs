//! What a relay tells about the place of a recipient's mailbox.

use crate::mail::Relay;

/// Only `Host` names somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// `local`, `virtual`, or a mailbox server's socket: the end of the way.
    Mailbox,
    /// A pipe, or a server on loopback: a mailbox server or a content filter.
    Program,
    /// A host by its name.
    Host(&'a str),
    /// A server that takes mail for anybody, or one without a name.
    Anywhere,
    /// `relay=none`.
    Unknown,
}

impl<'a> Route<'a> {
    pub(super) fn of(relay: &Relay<'a>) -> Self {
        let name = relay
            .name
            .filter(|name| !matches!(*name, "" | "none" | "unknown"));
        match (name, relay.ip) {
            (None, None) => Self::Unknown,
            (_, Some(ip)) if ip.contains('/') => Self::Mailbox,
            (_, Some(_)) if relay.is_loopback() => Self::Program,
            // Mail exchangers listen on port 25 alone; this is a smarthost with a login (RFC 8314).
            _ if matches!(relay.port, Some(465 | 587)) => Self::Anywhere,
            (None, Some(_)) => Self::Anywhere,
            (Some("local" | "virtual"), None) => Self::Mailbox,
            // A name alone is this host (see `Relay::is_loopback`). One with a dot is a mailbox server's,
            // whose socket the parser left out; one without is the service of a pipe(8).
            (Some(name), None) if relay.port.is_none() => {
                if name.contains('.') {
                    Self::Mailbox
                } else {
                    Self::Program
                }
            }
            (Some(name), _) if is_address(name) => Self::Anywhere,
            (Some(name), _) => Self::Host(name),
        }
    }
}

/// `relayhost = [192.0.2.1]` is logged as `192.0.2.1[192.0.2.1]:25`.
fn is_address(name: &str) -> bool {
    let name = name.trim_matches(['[', ']']);
    name.parse::<std::net::IpAddr>().is_ok()
}

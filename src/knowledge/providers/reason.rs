//! The host that a delivery's reason names: all that is left of the relay when a delivery was put off by `relay=none`.

use crate::mail::Relay;

/// What Postfix's smtp(8) and lmtp(8) put before `name[address]` (smtp_connect.c, smtp_proto.c, smtp_trouble.c).
const BEFORE_HOST: &[&str] = &[
    "connect to ",
    "conversation with ",
    "lost connection with ",
    "host ",
    "SASL authentication failed; cannot authenticate to server ",
    "SASL authentication failed; server ",
    "TLS is required, but was not offered by host ",
];

/// Reads `conversation with mx1.comcast.net[96.114.157.80] timed out …` and its like, from the left: what the
/// other server said comes later, and may say anything.
pub fn host_in_reason(reason: &str) -> Option<Relay<'_>> {
    let suspended = reason.strip_prefix("delivery temporarily suspended: ");
    let reason = suspended.unwrap_or(reason);
    let host = BEFORE_HOST
        .iter()
        .find_map(|before| reason.strip_prefix(before))?;
    let (name, rest) = host.split_once('[')?;
    let (ip, rest) = rest.split_once(']')?;
    if name.is_empty() || ip.is_empty() || host.split(' ').next()?.len() <= name.len() {
        return None;
    }
    let port = rest.strip_prefix(':').and_then(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    });
    Some(Relay {
        name: Some(name),
        ip: Some(ip),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_read_from_the_left() {
        let check = |reason: &str, expected: Option<(&str, &str, Option<u16>)>| {
            let found = host_in_reason(reason).map(|r| (r.name.unwrap(), r.ip.unwrap(), r.port));
            assert_eq!(found, expected, "{reason}");
        };
        check(
            "delivery temporarily suspended: conversation with mx1.comcast.net[96.114.157.80] timed out while \
             receiving the initial server greeting",
            Some(("mx1.comcast.net", "96.114.157.80", None)),
        );
        check(
            "connect to mx2.comcast.net[2001:558:fe21:2a::6]:25: Network is unreachable",
            Some(("mx2.comcast.net", "2001:558:fe21:2a::6", Some(25))),
        );
        check(
            "connect to mail.example.com[private/dovecot-lmtp]: Connection refused",
            Some(("mail.example.com", "private/dovecot-lmtp", None)),
        );
        check(
            "host mx.example.com[192.0.2.1] said: 450 connect to elsewhere.example[192.0.2.2]: no",
            Some(("mx.example.com", "192.0.2.1", None)),
        );
        check("host not found, see [1]", None);
        check(
            "Host or domain name not found. Name service error for name=comcast.net type=MX: Host not found",
            None,
        );
        check(
            "450 4.2.0 said connect to mx.example.com[192.0.2.1]:25: hello",
            None,
        );
        check("", None);
    }
}

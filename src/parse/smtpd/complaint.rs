//! Warnings and notes of smtpd(8) and postscreen(8) about one client: where each names it.

use crate::mail::Client;
use crate::parse::take;

/// The client that a sentence is about. What the client said stands behind its address.
pub(in crate::parse) fn client(text: &str) -> Option<Client<'_>> {
    if let Some(rest) = text.strip_prefix("hostname ") {
        let (name, rest) = take::split_at_text(rest, " does not resolve to address ")?;
        return (!name.contains(' ')).then(|| address(rest)).flatten();
    }
    if let Some((ip, rest)) = take::split_at_text(text, ": ")
        && take::looks_like_ip(ip)
    {
        let doubts = ["hostname ", "address not listed for hostname "];
        let is_doubt = doubts.iter().any(|doubt| rest.starts_with(doubt));
        return is_doubt.then(|| address(ip)).flatten();
    }
    let rest = AFTER.iter().find_map(|words| text.strip_prefix(words));
    if let Some(rest) = rest {
        return Some(take::client(rest)?.0);
    }
    let rest = BEFORE_FROM
        .iter()
        .find_map(|words| text.strip_prefix(words));
    if let Some(rest) = rest {
        // A count, or an SMTP command: short, and ours.
        let (_, rest) = take::split_at_text(rest, " from ")?;
        return Some(take::client(rest)?.0);
    }
    let (client, rest) = take::client(text)?;
    rest.starts_with([':', ' ']).then_some(client)
}

/// What the client comes right after.
const AFTER: [&str; 11] = [
    "non-SMTP command from ",
    "Illegal address syntax from ",
    "SSL_accept error from ",
    "setting up TLS connection from ",
    "ciphertext read/write timeout for ",
    "ciphertext read/write error for ",
    "too many errors from ",
    "dropping client ",
    "abort: TLS from ",
    "refused connect from ",
    "certificate verification failed for ",
];

/// What a count or a command, and ` from `, come after.
const BEFORE_FROM: [&str; 7] = [
    "Connection rate limit exceeded: ",
    "Connection concurrency limit exceeded: ",
    "Message delivery request rate limit exceeded: ",
    "Recipient address rate limit exceeded: ",
    "New TLS session rate limit exceeded: ",
    "AUTH command rate limit exceeded: ",
    "improper command pipelining after ",
];

/// The IP address in front, up to `: ` or the end.
fn address(text: &str) -> Option<Client<'_>> {
    let (ip, _) = take::split_at_text(text, ": ").unwrap_or((text, ""));
    take::looks_like_ip(ip).then_some(Client {
        ip: Some(ip),
        ..Client::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_complained_of() {
        let check = |text, ip: Option<&str>| {
            assert_eq!(client(text).and_then(|client| client.ip), ip, "{text}")
        };
        let ip = Some("192.0.2.1");
        check(
            "Connection rate limit exceeded: 31 from h[192.0.2.1] for service smtpd",
            ip,
        );
        check(
            "non-SMTP command from h[192.0.2.1]: GET / from x[198.51.100.1]",
            ip,
        );
        check(
            "Illegal address syntax from h[192.0.2.1] in MAIL command: x from y[198.51.100.1]",
            ip,
        );
        check(
            "improper command pipelining after AUTH from h[192.0.2.1]: QUIT",
            ip,
        );
        check(
            "hostname h.example does not resolve to address 192.0.2.1: Name or service not known",
            ip,
        );
        check(
            "hostname h.example does not resolve to address 2001:db8::1",
            Some("2001:db8::1"),
        );
        check("192.0.2.1: address not listed for hostname h.example", ip);
        check("h[192.0.2.1]: SASL something else", ip);
        check("connect to 127.0.0.1:12525: Connection refused", None);
        check("read timeout on cleanup socket", None);
    }
}

//! postscreen(8), dnsblog(8), tlsproxy(8): what a client did or was before smtpd(8) saw it.

use super::{housekeeping, reject, smtpd, take, tls};
use crate::event::Event;
use crate::mail::Client;

/// Reads any line of the three; what a client said comes after its address.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    match text.as_bytes().first()? {
        b'a' => dnsblog(text),
        b'C' if text.starts_with("CONNECT ") || text.starts_with("CLOSED ") => screening(text),
        b'A'..=b'Z' => screening(text)
            .or_else(|| reject::parse(text))
            .or_else(|| tls::parse(None, text))
            .or_else(|| handshake(text)),
        _ => smtpd::complaint(text)
            .or_else(|| reject::parse(text))
            .or_else(|| session(text))
            .or_else(|| housekeeping::parse(text)),
    }
}

/// `addr 192.0.2.1 listed by domain bl.example.org as 127.0.0.3`.
fn dnsblog(text: &str) -> Option<Event<'_>> {
    let (ip, rest) = take::split_at_byte(text.strip_prefix("addr ")?, b' ')?;
    let client = Client {
        ip: take::known(ip),
        ..Client::default()
    };
    let detail = rest
        .strip_prefix("listed by domain ")
        .or_else(|| rest.strip_prefix("blocked by domain "))?;
    Some(Event::Screening {
        client,
        what: "listed",
        detail,
    })
}

/// tlsproxy(8) speaks of `[ip]:port` as smtpd(8) does of its clients.
fn session(text: &str) -> Option<Event<'_>> {
    let kinds = [
        ("connect from ", "CONNECT"),
        ("disconnect ", "DISCONNECT"),
        ("entering STARTTLS", "STARTTLS"),
    ];
    let (what, rest) = kinds
        .iter()
        .find_map(|(start, what)| Some((*what, text.strip_prefix(start)?)))?;
    let (client, detail) = take::client(rest.strip_prefix("from ").unwrap_or(rest))?;
    Some(Event::Screening {
        client,
        what,
        detail,
    })
}

/// `TLS handshake failed for service=smtpd peer=[192.0.2.1]:4711`.
fn handshake(text: &str) -> Option<Event<'_>> {
    let rest = text.strip_prefix("TLS handshake failed for service=")?;
    let (_, rest) = take::split_at_text(rest, " peer=")?;
    let (client, detail) = take::client(rest)?;
    Some(Event::Screening {
        client,
        what: "TLS handshake failed",
        detail,
    })
}

/// How a line goes on from its first words to `[ip]:port`.
const KINDS: [(&str, &str); 25] = [
    ("CONNECT", " from "),
    ("CONNECT", " to "),
    ("DISCONNECT", " "),
    ("PASS OLD", " "),
    ("PASS NEW", " "),
    ("HANGUP", " after "),
    ("PREGREET", " "),
    ("DNSBL", " rank "),
    ("COMMAND TIME LIMIT", " from "),
    ("COMMAND COUNT LIMIT", " from "),
    ("COMMAND LENGTH LIMIT", " from "),
    ("COMMAND PIPELINING", " from "),
    ("BARE NEWLINE", " from "),
    ("NON-SMTP COMMAND", " from "),
    ("WHITELISTED", " "),
    ("ALLOWLISTED", " "),
    ("BLACKLISTED", " "),
    ("DENYLISTED", " "),
    ("ALLOWLIST VETO", " "),
    ("WHITELIST VETO", " "),
    ("UNFAIR", " from "),
    ("CLOSED", " from "),
    ("DATA without valid RCPT", " from "),
    ("BDAT without valid RCPT", " from "),
    ("HANDSHAKE", " "),
];

/// `PREGREET 14 after 0.26 from [192.0.2.1]:60556: EHLO x\r\n`, `DNSBL rank 3 for [192.0.2.1]:63966`.
fn screening(text: &str) -> Option<Event<'_>> {
    let (what, detail) = KINDS.iter().find_map(|(what, next)| {
        let rest = text.strip_prefix(what)?;
        rest.starts_with(next)
            .then_some((text.get(..what.len())?, rest.get(1..)?))
    })?;
    let (_, client) = take::split_at_byte(detail, b'[')?;
    // The client's own words follow its address: nothing before it is longer than numbers.
    let at = detail.len() - client.len() - 1;
    let is_short = detail
        .get(..at)?
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'.'));
    let (client, _) = take::client(detail.get(at..)?)?;
    is_short.then_some(Event::Screening {
        client,
        what,
        detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let check = |line, what, detail, port| {
            let client = Client {
                name: None,
                ip: Some("192.0.2.1"),
                port,
            };
            assert_eq!(
                parse(line),
                Some(Event::Screening {
                    client,
                    what,
                    detail
                }),
                "{line}"
            );
        };
        let port = Some(4711);
        check(
            "CONNECT from [192.0.2.1]:4711 to [198.51.100.1]:25",
            "CONNECT",
            "from [192.0.2.1]:4711 to [198.51.100.1]:25",
            port,
        );
        check(
            "PASS NEW [192.0.2.1]:4711",
            "PASS NEW",
            "[192.0.2.1]:4711",
            port,
        );
        check(
            "DNSBL rank 3 for [192.0.2.1]:4711",
            "DNSBL",
            "rank 3 for [192.0.2.1]:4711",
            port,
        );
        check(
            "PREGREET 14 after 0.26 from [192.0.2.1]:4711: EHLO [198.51.100.9]:1\\r\\n",
            "PREGREET",
            "14 after 0.26 from [192.0.2.1]:4711: EHLO [198.51.100.9]:1\\r\\n",
            port,
        );
        check(
            "HANGUP after 0.02 from [192.0.2.1]:4711 in tests after SMTP handshake",
            "HANGUP",
            "after 0.02 from [192.0.2.1]:4711 in tests after SMTP handshake",
            port,
        );
        check(
            "addr 192.0.2.1 listed by domain bl.example.org as 127.0.0.3",
            "listed",
            "bl.example.org as 127.0.0.3",
            None,
        );
        check(
            "DISCONNECT [192.0.2.1]:4711",
            "DISCONNECT",
            "[192.0.2.1]:4711",
            port,
        );
        check(
            "TLS handshake failed for service=smtpd peer=[192.0.2.1]:4711",
            "TLS handshake failed",
            "",
            port,
        );
        for line in ["PASS THE SALT", "CONNECT", "addr x", ""] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}

//! TLS sessions, as smtpd(8), smtp(8), postscreen(8) and tlsproxy(8) log them (`tls_log_summary()`).

use super::take;
use crate::event::{Event, Tls};
use crate::mail::{Client, QueueId};

/// `Anonymous TLS connection established from host[ip]: TLSv1.3 with cipher NAME (256/256 bits) …`.
pub(super) fn parse<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let (trust, rest) = match text.strip_prefix("TLS connection ") {
        Some(rest) => ("", rest),
        None => {
            let (trust, rest) = take::split_at_byte(text, b' ')?;
            let trusts = ["Anonymous", "Untrusted", "Trusted", "Verified"];
            if !trusts.contains(&trust) {
                return None;
            }
            (trust, rest.strip_prefix("TLS connection ")?)
        }
    };
    let rest = rest
        .strip_prefix("established ")
        .or_else(|| rest.strip_prefix("reused "))?;
    let (inbound, rest) = match rest.strip_prefix("from ") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix("to ")?),
    };
    let (peer, rest) = peer(rest)?;
    let rest = after_server_name(rest);
    // The rest is our own library's text.
    let (tls_version, rest) = take::split_at_byte(rest.strip_prefix(": ")?, b' ')?;
    let rest = rest.strip_prefix("with cipher ")?;
    let (tls_cipher, _) = take::split_at_byte(rest, b' ').unwrap_or((rest, ""));
    Some(Event::Tls(Box::new(Tls {
        queue_id,
        inbound,
        peer,
        trust,
        tls_version,
        tls_cipher,
    })))
}

/// The name that the client asked for: ` to mail.example.com`, since Postfix 3.4.
fn after_server_name(text: &str) -> &str {
    let name = text.strip_prefix(" to ");
    name.and_then(|name| name.get(memchr::memchr(b':', name.as_bytes())?..))
        .unwrap_or(text)
}

/// What the TLS library tells of one peer with `smtpd_tls_loglevel = 2`: `host[ip]:port: TLS cipher list "…"`.
///
/// The names in a certificate are the peer's words; they stand behind ours.
pub(super) fn about_peer(text: &str) -> Option<Client<'_>> {
    let (peer, rest) = take::client(text)?;
    let rest = match rest.strip_prefix(": ") {
        Some(rest) => rest,
        None => rest.strip_prefix(' ')?,
    };
    let known = [
        "TLS cipher list ",
        "Untrusted: ",
        "Trusted: ",
        "Verified: ",
        "Unverified: ",
        "Anonymous: ",
        "subject_CN=",
        "issuer_CN=",
        "subjectAltName",
        "CommonName ",
        "Matched ",
        "Matching ",
        "depth=",
        "certificate verification ",
        "expecting ",
        "re-using session ",
        "reusing old session",
        "Reusing old session",
        "looking up session ",
        "looking for session ",
        "reloaded session ",
        "save session ",
        "remove session ",
        "Issuing session ticket",
        "Decrypting session ticket",
        "SNI hostname: ",
        "SSL ",
        "no peer certificate",
        "Server is ",
        "trust anchor ",
        "certificate ",
        "session ",
    ];
    known
        .iter()
        .any(|known| rest.starts_with(known))
        .then_some(peer)
}

/// `host[ip]:port`; a bare host name in Postfix 2.2.
fn peer(text: &str) -> Option<(Client<'_>, &str)> {
    let (name, _) = take::split_at_byte(text, b':')?;
    if name.contains('[') || text.starts_with('[') {
        return take::client(text);
    }
    let client = Client {
        name: take::known(name),
        ..Default::default()
    };
    (!name.contains(' ')).then_some((client, text.get(name.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let check = |line, inbound, trust, port, tls_cipher| {
            let wanted = Tls {
                queue_id: None,
                inbound,
                peer: Client {
                    name: Some("mx.example.net"),
                    ip: Some("192.0.2.1"),
                    port,
                },
                trust,
                tls_version: "TLSv1.3",
                tls_cipher,
            };
            assert_eq!(
                parse(None, line),
                Some(Event::Tls(Box::new(wanted))),
                "{line}"
            );
        };
        check(
            "Anonymous TLS connection established from mx.example.net[192.0.2.1]: TLSv1.3 with cipher AES (256/256 bits)",
            true,
            "Anonymous",
            None,
            "AES",
        );
        check(
            "Verified TLS connection reused to mx.example.net[192.0.2.1]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 \
             (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256",
            false,
            "Verified",
            Some(25),
            "TLS_AES_256_GCM_SHA384",
        );
        check(
            "Untrusted TLS connection established from mx.example.net[192.0.2.1] to mail.example.org: TLSv1.3 with \
             cipher AES (256/256 bits)",
            true,
            "Untrusted",
            None,
            "AES",
        );
        assert_eq!(
            parse(
                None,
                "Evil TLS connection established from h[192.0.2.1]: TLSv1 with cipher A"
            ),
            None
        );
        assert_eq!(
            parse(
                None,
                "Anonymous TLS connection established from h[192.0.2.1]"
            ),
            None
        );
    }

    #[test]
    fn the_library_about_one_peer() {
        let peer = |text| about_peer(text).and_then(|peer| peer.ip);
        for text in [
            "h[192.0.2.1]: TLS cipher list \"aNULL:-aNULL:HIGH\"",
            "h[192.0.2.1]:25: Untrusted: subject_CN=x[198.51.100.1]: Trusted, issuer=y, fingerprint=AA",
            "[192.0.2.1]:4711: save session AB&s=smtp&l=1 to smtpd cache",
            "mx.example.net[192.0.2.1]:25 CommonName status=sent (ok)",
        ] {
            assert_eq!(peer(text), Some("192.0.2.1"), "{text}");
        }
        assert_eq!(peer("h[192.0.2.1]: an arbitrary sentence"), None);
    }
}

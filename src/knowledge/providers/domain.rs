//! Host and domain names: which part of one is somebody's own.

use std::borrow::Cow;
use std::net::IpAddr;

/// The part of a host's name that was registered: `example.co.uk` of `mx1.example.co.uk`. `None` for IP addresses,
/// address literals, bare names and public suffixes. A port and a trailing dot do no harm.
pub fn registrable_domain(host: &str) -> Option<&str> {
    let host = bare(host);
    if host.contains(['[', ']', ':', '/', ' ']) || host.parse::<IpAddr>().is_ok() {
        return None;
    }
    let lower = lower_case(host);
    let n_bytes = psl::domain_str(&lower)?.len();
    host.get(host.len() - n_bytes..)
}

/// Without a port and without trailing dots.
pub(super) fn bare(host: &str) -> &str {
    let host = match host.rsplit_once(':') {
        // An IPv6 address has more than one colon, and no port without brackets.
        Some((name, port)) if !name.contains(':') && port.parse::<u16>().is_ok() => name,
        _ => host,
    };
    host.trim_end_matches('.')
}

pub(super) fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// The name itself, then what is left after each label: `a.b.c`, `b.c`, `c`.
pub(super) fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |rest| {
        rest.split_once('.').map(|(_, rest)| rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrable_domain_is_the_part_below_the_public_suffix() {
        let check = |host, expected| assert_eq!(registrable_domain(host), expected, "{host}");
        check("mx1.comcast.net", Some("comcast.net"));
        check("comcast.net", Some("comcast.net"));
        check("mx1.mail.example.co.uk", Some("example.co.uk"));
        check("mx1.example.com:25", Some("example.com"));
        check("mx1.example.com.", Some("example.com"));
        check("MX1.Example.COM", Some("Example.COM"));
        check("MX1.Example.CO.UK", Some("Example.CO.UK"));
        check("mail.musikhaus.example", Some("musikhaus.example"));
        check("mx.bücher.de", Some("bücher.de"));
        check("co.uk", None);
        check("localhost", None);
        check("192.0.2.1", None);
        check("192.0.2.1:25", None);
        check("[192.0.2.1]", None);
        check("[192.0.2.1]:25", None);
        check("2001:db8::1", None);
        check("[IPv6:2001:db8::1]", None);
        check("mail.example.com[private/lmtp]", None);
        check("", None);
        check(".", None);
        check("..", None);
        check("a..", None);
        check("user@", None);
        check("é", None);
        // Making it safe to show is up to `render`.
        check("\u{202e}moc.elpmaxe", Some("\u{202e}moc.elpmaxe"));
    }
}

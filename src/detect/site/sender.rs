//! Envelope senders as people know them: without the tags that mailing lists, bounce checks and users add.

use crate::mail::Address;

/// The address behind the tags, in lower case: `Ann+shop@Example.com`, `prvs=1234=ann@example.com` and
/// `ann@example.com` are one. `None` for the null sender and for a forwarder's rewriting (SRS), which say
/// nothing of an owner.
pub(in crate::detect) fn base(from: Address<'_>) -> Option<String> {
    let lower = from.0.to_ascii_lowercase();
    let address = Address(&lower);
    if address.is_null() {
        return None;
    }
    let local = untagged(address.local_part())?;
    // RFC 5233 calls it a detail; `+` is nearly everybody's delimiter.
    let local = match local.split_once('+') {
        Some((base, _)) if !base.is_empty() => base,
        _ => local,
    };
    Some(match address.domain() {
        Some(domain) => format!("{local}@{domain}"),
        None => local.to_owned(),
    })
}

/// Takes off the tag of a bounce check: `prvs=0123456789=ann`, `btv1==0123456789==ann`; `None` for SRS.
fn untagged(local: &str) -> Option<&str> {
    if local.starts_with("srs0") || local.starts_with("srs1") {
        return None;
    }
    for (start, end) in [("prvs=", "="), ("btv1==", "==")] {
        if let Some(rest) = local.strip_prefix(start) {
            return Some(rest.split_once(end).map_or(rest, |(_, local)| local));
        }
    }
    Some(local)
}

/// True when both local parts are one person's: the same, or one with a `-detail` behind it.
pub(super) fn same_local_part(own: &str, other: &str) -> bool {
    let detail = other.strip_prefix(own).map(|rest| rest.chars().next());
    matches!(detail, Some(None | Some('-')))
}

/// A login as local part and, where it has one, domain, in lower case: `EXAMPLE\Ann` is `ann`.
pub(super) fn of_login(login: &str) -> (String, Option<String>) {
    let login = login.to_ascii_lowercase();
    let login = login
        .rsplit_once('\\')
        .map_or(login.as_str(), |(_, name)| name);
    let address = Address(login);
    (
        address.local_part().to_owned(),
        address.domain().map(str::to_owned),
    )
}

/// Names of offices, which several people may use: RFC 2142, and what is usual.
const ROLES: &[&str] = &[
    "abuse",
    "accounting",
    "accounts",
    "admin",
    "billing",
    "bounce",
    "bounces",
    "contact",
    "contacto",
    "donotreply",
    "do-not-reply",
    "events",
    "finance",
    "hello",
    "help",
    "helpdesk",
    "hostmaster",
    "hr",
    "info",
    "invoice",
    "invoices",
    "it",
    "jobs",
    "kontakt",
    "list",
    "lists",
    "mail",
    "mailer",
    "mailer-daemon",
    "marketing",
    "media",
    "news",
    "newsletter",
    "no-reply",
    "noc",
    "noreply",
    "notification",
    "notifications",
    "office",
    "order",
    "orders",
    "postmaster",
    "presse",
    "press",
    "reception",
    "root",
    "sales",
    "security",
    "service",
    "shop",
    "support",
    "team",
    "verwaltung",
    "webmaster",
    "www",
    "www-data",
];

/// True for an office's address: `info@`, `sales-eu@`.
pub(in crate::detect) fn is_role(base: &str) -> bool {
    let local = Address(base).local_part();
    let first = local.split(['-', '_', '.']).next().unwrap_or(local);
    ROLES.contains(&local) || ROLES.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_taken_off() {
        let cases = [
            ("Ann@Example.COM", Some("ann@example.com")),
            ("ann+shop@example.com", Some("ann@example.com")),
            ("+odd@example.com", Some("+odd@example.com")),
            ("prvs=0123abcdef=ann@example.com", Some("ann@example.com")),
            ("btv1==0123==ann@example.com", Some("ann@example.com")),
            (
                "list-bounces+bob=example.net@example.com",
                Some("list-bounces@example.com"),
            ),
            ("SRS0=abcd=xy=example.net=bob@example.com", None),
            (
                "SRS1=abcd=example.org==xy=example.net=bob@example.com",
                None,
            ),
            ("", None),
            ("root", Some("root")),
        ];
        for (from, expected) in cases {
            assert_eq!(base(Address(from)).as_deref(), expected, "{from}");
        }
    }

    #[test]
    fn names_of_one_person() {
        assert!(same_local_part("ann", "ann") && same_local_part("ann", "ann-lists"));
        assert!(!same_local_part("ann", "anna") && !same_local_part("anna", "ann"));
        assert_eq!(of_login("EXAMPLE\\Ann"), ("ann".to_owned(), None));
        let domain = Some("example.com".to_owned());
        assert_eq!(of_login("Ann@Example.com"), ("ann".to_owned(), domain));
        assert!(is_role("info@example.com") && is_role("sales-eu@example.com"));
        assert!(!is_role("informer@example.com") && !is_role("ann@example.com"));
    }
}

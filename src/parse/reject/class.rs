//! The reason class of a refusal, by the words that the daemon itself writes, at the place where it writes them.

use super::take;
use crate::event::RejectClass;

/// Class and, for a DNSBL, the list.
pub(super) fn of(reason: &str) -> (RejectClass, Option<&str>) {
    // `<what the client said>: ` comes first; it may say anything.
    let text = match take::address(reason) {
        Some((_, rest)) => rest.strip_prefix(": ").unwrap_or(rest),
        None => reason.strip_prefix(": ").unwrap_or(reason),
    };
    if let Some(list) = blocked_using(text) {
        return (RejectClass::Dnsbl, Some(list));
    }
    (class(text), None)
}

fn class(text: &str) -> RejectClass {
    if let Some(rest) = text.strip_prefix("Sender address rejected") {
        return sender(rest);
    }
    if let Some(rest) = text.strip_prefix("Recipient address rejected") {
        return recipient(rest);
    }
    if let Some(rest) = text.strip_prefix("Client host rejected") {
        return client(rest);
    }
    PHRASES
        .iter()
        .find(|(phrase, _)| begins_with(text, phrase))
        .map_or(RejectClass::Other, |(_, class)| *class)
}

/// The first words of the replies of smtpd(8), postscreen(8) and common policy servers and milters.
const PHRASES: [(&str, RejectClass); 45] = [
    ("Relay access denied", RejectClass::RelayDenied),
    ("Relaying denied", RejectClass::RelayDenied),
    ("Helo command ", RejectClass::Helo),
    ("Helo command rejected", RejectClass::Helo),
    ("User unknown in ", RejectClass::UnknownRecipient),
    ("Greylisted", RejectClass::Greylisted),
    ("Greylisting in action", RejectClass::Greylisted),
    ("Graylisted", RejectClass::Greylisted),
    // Rspamd greylists with these words alone.
    ("Try again later", RejectClass::Greylisted),
    ("Message size exceeds fixed limit", RejectClass::Size),
    ("Message file too big", RejectClass::Size),
    ("Insufficient system storage", RejectClass::OwnTrouble),
    ("Temporary lookup failure", RejectClass::OwnTrouble),
    ("Server configuration error", RejectClass::OwnTrouble),
    ("Server configuration problem", RejectClass::OwnTrouble),
    ("Server error", RejectClass::OwnTrouble),
    ("queue file write error", RejectClass::OwnTrouble),
    ("Queue file write error", RejectClass::OwnTrouble),
    (
        "Service unavailable - try again later",
        RejectClass::OwnTrouble,
    ),
    ("Internal error occurred", RejectClass::OwnTrouble),
    ("Error: queue file write error", RejectClass::OwnTrouble),
    ("Error: too much mail from ", RejectClass::RateLimit),
    ("Error: too many connections from ", RejectClass::RateLimit),
    (
        "Error: too many new TLS sessions from ",
        RejectClass::RateLimit,
    ),
    (
        "Error: too many AUTH commands from ",
        RejectClass::RateLimit,
    ),
    ("Error: too many recipients from ", RejectClass::RateLimit),
    ("Error: too many recipients", RejectClass::RateLimit),
    ("Too many recipients", RejectClass::RateLimit),
    ("Too many connections", RejectClass::RateLimit),
    ("too many connections", RejectClass::RateLimit),
    ("Too many errors", RejectClass::RateLimit),
    ("All screening ports busy", RejectClass::RateLimit),
    ("all screening ports busy", RejectClass::RateLimit),
    ("All server ports are busy", RejectClass::RateLimit),
    ("all server ports busy", RejectClass::RateLimit),
    ("Service currently unavailable", RejectClass::Greylisted),
    ("Protocol error", RejectClass::Protocol),
    ("Error: command not", RejectClass::Protocol),
    ("Data command rejected", RejectClass::Protocol),
    ("Error: bare <LF>", RejectClass::Protocol),
    ("Etrn command rejected", RejectClass::Policy),
    ("message content rejected", RejectClass::Content),
    ("Message content rejected", RejectClass::Content),
    ("Spam message rejected", RejectClass::Content),
    ("Message rejected due to: SPF fail", RejectClass::Policy),
];

/// What follows `Sender address rejected`.
fn sender(text: &str) -> RejectClass {
    let text = text.strip_prefix(": ").unwrap_or(text);
    if begins_with(text, "not owned by ") || begins_with(text, "not logged in") {
        return RejectClass::SenderLoginMismatch;
    }
    limit(text).unwrap_or(RejectClass::SenderRefused)
}

/// What follows `Recipient address rejected`.
fn recipient(text: &str) -> RejectClass {
    let text = text.strip_prefix(": ").unwrap_or(text);
    if let Some(list) = limit(text) {
        return list;
    }
    let known = [
        ("User unknown", RejectClass::UnknownRecipient),
        ("undeliverable address", RejectClass::UnknownRecipient),
        ("unverified address", RejectClass::UnknownRecipient),
        ("Unknown user", RejectClass::UnknownRecipient),
        ("No such user", RejectClass::UnknownRecipient),
        ("Mailbox quota exceeded", RejectClass::Quota),
        ("Mailbox is full", RejectClass::Quota),
        ("Mailbox full", RejectClass::Quota),
        ("Quota exceeded", RejectClass::Quota),
        ("Over quota", RejectClass::Quota),
        ("Message rejected due to: ", RejectClass::Policy),
        ("SPF", RejectClass::Policy),
        ("Multi-recipient bounce", RejectClass::Protocol),
        ("Relay access denied", RejectClass::RelayDenied),
    ];
    known
        .iter()
        .find(|(phrase, _)| begins_with(text, phrase))
        .map_or(RejectClass::RecipientRefused, |(_, class)| *class)
}

/// What follows `Client host rejected`.
fn client(text: &str) -> RejectClass {
    let text = text.strip_prefix(": ").unwrap_or(text);
    if begins_with(text, "cannot find your ") {
        return RejectClass::ClientName;
    }
    limit(text).unwrap_or(RejectClass::ClientRefused)
}

/// Policy servers answer with words of their own, behind the prefix of the restriction that asked them.
fn limit(text: &str) -> Option<RejectClass> {
    let greylist = [
        "Greylist",
        "Graylist",
        "You are being greylisted",
        "Policy Rejection- Greylist",
    ];
    if greylist.iter().any(|phrase| begins_with(text, phrase)) {
        return Some(RejectClass::Greylisted);
    }
    let rate = [
        "You are sending too many",
        "Too many",
        "Rate limit",
        "rate limit",
        "Policy Rejection- Quota",
    ];
    if rate.iter().any(|phrase| begins_with(text, phrase)) {
        return Some(RejectClass::RateLimit);
    }
    None
}

/// `Service unavailable; Client host [192.0.2.1] blocked using LIST; …`, in its four kinds and postscreen's.
fn blocked_using(text: &str) -> Option<&str> {
    // Mostly `Service unavailable; `, but the words can be configured.
    let (_, rest) = take::split_at_text(text, "; ").unwrap_or(("", text));
    let kinds = [
        "Client host ",
        "client ",
        "Sender address ",
        "Recipient address ",
        "Helo command ",
        "Unverified Client host ",
    ];
    let rest = kinds
        .iter()
        .find_map(|kind| rest.strip_prefix(kind))
        .unwrap_or(rest);
    let (_, rest) = take::split_at_text(rest.strip_prefix('[')?, "] blocked using ")?;
    let end = rest.find([';', ',', ' ']).unwrap_or(rest.len());
    rest.get(..end).map(|list| list.trim_end_matches('.'))
}

fn begins_with(text: &str, phrase: &str) -> bool {
    text.starts_with(phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        let check = |reason, wanted| assert_eq!(of(reason), wanted, "{reason}");
        check(
            "<b@x>: Relay access denied",
            (RejectClass::RelayDenied, None),
        );
        check(
            "<x: Relay access denied>: Helo command rejected: Host not found",
            (RejectClass::Helo, None),
        );
        check(
            "Service unavailable; Client host [192.0.2.1] blocked using zen.example.org; https://zen.example.org/",
            (RejectClass::Dnsbl, Some("zen.example.org")),
        );
        check(
            "Service unavailable; client [192.0.2.1] blocked using bl.example.org",
            (RejectClass::Dnsbl, Some("bl.example.org")),
        );
        check(
            "<a@x>: Sender address rejected: not owned by user bob",
            (RejectClass::SenderLoginMismatch, None),
        );
        check(
            "<a@x>: Sender address rejected: Domain not found",
            (RejectClass::SenderRefused, None),
        );
        check(
            "<a@x>: Recipient address rejected: User unknown in virtual mailbox table",
            (RejectClass::UnknownRecipient, None),
        );
        check(
            "<a@x>: Recipient address rejected: Access denied",
            (RejectClass::RecipientRefused, None),
        );
        check(
            "<a@x>: Recipient address rejected: Greylisted, see http://postgrey.example/",
            (RejectClass::Greylisted, None),
        );
        check(
            "Client host rejected: cannot find your hostname, [192.0.2.1]",
            (RejectClass::ClientName, None),
        );
        check(
            "<h[192.0.2.1]>: Client host rejected: Access denied",
            (RejectClass::ClientRefused, None),
        );
        check("something else", (RejectClass::Other, None));
        check("", (RejectClass::Other, None));
    }
}

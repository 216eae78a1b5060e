//! Why a delivery did not succeed, in plain words: from the status code and the remote server's reply.

use std::sync::LazyLock;

use regex::RegexSet;

use crate::mail::{EnhancedStatus, Status};

/// What kept a delivery from succeeding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum ReplyClass {
    /// Delivered, or nothing is known.
    #[default]
    None,
    /// The receiving server took it for spam, or refuses this server for its reputation.
    Spam,
    /// Too much mail, too fast.
    Rate,
    UnknownUser,
    MailboxFull,
    Greylisted,
    /// SPF, DKIM, DMARC.
    Authentication,
    /// Nobody answered, or the connection broke.
    Unreachable,
    /// The domain's name servers gave no answer.
    Dns,
    Size,
    Other,
}

impl ReplyClass {
    /// All of them, in the order of their numbers in the tables.
    pub const ALL: [Self; 11] = [
        Self::None,
        Self::Spam,
        Self::Rate,
        Self::UnknownUser,
        Self::MailboxFull,
        Self::Greylisted,
        Self::Authentication,
        Self::Unreachable,
        Self::Dns,
        Self::Size,
        Self::Other,
    ];

    /// The word of the records.
    pub fn as_str(self) -> Option<&'static str> {
        Some(match self {
            Self::None => return None,
            Self::Spam => "spam",
            Self::Rate => "rate",
            Self::UnknownUser => "unknown_user",
            Self::MailboxFull => "mailbox_full",
            Self::Greylisted => "greylisted",
            Self::Authentication => "authentication",
            Self::Unreachable => "unreachable",
            Self::Dns => "dns",
            Self::Size => "size",
            Self::Other => "other",
        })
    }

    /// For a sentence: "refused as spam".
    pub fn as_words(self) -> &'static str {
        match self {
            Self::None => "delivered",
            Self::Spam => "refused as spam or for bad reputation",
            Self::Rate => "slowed down for too much mail",
            Self::UnknownUser => "unknown recipient",
            Self::MailboxFull => "mailbox full",
            Self::Greylisted => "greylisted",
            Self::Authentication => "SPF, DKIM or DMARC failed",
            Self::Unreachable => "server does not answer",
            Self::Dns => "no answer from the DNS",
            Self::Size => "message too large",
            Self::Other => "other reason",
        }
    }
}

/// The first row that matches decides; what is certain comes before what is a guess.
const PATTERNS: [(&str, ReplyClass); 9] = [
    (r"(?i)gr[ae]y-?list", ReplyClass::Greylisted),
    (
        r"(?i)name service error|host or domain name not found|domain (?:name )?not found|no such domain",
        ReplyClass::Dns,
    ),
    (
        r"(?i)^(?:delivery temporarily suspended: )?(?:connect to |conversation with |lost connection with )|connection (?:refused|timed out|reset)|network is unreachable|no route to host",
        ReplyClass::Unreachable,
    ),
    (
        r"(?i)too (?:many|much) (?:mail|message|connection|recipient|error)|rate.?limit|throttl|(?:try|send).{0,20}(?:slower|less)|unusual rate|exceeded.{0,30}(?:rate|limit|quota of)|temporarily deferred due to|\b4\.7\.28\b|too fast|deferred due to user complaints",
        ReplyClass::Rate,
    ),
    (
        r"(?i)user unknown|unknown user|no such (?:user|recipient|mailbox|address)|user (?:\S+ )?(?:does(?: not|n't) exist|not found)|(?:mailbox|recipient|address|account)[^;]{0,40}(?:unavailable|unknown|not found|does not exist|doesn't exist|disabled|inactive)|(?:does not|doesn't) have an? \S+ account|no mailbox here|unrouteable address",
        ReplyClass::UnknownUser,
    ),
    (
        r"(?i)(?:over|exceed\w*).{0,20}quota|mailbox.{0,20}full|quota exceeded|out of storage",
        ReplyClass::MailboxFull,
    ),
    (
        r"(?i)\bspf\b|\bdkim\b|\bdmarc\b|unauthenticated",
        ReplyClass::Authentication,
    ),
    (
        r"(?i)spam|junk|\buce\b|unsolicited|black ?list|block ?list|blocked|reputation|listed (?:at|by|in|on)|rbl|dnsbl|spamhaus|abus|(?:content|message) rejected|policy (?:reasons|violation)|poor|suspicious|phish",
        ReplyClass::Spam,
    ),
    (
        r"(?i)message (?:size|too (?:big|large))|size (?:limit|exceeds)",
        ReplyClass::Size,
    ),
];

static SET: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new(PATTERNS.map(|(pattern, _)| pattern)).expect("the patterns are constants")
});

/// The class of a delivery's reason. Expressions run only where something went wrong.
pub fn classify(status: Status, dsn: Option<EnhancedStatus>, reason: &str) -> ReplyClass {
    if matches!(status, Status::Sent | Status::Unknown) {
        return ReplyClass::None;
    }
    let text = reason.get(..400).unwrap_or(reason);
    // RFC 3463: X.1.1 bad mailbox, X.2.2 mailbox full, X.3.4 too big. X.7.x can mean any policy.
    match dsn.map(|dsn| (dsn.subject, dsn.detail)) {
        Some((1, 1 | 10) | (2, 1)) => return ReplyClass::UnknownUser,
        Some((2, 2)) => return ReplyClass::MailboxFull,
        Some((3, 4)) => return ReplyClass::Size,
        _ => {}
    }
    let matches = SET.matches(text);
    let first = matches.iter().next();
    first.map_or(ReplyClass::Other, |index| PATTERNS[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dsn: &str, reason: &str, expected: ReplyClass) {
        let class = classify(Status::Deferred, EnhancedStatus::parse(dsn), reason);
        assert_eq!(class, expected, "{reason}");
    }

    #[test]
    fn reasons_are_told_apart() {
        check(
            "4.4.1",
            "delivery temporarily suspended: connect to mx2.example.net[2001:db8::1]:25: Network is unreachable",
            ReplyClass::Unreachable,
        );
        check(
            "4.4.3",
            "delivery temporarily suspended: Host or domain name not found. Name service error for name=example.net type=MX: Host not found, try again",
            ReplyClass::Dns,
        );
        check(
            "4.4.2",
            "conversation with mx1.example.net[192.0.2.8] timed out while receiving the initial server greeting",
            ReplyClass::Unreachable,
        );
        check(
            "4.7.0",
            "host mx.example.net[192.0.2.9] said: 421 4.7.0 Messages temporarily deferred due to unexpected volume or user complaints (in reply to MAIL FROM command)",
            ReplyClass::Rate,
        );
        check(
            "4.7.1",
            "host mx.example.net[192.0.2.9] said: 450 4.7.1 <a@example.net>: Recipient address rejected: Greylisted (in reply to RCPT TO command)",
            ReplyClass::Greylisted,
        );
        check("5.1.1", "anything", ReplyClass::UnknownUser);
        check(
            "5.7.1",
            "host mx.example.net[192.0.2.9] said: 554 5.7.1 Message rejected as spam",
            ReplyClass::Spam,
        );
        check("5.7.1", "something of its own", ReplyClass::Other);
    }

    #[test]
    fn numbers_of_the_tables_are_the_order_of_all() {
        for (number, class) in ReplyClass::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, number);
        }
        for (number, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(status as usize, number);
        }
    }
}

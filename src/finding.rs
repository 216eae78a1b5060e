//! A finding: a claim about this server, with the signals, numbers and lines that carry it.

use serde::{Serialize, Serializer};

use crate::mail::{LineRef, Timestamp};

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What an administrator should do about it. The order is the order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Not urgent.
    Low,
    /// Look today.
    Medium,
    /// Act now: one conclusive fact, or several independent ones.
    High,
    /// Act now: ongoing and large.
    Critical,
}

impl Level {
    /// The word of the records and of `--min-level`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Whom or what a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    pub kind: SubjectKind,
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    Account,
    Address,
    Domain,
    Client,
    Provider,
    Dnsbl,
    Host,
    Log,
}

impl SubjectKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Address => "address",
            Self::Domain => "domain",
            Self::Client => "client",
            Self::Provider => "provider",
            Self::Dnsbl => "dnsbl",
            Self::Host => "host",
            Self::Log => "log",
        }
    }
}

/// One reason to believe the claim. Weights are independent: see `detect::score`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Signal {
    pub name: &'static str,
    /// 0 to 1: how much this fact alone speaks for the claim.
    pub weight: f64,
    /// One sentence with its numbers.
    pub detail: String,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub facts: serde_json::Map<String, serde_json::Value>,
}

/// One reason to doubt it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mitigation {
    pub name: &'static str,
    /// 0 to 1: the share of the score that this fact takes away.
    pub weight: f64,
    pub detail: String,
}

/// Stands in an action's command for the logs of the run, which detectors do not know.
pub const LOGS: &str = "{logs}";

/// Stands in an action's command for the id of its own finding, which `incident` gives.
pub const FINDING: &str = "{finding}";

/// What to do, as a command to copy, and what it is good for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    pub why: String,
    pub command: String,
}

/// The numbers of a finding; a field is `None` where it makes no sense. `messages` are submissions,
/// `deliveries` are recipient times submission, by their last known status.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(default)]
pub struct Counts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliveries: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deferred: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounced: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ips: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub countries: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope_senders: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub providers: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounces_received: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounces_generated: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_failures: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logins: Option<u64>,
}

/// An address from which the subject was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientSeen {
    pub ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_name: Option<String>,
    pub messages: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

/// Where the mail went, and what became of it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderSeen {
    pub provider: String,
    /// Distinct recipient addresses.
    pub recipients: u64,
    pub sent: u64,
    pub deferred: u64,
    pub bounced: u64,
}

/// A line that proves it. Detectors give `at`; the text is read again from the log before rendering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    #[serde(skip)]
    pub at: LineRef,
    pub file: String,
    pub line: u32,
    pub timestamp: Timestamp,
    /// `None`: the file could not be read a second time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Evidence {
    /// A line to be quoted; its file name and text are filled in later.
    pub fn at(at: LineRef, timestamp: Timestamp) -> Self {
        Self {
            at,
            file: String::new(),
            line: at.line,
            timestamp,
            text: None,
        }
    }
}

/// A claim with its evidence. The shape of the JSON is the contract's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The same for tomorrow's run over the same lines.
    pub id: String,
    pub detector: &'static str,
    pub level: Level,
    /// 0 to 1, monotone in `level`.
    pub score: f64,
    pub subject: Subject,
    pub title: String,
    /// One sentence that a person can act on, numbers included.
    pub summary: String,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// Of the incident alone.
    pub counts: Counts,
    /// Of the whole subject in the period, the owner's own mail included.
    pub totals: Counts,
    pub signals: Vec<Signal>,
    pub mitigations: Vec<Mitigation>,
    pub clients: Vec<ClientSeen>,
    pub providers: Vec<ProviderSeen>,
    pub queue_ids: Vec<String>,
    pub still_queued: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<String>,
    pub evidence: Vec<Evidence>,
    pub actions: Vec<Action>,
    /// What the log does not tell, and what would speak against the claim.
    pub uncertain: Vec<String>,
}

/// Quotes a text as one word of a shell: a login name is whatever a client claims.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-/".contains(c);
    let is_option = text.starts_with('-') && text != "-";
    if !text.is_empty() && !is_option && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_one_word() {
        assert_eq!(shell_word("ann@example.com"), "ann@example.com");
        assert_eq!(shell_word("-rf"), "'-rf'");
        assert_eq!(shell_word("a';reboot;'"), r"'a'\'';reboot;'\'''");
        assert_eq!(shell_word(""), "''");
    }
}

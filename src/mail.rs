//! The nouns of a mail log, as lines name them: queue ID, address, client, relay, status, time, line.

use std::fmt;

/// A Postfix queue ID as logged: 6 or more hexadecimal digits, or 10 or more base-52 characters
/// with `enable_long_queue_ids = yes`. Unique on one host and instance only while its message lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct QueueId<'a>(pub &'a str);

/// An envelope address as logged, without its angle brackets. Empty: the null sender (RFC 5321, 4.5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Address<'a>(pub &'a str);

impl<'a> Address<'a> {
    /// The part after the last `@`, without a trailing dot. `None` for a bare name and the null sender.
    pub fn domain(self) -> Option<&'a str> {
        let (_, domain) = self.0.rsplit_once('@')?;
        let domain = domain.trim_end_matches('.');
        (!domain.is_empty()).then_some(domain)
    }

    /// The part before the last `@`, or everything when there is none.
    pub fn local_part(self) -> &'a str {
        self.0.rsplit_once('@').map_or(self.0, |(local, _)| local)
    }

    /// True for `<>`, the sender of notifications.
    pub fn is_null(self) -> bool {
        self.0.is_empty()
    }
}

/// Who connected: `name[ip]:port`. `unknown` stands in the log for what is not known, and is left out here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Client<'a> {
    pub name: Option<&'a str>,
    /// As logged; mostly an IP address, but administrators mask it (`203.0.xxx.xxx`).
    pub ip: Option<&'a str>,
    pub port: Option<u16>,
}

/// Where a delivery went: `name[ip]:port`, `local`, `virtual`, `host[private/lmtp]`. All empty for `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relay<'a> {
    pub name: Option<&'a str>,
    pub ip: Option<&'a str>,
    pub port: Option<u16>,
}

impl Relay<'_> {
    /// True when the relay is this host itself: a content filter or a local mailbox server.
    pub fn is_loopback(&self) -> bool {
        match self.ip {
            Some(ip) => ip.starts_with("127.") || ip == "::1",
            None => self.name.is_some(),
        }
    }
}

/// An enhanced status code, `class.subject.detail` (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnhancedStatus {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    pub class: u8,
    pub subject: u16,
    pub detail: u16,
}

impl EnhancedStatus {
    /// Reads `4.7.1`; anything else gives `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut numbers, mut part, mut has_digit) = ([0u16; 3], 0, false);
        for byte in text.bytes() {
            match byte {
                b'0'..=b'9' => {
                    numbers[part] = numbers[part] * 10 + u16::from(byte - b'0');
                    if numbers[part] > 999 {
                        return None;
                    }
                    has_digit = true;
                }
                b'.' if has_digit && part < 2 => {
                    part += 1;
                    has_digit = false;
                }
                _ => return None,
            }
        }
        let [class, subject, detail] = numbers;
        let is_known = part == 2 && has_digit && matches!(class, 2 | 4 | 5);
        is_known.then_some(Self {
            class: u8::try_from(class).ok()?,
            subject,
            detail,
        })
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What became of one recipient, by its last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Status {
    /// No line told.
    #[default]
    Unknown,
    Sent,
    Deferred,
    Bounced,
    /// Given up after `maximal_queue_lifetime`, or by `postsuper -e`.
    Expired,
}

impl Status {
    /// All of them, in the order of their numbers in the tables.
    pub const ALL: [Self; 5] = [
        Self::Unknown,
        Self::Sent,
        Self::Deferred,
        Self::Bounced,
        Self::Expired,
    ];

    /// Reads the word after `status=`. `deliverable` and `undeliverable` (address probes) are `Unknown`:
    /// nothing was delivered.
    pub fn from_log(word: &str) -> Self {
        match word {
            "sent" => Self::Sent,
            "deferred" | "SOFTBOUNCE" => Self::Deferred,
            "bounced" => Self::Bounced,
            "expired" | "force-expired" => Self::Expired,
            _ => Self::Unknown,
        }
    }

    /// The word of the records: Postfix's own.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Bounced => "bounced",
            Self::Expired => "expired",
        }
    }
}

/// A line of a log: `file` is an index into the sources of this run, `line` counts from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LineRef {
    pub file: u32,
    pub line: u32,
}

/// A moment, with the offset and the precision with which the log wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub micros: i64,
    /// Minutes east of UTC, for showing the time as the log's reader knows it.
    pub offset_minutes: i16,
    /// Digits of the fraction of a second in the log: 0, 3, 6 …, at most 6 are kept.
    pub digits: u8,
}

impl Timestamp {
    /// Whole seconds since the epoch.
    pub fn seconds(self) -> i64 {
        self.micros.div_euclid(1_000_000)
    }

    /// `2024-11-19 22:00:00`, in the log's own offset, for people.
    pub fn for_people(self) -> String {
        self.to_local().format("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn to_local(self) -> chrono::NaiveDateTime {
        let micros = self.micros + i64::from(self.offset_minutes) * 60_000_000;
        chrono::DateTime::from_timestamp_micros(micros)
            .unwrap_or_default()
            .naive_utc()
    }
}

/// RFC 3339 with an offset: `2024-11-19T22:00:00.123456+01:00`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.to_local();
        write!(f, "{}", local.format("%Y-%m-%dT%H:%M:%S"))?;
        let fraction = local.and_utc().timestamp_subsec_micros();
        match self.digits.min(6) {
            0 => {}
            n => {
                let scaled = fraction / 10u32.pow(6 - u32::from(n));
                write!(f, ".{scaled:0width$}", width = usize::from(n))?;
            }
        }
        match self.offset_minutes {
            0 => write!(f, "Z"),
            minutes => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_keeps_offset_and_precision() {
        let shown = |micros, offset_minutes, digits| {
            Timestamp {
                micros,
                offset_minutes,
                digits,
            }
            .to_string()
        };
        let micros = 1_676_899_244_573_590;
        assert_eq!(shown(micros, 330, 6), "2023-02-20T18:50:44.573590+05:30");
        assert_eq!(shown(micros, -90, 3), "2023-02-20T11:50:44.573-01:30");
        assert_eq!(shown(micros, 0, 0), "2023-02-20T13:20:44Z");
    }

    #[test]
    fn address_parts_are_split_at_the_last_at() {
        let address = Address("\"a@b\"@example.com.");
        assert_eq!(address.domain(), Some("example.com"));
        assert_eq!(address.local_part(), "\"a@b\"");
        assert_eq!(Address("root").domain(), None);
    }

    #[test]
    fn enhanced_status_is_strict() {
        let status = EnhancedStatus::parse("4.7.1").map(|s| s.to_string());
        assert_eq!(status.as_deref(), Some("4.7.1"));
        assert_eq!(EnhancedStatus::parse("3.7.1"), None);
        assert_eq!(EnhancedStatus::parse("4.7"), None);
        assert_eq!(EnhancedStatus::parse("4.7."), None);
        assert_eq!(EnhancedStatus::parse("4.1000.1"), None);
        assert_eq!(EnhancedStatus::parse("4.7.1.1"), None);
    }
}

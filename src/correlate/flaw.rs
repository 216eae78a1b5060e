//! Histories that cannot be: the log covers the time, and yet a line that Postfix always writes is not there.

use super::message::{Ending, Message, OriginKind};
use super::strings::Strings;
use crate::mail::{Address, Timestamp};
use crate::syslog::queue_id_micros;

/// `maximal_queue_lifetime`: a message of which nothing is known may have waited so long (postconf(5)).
const LIFETIME_MICROS: i64 = 5 * 86_400 * 1_000_000;
/// Slow daemons and the rounding of stamps (L15).
const MARGIN_MICROS: i64 = 60 * 1_000_000;

/// What is missing from a message's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flaw {
    /// It arrived while the log was written, and no line tells how it came in.
    NeverEntered,
    /// It came in and was delivered, and the queue manager never saw it.
    NeverQueued,
    /// The queue manager is done with it, and no line tells of any recipient.
    NeverDelivered,
}

impl Flaw {
    /// The word of the records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverEntered => "never_entered",
            Self::NeverQueued => "never_queued",
            Self::NeverDelivered => "never_delivered",
        }
    }
}

impl Message {
    /// When it arrived, as its first delivery's delay tells: `delay=161913` puts the arrival so many seconds
    /// before its line.
    pub fn arrival(&self) -> Option<Timestamp> {
        let attempts = self.recipients.iter();
        let arrivals = attempts.filter_map(|r| Some((r.last_attempt, r.delay?)));
        let (seen, delay) = arrivals.min_by_key(|(seen, _)| *seen)?;
        Some(Timestamp {
            micros: seen.micros - (delay * 1e6) as i64,
            digits: 0,
            ..seen
        })
    }

    /// The earliest moment at which it can have arrived, by all that the log tells.
    pub fn earliest_arrival_micros(&self) -> i64 {
        let told = queue_id_micros(&self.queue_id).or(self.arrival().map(|moment| moment.micros));
        told.unwrap_or(self.first_seen.micros - LIFETIME_MICROS)
    }

    /// Why its history cannot be, if it cannot. What came of another message has no line that tells how it came
    /// in, nor has what Postfix itself sends.
    pub fn flaw(&self, has_parent: bool, strings: &Strings) -> Option<Flaw> {
        if !is_postfix_id(&self.queue_id) {
            return None;
        }
        let was_tried = !self.recipients.is_empty();
        match self.origin.kind {
            OriginKind::Unknown => {
                let is_covered =
                    self.earliest_arrival_micros() - MARGIN_MICROS > self.log_began_micros;
                let was_queued = self.queued_line.is_some() || was_tried;
                let is_flawed = is_covered && was_queued && !has_parent && !self.is_own(strings);
                is_flawed.then_some(Flaw::NeverEntered)
            }
            OriginKind::Smtpd | OriginKind::Pickup if was_tried => {
                self.queued_line.is_none().then_some(Flaw::NeverQueued)
            }
            OriginKind::Smtpd | OriginKind::Pickup => {
                let is_done = self.ending == Ending::Removed && self.nrcpt > Some(0);
                is_done.then_some(Flaw::NeverDelivered)
            }
            OriginKind::Bounce | OriginKind::Forward | OriginKind::Reinjected => None,
        }
    }

    /// Notifications, and what smtpd(8) and verify(8) send as `double-bounce`.
    fn is_own(&self, strings: &Strings) -> bool {
        let from = self.from.map(|from| Address(strings.get(from)));
        from.is_some_and(|from| from.is_null() || from.local_part() == "double-bounce")
    }
}

/// Upper case hexadecimal digits, or a long ID: other servers' queue IDs look otherwise, and so do their histories.
fn is_postfix_id(queue_id: &str) -> bool {
    let is_short = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
    queue_id.bytes().all(is_short) || queue_id_micros(queue_id).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_ids_of_postfix_are_known_by_their_letters() {
        for id in ["3FF7C4317", "72E482C0568", "4PL3j0443nz30Ms"] {
            assert!(is_postfix_id(id), "{id}");
        }
        for id in ["1rkUaQ-0003Ab-2C", "u9ADk3cA012345", "7e3c1a2b9d4f5e60"] {
            assert!(!is_postfix_id(id), "{id}");
        }
    }
}

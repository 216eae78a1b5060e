//! Moments in UTC that a log proves by itself: long queue IDs, and message-ids that cleanup(8) made.

use super::dates::{date_of_days, days_of_date};
use super::header::Header;
use super::timestamp::LocalTime;

/// Programs that log as a message arrives, and how these lines begin behind the queue ID.
const ARRIVALS: [(&str, &str); 3] = [
    ("/smtpd", "client="),
    ("/cleanup", "message-id="),
    ("/pickup", "uid="),
];
const MAX_QUEUE_ID_BYTES: usize = 40;
/// A proof and its line are this close, whatever the zone: UTC-12 to UTC+14, and a slow daemon.
const MAX_ZONE_SECONDS: i64 = 15 * 3600;
/// A message that is this old when a line speaks of it still tells the line's year.
const MAX_DELAY_SECONDS: i64 = 86400;
/// Queue IDs before the first release of Postfix prove nothing.
const POSTFIX_EPOCH: i64 = 900_000_000;

/// A moment that a line proves, beside the wall clock's time that it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) kind: ProofKind,
    /// Seconds since the epoch.
    pub(super) utc: i64,
    /// The queue ID or message-id.
    pub(super) id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ProofKind {
    QueueId,
    MessageId,
    /// Of a line that came some time after the message: it tells the year, but no offset.
    Late,
}

impl ProofKind {
    pub(super) fn tells_offset(self) -> bool {
        match self {
            Self::QueueId | Self::MessageId => true,
            Self::Late => false,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::QueueId | Self::Late => "queue ID",
            Self::MessageId => "message-id",
        }
    }
}

/// The microseconds since the epoch at which a message with this long queue ID arrived.
pub fn queue_id_micros(queue_id: &str) -> Option<i64> {
    let bytes = queue_id.as_bytes();
    // The inode behind the `z` is written in base 51, without it.
    let z = bytes.iter().rposition(|&b| b == b'z')?;
    let seconds = bytes.get(..z.checked_sub(4)?)?;
    if seconds.len() < 6 || seconds.len() > 8 || z + 1 == bytes.len() || bytes.len() > 40 {
        return None;
    }
    let is_known = bytes
        .get(z + 1..)?
        .iter()
        .all(|&b| base52_digit(b).is_some());
    let seconds = base52(seconds).filter(|_| is_known)?;
    let micros = base52(bytes.get(z - 4..z)?).filter(|&m| m < 1_000_000)?;
    let is_plausible = (POSTFIX_EPOCH..10 * POSTFIX_EPOCH).contains(&seconds);
    is_plausible.then(|| seconds * 1_000_000 + micros)
}

fn base52(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |value, &b| Some(value * 52 + base52_digit(b)?))
}

/// Digits and letters without vowels.
fn base52_digit(byte: u8) -> Option<i64> {
    const DIGITS: &[u8; 52] = b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    DIGITS.iter().position(|&d| d == byte).map(|at| at as i64)
}

/// The moment that a line proves, by position only: the text after the queue ID may be a stranger's.
pub(super) fn proof(header: &Header<'_>) -> Option<Proof> {
    // Only the end of the program counts: `submission/smtpd` and user-named services end in a daemon's name.
    let (_, arrival) = ARRIVALS
        .iter()
        .find(|(end, _)| header.program.ends_with(end))?;
    let (queue_id, rest) = split_queue_id(header.text)?;
    if !rest.starts_with(arrival) {
        return None;
    }
    if let Some(micros) = queue_id_micros(queue_id) {
        return Some(Proof::new(
            ProofKind::QueueId,
            micros.div_euclid(1_000_000),
            queue_id,
        ));
    }
    let message_id = rest.strip_prefix("message-id=<")?;
    let (stamp, behind) = message_id.split_once('.')?;
    let (own, _) = behind.split_once('@')?;
    (own == queue_id).then_some(())?;
    let id = format!("{stamp}.{own}");
    Some(Proof::new(ProofKind::MessageId, compact_time(stamp)?, &id))
}

/// The arrival of a message that any line of Postfix is about, as far as its queue ID tells.
pub(super) fn late_proof(header: &Header<'_>) -> Option<Proof> {
    let (_, service) = header.program.rsplit_once('/')?;
    let is_known = matches!(
        service,
        "qmgr"
            | "smtp"
            | "lmtp"
            | "local"
            | "virtual"
            | "pipe"
            | "error"
            | "bounce"
            | "smtpd"
            | "cleanup"
    );
    let (queue_id, _) = split_queue_id(header.text).filter(|_| is_known)?;
    let micros = queue_id_micros(queue_id)?;
    Some(Proof::new(
        ProofKind::Late,
        micros.div_euclid(1_000_000),
        queue_id,
    ))
}

fn split_queue_id(text: &str) -> Option<(&str, &str)> {
    let end = text
        .bytes()
        .take(MAX_QUEUE_ID_BYTES)
        .position(|b| b == b':')?;
    let (queue_id, rest) = text.split_at_checked(end)?;
    Some((queue_id, rest.strip_prefix(": ")?))
}

/// Reads `20241119030000`.
fn compact_time(stamp: &str) -> Option<i64> {
    if stamp.len() != 14 || !stamp.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| stamp.get(from..to)?.parse::<i64>().ok();
    let (month, day) = (number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    let is_time = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    if !is_time || second > 60 {
        return None;
    }
    let year = i32::try_from(number(0, 4)?).ok()?;
    let days = days_of_date(year, month as u8, day as u8);
    let utc = days * 86400 + hour * 3600 + minute * 60 + second;
    (utc > POSTFIX_EPOCH).then_some(utc)
}

impl Proof {
    fn new(kind: ProofKind, utc: i64, id: &str) -> Self {
        Self {
            kind,
            utc,
            id: id.to_owned(),
        }
    }

    /// The year of the wall clock's time, and its offset in minutes, rounded to 15.
    /// `None` when the two are too far apart for any zone.
    pub(super) fn year_and_offset(&self, time: &LocalTime) -> Option<(i32, i16)> {
        let (year, _, _) = date_of_days(self.utc.div_euclid(86400));
        [year, year - 1, year + 1].into_iter().find_map(|year| {
            if time.year.is_some_and(|known| known != year) {
                return None;
            }
            let days = days_of_date(year, time.month, time.day);
            let ahead = days * 86400 + i64::from(time.second) - self.utc;
            let delay = match self.kind {
                ProofKind::QueueId | ProofKind::MessageId => 0,
                ProofKind::Late => MAX_DELAY_SECONDS,
            };
            if !(-MAX_ZONE_SECONDS..=MAX_ZONE_SECONDS + delay).contains(&ahead) {
                return None;
            }
            let quarters = (ahead + 450).div_euclid(900);
            Some((year, i16::try_from(quarters * 15).ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syslog::{Stamp, header};

    #[test]
    fn a_long_queue_id_holds_its_arrival() {
        // 2023-02-20T13:50:44.573445Z
        assert_eq!(
            queue_id_micros("4PL3j0443nz30Ms"),
            Some(1_676_901_044_573_445)
        );
        assert_eq!(queue_id_micros("1D5A3A2831D"), None);
        assert_eq!(queue_id_micros("4PL3j0443nz"), None);
        assert_eq!(queue_id_micros("0000000000z30Ms"), None);
        assert_eq!(queue_id_micros("4PL3j0443nz30As"), None);
        assert_eq!(queue_id_micros("zzzz"), None);
        assert_eq!(queue_id_micros("zzzzzzzz0000z1"), None);
        assert_eq!(queue_id_micros(""), None);
    }

    /// Year and offset in minutes that a line proves.
    fn check(line: &str, expected: Option<(i32, i16)>) {
        let header = header(line);
        let Stamp::Local(time) = header.stamp else {
            panic!("{line}");
        };
        let found = proof(&header).and_then(|proof| proof.year_and_offset(&time));
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn lines_prove_their_year_and_offset() {
        let client = "4PL3j0443nz30Ms: client=a[192.0.2.1]";
        check(
            &format!("Feb 20 19:20:44 mx postfix/smtpd[1]: {client}"),
            Some((2023, 330)),
        );
        check(
            &format!("Feb 20 13:50:45 mx postfix/submission/smtpd[1]: {client}"),
            Some((2023, 0)),
        );
        check(
            &format!("Feb 20 10:50:45 mx out/smtpd[1]: {client}"),
            Some((2023, -180)),
        );
        check(
            &format!("Feb 22 13:50:45 mx postfix/smtpd[1]: {client}"),
            None,
        );
        check(&format!("Feb 20 13:50:45 mx sshd[1]: {client}"), None);
        check(
            "Feb 20 13:50:45 mx postfix/qmgr[1]: 4PL3j0443nz30Ms: from=<a@b>",
            None,
        );
        check(
            "Feb 20 13:50:45 mx postfix/smtpd[1]: warning: 4PL3j0443nz30Ms: client=",
            None,
        );
        let made = "1D5A3A2831D: message-id=<20241231230000.1D5A3A2831D@srv1.example>";
        check(
            &format!("Jan  1 00:00:01 srv1 postfix/cleanup[1]: {made}"),
            Some((2025, 60)),
        );
        let foreign = "1D5A3A2831D: message-id=<20241119030000.AD5A3A2831D@srv1.example>";
        check(
            &format!("Nov 19 04:00:00 srv1 postfix/cleanup[1]: {foreign}"),
            None,
        );
        let broken = "1D5A3A2831D: message-id=<20241319030000.1D5A3A2831D@srv1.example>";
        check(
            &format!("Nov 19 04:00:00 srv1 postfix/cleanup[1]: {broken}"),
            None,
        );
    }
}

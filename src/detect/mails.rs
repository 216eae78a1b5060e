//! Rows of the tables of messages and deliveries as plain structs, for detectors that look at all mail.

use anyhow::Result;
use hashbrown::{HashMap, HashSet};

use super::rows::{line_of, moment_of};
use crate::correlate::Symbol;
use crate::finding::Counts;
use crate::knowledge::replies::ReplyClass;
use crate::mail::{LineRef, Status, Timestamp};
use crate::tables::{Tables, columns};

/// A queue ID's life.
#[derive(Debug, Clone)]
pub(super) struct MailSeen {
    pub(super) host: Option<Symbol>,
    pub(super) queue_id: String,
    pub(super) seen: Timestamp,
    /// [`crate::correlate::OriginKind`] as a number.
    pub(super) origin: u32,
    pub(super) client_ip: Option<Symbol>,
    pub(super) sasl_username: Option<Symbol>,
    pub(super) from: Option<Symbol>,
    pub(super) still_queued: bool,
    pub(super) line: LineRef,
}

/// The messages that are wanted, by number.
pub(super) fn read(
    tables: &Tables,
    mut is_wanted: impl FnMut(u32, &MailKey) -> bool,
) -> Result<HashMap<u32, MailSeen>> {
    let table = &tables.messages;
    let symbol = |cell: Option<u32>| cell.and_then(Symbol::from_u32);
    let numbers = table.column(columns::MESSAGE)?.u32()?;
    let hosts = table.column(columns::HOST)?.u32()?;
    let queue_ids = table.column(columns::QUEUE_ID)?.str()?;
    let moments = moment_of(table, columns::FIRST_SEEN)?;
    let origins = table.column(columns::ORIGIN)?.u32()?;
    let clients = table.column(columns::CLIENT_IP)?.u32()?;
    let logins = table.column(columns::SASL_USERNAME)?.u32()?;
    let from = table.column(columns::FROM)?.u32()?;
    let accepted = table.column(columns::ACCEPTED)?.bool()?;
    let waiting = table.column(columns::STILL_QUEUED)?.bool()?;
    let lines = line_of(table)?;
    let mut found = HashMap::new();
    for row in 0..table.height() {
        let number = numbers.get(row).unwrap_or(0);
        let key = MailKey {
            origin: origins.get(row).unwrap_or(0),
            from: symbol(from.get(row)),
        };
        if accepted.get(row) != Some(true) || !is_wanted(number, &key) {
            continue;
        }
        let mail = MailSeen {
            host: symbol(hosts.get(row)),
            queue_id: queue_ids.get(row).unwrap_or_default().to_owned(),
            seen: moments(row),
            origin: key.origin,
            client_ip: symbol(clients.get(row)),
            sasl_username: symbol(logins.get(row)),
            from: key.from,
            still_queued: waiting.get(row) == Some(true),
            line: lines(row),
        };
        found.insert(number, mail);
    }
    Ok(found)
}

/// What is known of a message before it is read.
pub(super) struct MailKey {
    pub(super) origin: u32,
    pub(super) from: Option<Symbol>,
}

/// A recipient where the mail's way on this host ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) message: u32,
    pub(super) submission: u32,
    pub(super) to: Symbol,
    /// `None` for a mailbox on this host.
    pub(super) provider: Option<Symbol>,
    pub(super) status: Status,
    pub(super) reply: ReplyClass,
    pub(super) is_local: bool,
    pub(super) last_attempt_micros: i64,
    pub(super) line: LineRef,
}

/// The recipients that are wanted, in the order of their messages.
pub(super) fn ended(
    tables: &Tables,
    mut is_wanted: impl FnMut(&Ended) -> bool,
) -> Result<Vec<Ended>> {
    let table = &tables.deliveries;
    let messages = table.column(columns::MESSAGE)?.u32()?;
    let roots = table.column(columns::SUBMISSION)?.u32()?;
    let to = table.column(columns::TO)?.u32()?;
    let providers = table.column(columns::PROVIDER)?.u32()?;
    let statuses = table.column(columns::STATUS)?.u32()?;
    let replies = table.column(columns::REPLY)?.u32()?;
    let local = table.column(columns::IS_LOCAL)?.bool()?;
    let last_attempts = table.column(columns::LAST_ATTEMPT)?.i64()?;
    let lines = line_of(table)?;
    let mut found = Vec::new();
    for row in 0..table.height() {
        let Some(to) = to.get(row).and_then(Symbol::from_u32) else {
            continue;
        };
        let ended = Ended {
            message: messages.get(row).unwrap_or(0),
            submission: roots.get(row).unwrap_or(0),
            to,
            provider: providers.get(row).and_then(Symbol::from_u32),
            status: Status::ALL[statuses.get(row).unwrap_or(0) as usize],
            reply: ReplyClass::ALL[replies.get(row).unwrap_or(0) as usize],
            is_local: local.get(row) == Some(true),
            last_attempt_micros: last_attempts.get(row).unwrap_or(0),
            line: lines(row),
        };
        if is_wanted(&ended) {
            found.push(ended);
        }
    }
    Ok(found)
}

/// Numbers of recipients by their last status.
pub(super) fn counts<'a>(recipients: impl Iterator<Item = &'a Ended> + Clone) -> Counts {
    let with = |status: Status| {
        let found = recipients.clone().filter(|ended| ended.status == status);
        Some(found.count() as u64)
    };
    let messages: HashSet<u32> = recipients.clone().map(|ended| ended.submission).collect();
    let to: HashSet<Symbol> = recipients.clone().map(|ended| ended.to).collect();
    Counts {
        messages: Some(messages.len() as u64),
        recipients: Some(to.len() as u64),
        deliveries: Some(recipients.clone().count() as u64),
        sent: with(Status::Sent),
        deferred: with(Status::Deferred),
        bounced: with(Status::Bounced),
        expired: with(Status::Expired),
        unknown: with(Status::Unknown),
        ..Counts::default()
    }
}

/// The most of these moments within any 24 hours.
pub(super) fn peak_per_day(micros: impl Iterator<Item = i64>) -> usize {
    const DAY_MICROS: i64 = 24 * 3_600_000_000;
    let mut micros: Vec<i64> = micros.collect();
    micros.sort_unstable();
    let mut start = 0;
    let mut most = 0;
    for (index, moment) in micros.iter().enumerate() {
        while micros[start] < moment - DAY_MICROS {
            start += 1;
        }
        most = most.max(index + 1 - start);
    }
    most
}

//! What still waits in the queue, as far as the log tells: the rows behind `mailsleuth queue`.

use anyhow::Result;
use hashbrown::HashMap;
use polars::prelude::*;

use super::{Tables, columns};
use crate::correlate::Symbol;
use crate::knowledge::replies::ReplyClass;
use crate::mail::{LineRef, Status, Timestamp};

/// A queue ID without an end.
#[derive(Debug, Clone)]
pub struct StillQueued<'a> {
    pub queue_id: &'a str,
    pub host: &'a str,
    /// Of the submission, before filters and aliases.
    pub sasl_username: Option<&'a str>,
    pub client_ip: Option<&'a str>,
    pub from: Option<&'a str>,
    /// Bytes.
    pub size: Option<u64>,
    pub first_seen: Timestamp,
    /// The line that tells its beginning.
    pub at: LineRef,
    /// Recipients that were tried and put off.
    pub recipients: Vec<PutOff<'a>>,
    /// Recipients that no line names.
    pub n_untold: u32,
}

/// A recipient that waits for another try.
#[derive(Debug, Clone)]
pub struct PutOff<'a> {
    pub to: &'a str,
    pub provider: Option<&'a str>,
    pub reply: ReplyClass,
    pub attempts: u32,
    pub last_attempt_micros: i64,
}

/// The messages that wait at the log's end, in log order.
///
/// # Errors
/// When a table lacks a column, which is a fault of this program.
pub fn waiting(tables: &Tables) -> Result<Vec<StillQueued<'_>>> {
    let messages = &tables.messages;
    let clients = clients(tables)?;
    let mut put_off = put_off(tables)?;
    let numbers = |name| -> Result<&UInt32Chunked> { Ok(messages.column(name)?.u32()?) };
    let own = numbers(columns::MESSAGE)?;
    let roots = numbers(columns::SUBMISSION)?;
    let (hosts, logins) = (numbers(columns::HOST)?, numbers(columns::SASL_USERNAME)?);
    let (senders, untold) = (numbers(columns::FROM)?, numbers(columns::UNTOLD)?);
    let (files, lines) = (numbers(columns::FILE)?, numbers(columns::LINE)?);
    let digits = numbers(columns::DIGITS)?;
    let offsets = messages.column(columns::OFFSET_MINUTES)?.i32()?;
    let first_seen = messages.column(columns::FIRST_SEEN)?.i64()?;
    let sizes = messages.column(columns::SIZE)?.i64()?;
    let queue_ids = messages.column(columns::QUEUE_ID)?.str()?;
    let waits = messages.column(columns::STILL_QUEUED)?.bool()?;
    let text = |cell: Option<u32>| {
        let symbol = cell.and_then(Symbol::from_u32);
        symbol.map(|symbol| tables.strings.get(symbol))
    };
    let still_queued = |row: usize| StillQueued {
        queue_id: queue_ids.get(row).unwrap_or_default(),
        host: tables.strings.cell(hosts.get(row)),
        sasl_username: text(logins.get(row)),
        client_ip: text(roots.get(row).and_then(|root| clients.get(&root).copied())),
        from: text(senders.get(row)),
        size: sizes
            .get(row)
            .and_then(|size| u64::try_from(size).ok())
            .filter(|size| *size > 0),
        first_seen: Timestamp {
            micros: first_seen.get(row).unwrap_or(0),
            offset_minutes: offsets
                .get(row)
                .and_then(|o| o.try_into().ok())
                .unwrap_or(0),
            digits: digits.get(row).and_then(|d| d.try_into().ok()).unwrap_or(0),
        },
        at: LineRef {
            file: files.get(row).unwrap_or(0),
            line: lines.get(row).unwrap_or(0),
        },
        recipients: own
            .get(row)
            .and_then(|own| put_off.remove(&own))
            .unwrap_or_default(),
        n_untold: untold.get(row).unwrap_or(0),
    };
    let rows = (0..messages.height()).filter(|row| waits.get(*row) == Some(true));
    Ok(rows.map(still_queued).collect())
}

/// The client of each message that has one.
fn clients(tables: &Tables) -> Result<HashMap<u32, u32>> {
    let numbers = tables.messages.column(columns::MESSAGE)?.u32()?;
    let clients = tables.messages.column(columns::CLIENT_IP)?.u32()?;
    let pairs = numbers.iter().zip(clients.iter());
    Ok(pairs
        .filter_map(|(number, client)| Some((number?, client?)))
        .collect())
}

/// By message: the recipients whose last try put them off.
fn put_off(tables: &Tables) -> Result<HashMap<u32, Vec<PutOff<'_>>>> {
    let deferred = col(columns::STATUS).eq(lit(Status::Deferred as u32));
    let table = tables
        .deliveries
        .clone()
        .lazy()
        .filter(deferred)
        .collect()?;
    let numbers = |name| -> Result<&UInt32Chunked> { Ok(table.column(name)?.u32()?) };
    let messages = numbers(columns::MESSAGE)?;
    let (to, providers) = (numbers(columns::TO)?, numbers(columns::PROVIDER)?);
    let (replies, attempts) = (numbers(columns::REPLY)?, numbers(columns::ATTEMPTS)?);
    let last_attempts = table.column(columns::LAST_ATTEMPT)?.i64()?;
    let mut by_message: HashMap<u32, Vec<PutOff<'_>>> = HashMap::new();
    for row in 0..table.height() {
        let provider = providers.get(row).and_then(Symbol::from_u32);
        by_message
            .entry(messages.get(row).unwrap_or(0))
            .or_default()
            .push(PutOff {
                to: tables.strings.cell(to.get(row)),
                provider: provider.map(|provider| tables.strings.get(provider)),
                reply: ReplyClass::ALL[replies.get(row).unwrap_or(0) as usize],
                attempts: attempts.get(row).unwrap_or(0),
                last_attempt_micros: last_attempts.get(row).unwrap_or(0),
            });
    }
    Ok(by_message)
}

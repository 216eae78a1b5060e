//! The table of messages, one row for each queue ID's life.

use anyhow::Result;
use polars::prelude::*;

use super::{columns, flags, numbers, symbols, wide_numbers};
use crate::correlate::{Lineage, Message, Origin, Relation, Symbol};
use crate::mail::{LineRef, Timestamp};

/// A row, as small as it can be: there are as many as messages.
struct Row {
    number: u32,
    host: Symbol,
    queue_id: Box<str>,
    first_seen: Timestamp,
    last_seen_micros: i64,
    origin: Origin,
    first_line: LineRef,
    queued_line: Option<LineRef>,
    from: Option<Symbol>,
    size: Option<u64>,
    n_untold: u32,
    n_bounces: u32,
    accepted: bool,
    still_queued: bool,
}

#[derive(Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    /// Who logged in for a message, also for those outside the period: their children may be inside.
    accounts: Vec<(u32, Symbol)>,
}

impl Rows {
    pub(super) fn note_number(&mut self, message: &Message) {
        if let Some(account) = message.origin.sasl_username {
            self.accounts.push((message.number, account));
        }
    }

    pub(super) fn push(&mut self, message: &Message) {
        self.rows.push(Row {
            number: message.number,
            host: message.host,
            queue_id: message.queue_id.clone(),
            first_seen: message.first_seen,
            last_seen_micros: message.last_seen.micros,
            origin: message.origin,
            first_line: message.first_line,
            queued_line: message.queued_line,
            from: message.from,
            size: message.size,
            n_untold: message.n_untold(),
            n_bounces: message.n_bounces,
            accepted: message.was_accepted(),
            still_queued: message.is_still_queued(),
        });
    }

    /// By message number: the login with which it was handed in, if any.
    pub(super) fn accounts(&self, n_messages: u32) -> Vec<Option<Symbol>> {
        let mut accounts = vec![None; n_messages as usize];
        for (number, account) in &self.accounts {
            accounts[*number as usize] = Some(*account);
        }
        accounts
    }

    pub(super) fn finish(
        mut self,
        lineage: &Lineage,
        accounts: &[Option<Symbol>],
    ) -> Result<DataFrame> {
        self.rows.sort_unstable_by_key(|row| row.number);
        let rows = &self.rows;
        let each = || rows.iter();
        let submission = |row: &Row| lineage.submission(row.number);
        let account = |row: &Row| accounts[submission(row) as usize];
        let bounced_account = |row: &Row| match lineage.parent(row.number) {
            Some((parent, Relation::Bounce)) => accounts[lineage.submission(parent) as usize],
            _ => None,
        };
        let line = |row: &Row| row.origin.line.unwrap_or(row.first_line);
        let queued = |row: &Row| row.queued_line.unwrap_or_else(|| line(row));
        let queue_ids: Vec<&str> = each().map(|row| &*row.queue_id).collect();
        let sizes = each().map(|row| i64::try_from(row.size.unwrap_or(0)).unwrap_or(i64::MAX));
        let offsets: Vec<i32> = each()
            .map(|row| i32::from(row.first_seen.offset_minutes))
            .collect();
        let table = DataFrame::new(
            rows.len(),
            vec![
                numbers(columns::MESSAGE, each().map(|row| row.number)),
                numbers(columns::SUBMISSION, each().map(submission)),
                symbols(columns::HOST, each().map(|row| Some(row.host))),
                Column::new(columns::QUEUE_ID.into(), queue_ids),
                wide_numbers(columns::FIRST_SEEN, each().map(|row| row.first_seen.micros)),
                wide_numbers(columns::LAST_SEEN, each().map(|row| row.last_seen_micros)),
                Column::new(columns::OFFSET_MINUTES.into(), offsets),
                numbers(
                    columns::DIGITS,
                    each().map(|row| u32::from(row.first_seen.digits)),
                ),
                numbers(columns::ORIGIN, each().map(|row| row.origin.kind as u32)),
                symbols(
                    columns::CLIENT_NAME,
                    each().map(|row| row.origin.client_name),
                ),
                symbols(columns::CLIENT_IP, each().map(|row| row.origin.client_ip)),
                symbols(columns::SASL_USERNAME, each().map(account)),
                symbols(columns::BOUNCED_ACCOUNT, each().map(bounced_account)),
                symbols(
                    columns::SASL_METHOD,
                    each().map(|row| row.origin.sasl_method),
                ),
                symbols(
                    columns::TLS_VERSION,
                    each().map(|row| row.origin.tls_version),
                ),
                symbols(columns::FROM, each().map(|row| row.from)),
                wide_numbers(columns::SIZE, sizes),
                numbers(columns::UNTOLD, each().map(|row| row.n_untold)),
                numbers(columns::BOUNCES, each().map(|row| row.n_bounces)),
                flags(columns::ACCEPTED, each().map(|row| row.accepted)),
                flags(columns::STILL_QUEUED, each().map(|row| row.still_queued)),
                numbers(columns::FILE, each().map(|row| line(row).file)),
                numbers(columns::LINE, each().map(|row| line(row).line)),
                numbers(columns::QUEUED_FILE, each().map(|row| queued(row).file)),
                numbers(columns::QUEUED_LINE, each().map(|row| queued(row).line)),
            ],
        )?;
        Ok(table)
    }
}

//! The table of messages, one row for each queue ID's life.

use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Result;
use polars::prelude::*;

use super::columns;
use super::growing::{Order, Symbols, Texts, flags, numbers, wide_numbers};
use crate::correlate::{Lineage, Message, Relation, Symbol};
use crate::mail::LineRef;

/// The columns as they grow, in the order in which messages end: there are as many rows as messages.
#[derive(Default)]
pub(super) struct Rows {
    number: Vec<u32>,
    host: Vec<u32>,
    queue_id: Texts,
    first_seen: Vec<i64>,
    last_seen: Vec<i64>,
    offset_minutes: Vec<i32>,
    digits: Vec<u32>,
    origin: Vec<u32>,
    client_name: Symbols,
    client_ip: Symbols,
    sasl_method: Symbols,
    tls_version: Symbols,
    from: Symbols,
    message_id_hash: Vec<i64>,
    proof: Vec<u8>,
    size: Vec<i64>,
    n_untold: Vec<u32>,
    n_bounces: Vec<u32>,
    accepted: Vec<bool>,
    still_queued: Vec<bool>,
    line: Vec<LineRef>,
    queued_line: Vec<LineRef>,
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
        let origin = &message.origin;
        let line = origin.line.unwrap_or(message.first_line);
        self.number.push(message.number);
        self.host.push(message.host.to_u32());
        self.queue_id.push(&message.queue_id);
        self.first_seen.push(message.first_seen.micros);
        self.last_seen.push(message.last_seen.micros);
        self.offset_minutes
            .push(i32::from(message.first_seen.offset_minutes));
        self.digits.push(u32::from(message.first_seen.digits));
        self.origin.push(origin.kind as u32);
        self.client_name.push(origin.client_name);
        self.client_ip.push(origin.client_ip);
        self.sasl_method.push(origin.sasl_method);
        self.tls_version.push(origin.tls_version);
        self.from.push(message.from);
        self.message_id_hash
            .push(message.message_id.as_deref().map_or(0, hash));
        self.proof.push(message.proof as u8);
        self.size
            .push(i64::try_from(message.size.unwrap_or(0)).unwrap_or(i64::MAX));
        self.n_untold.push(message.n_untold());
        self.n_bounces.push(message.n_bounces);
        self.accepted.push(message.was_accepted());
        self.still_queued.push(message.is_still_queued());
        self.line.push(line);
        self.queued_line.push(message.queued_line.unwrap_or(line));
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
        self,
        lineage: &Lineage,
        accounts: &[Option<Symbol>],
    ) -> Result<DataFrame> {
        let order = Order::of(&self.number);
        let number = order.apply(self.number);
        let n_rows = number.len();
        let submission: Vec<u32> = number.iter().map(|n| lineage.submission(*n)).collect();
        let account = submission.iter().map(|n| accounts[*n as usize]);
        let bounced_account = number.iter().map(|n| match lineage.parent(*n) {
            Some((parent, Relation::Bounce)) => accounts[lineage.submission(parent) as usize],
            _ => None,
        });
        let account: Symbols = account.collect();
        let bounced_account: Symbols = bounced_account.collect();
        let proof = order.apply(self.proof).into_iter().map(u32::from).collect();
        let line = order.apply(self.line);
        let queued_line = order.apply(self.queued_line);
        let files = |lines: &[LineRef]| lines.iter().map(|line| line.file).collect();
        let line_numbers = |lines: &[LineRef]| lines.iter().map(|line| line.line).collect();
        let table = DataFrame::new(
            n_rows,
            vec![
                numbers(columns::MESSAGE, number),
                numbers(columns::SUBMISSION, submission),
                numbers(columns::HOST, order.apply(self.host)),
                self.queue_id.column(columns::QUEUE_ID, &order),
                wide_numbers(columns::FIRST_SEEN, order.apply(self.first_seen)),
                wide_numbers(columns::LAST_SEEN, order.apply(self.last_seen)),
                Series::from_vec(
                    columns::OFFSET_MINUTES.into(),
                    order.apply(self.offset_minutes),
                )
                .into(),
                numbers(columns::DIGITS, order.apply(self.digits)),
                numbers(columns::ORIGIN, order.apply(self.origin)),
                self.client_name.column(columns::CLIENT_NAME, &order),
                self.client_ip.column(columns::CLIENT_IP, &order),
                account.column(columns::SASL_USERNAME, &Order::AsIs),
                bounced_account.column(columns::BOUNCED_ACCOUNT, &Order::AsIs),
                self.sasl_method.column(columns::SASL_METHOD, &order),
                self.tls_version.column(columns::TLS_VERSION, &order),
                self.from.column(columns::FROM, &order),
                wide_numbers(columns::MESSAGE_ID_HASH, order.apply(self.message_id_hash)),
                numbers(columns::PROOF, proof),
                wide_numbers(columns::SIZE, order.apply(self.size)),
                numbers(columns::UNTOLD, order.apply(self.n_untold)),
                numbers(columns::BOUNCES, order.apply(self.n_bounces)),
                flags(columns::ACCEPTED, order.apply(self.accepted)),
                flags(columns::STILL_QUEUED, order.apply(self.still_queued)),
                numbers(columns::FILE, files(&line)),
                numbers(columns::LINE, line_numbers(&line)),
                numbers(columns::QUEUED_FILE, files(&queued_line)),
                numbers(columns::QUEUED_LINE, line_numbers(&queued_line)),
            ],
        )?;
        Ok(table)
    }
}

/// A number for a message-id: comparing is all that it is for. 0 for an empty one.
fn hash(message_id: &str) -> i64 {
    if message_id.is_empty() {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    message_id.hash(&mut hasher);
    hasher.finish().cast_signed()
}

//! The table of deliveries, one row for each recipient where the mail's way on this host ends.

use std::borrow::Cow;

use anyhow::Result;
use hashbrown::HashMap;
use polars::prelude::*;

use super::{columns, flags, numbers, symbols, wide_numbers};
use crate::correlate::{Lineage, Message, Recipient, Strings, Symbol};
use crate::knowledge::providers::Providers;
use crate::knowledge::replies::{self, ReplyClass};
use crate::mail::{Address, LineRef, Relay, Status};

struct Row {
    message: u32,
    to: Symbol,
    relay_name: Option<Symbol>,
    relay_ip: Option<Symbol>,
    status: Status,
    reply: ReplyClass,
    is_local: bool,
    attempts: u32,
    last_attempt_micros: i64,
    last_line: LineRef,
}

#[derive(Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
}

impl Rows {
    pub(super) fn push(&mut self, message: &Message, strings: &Strings) {
        let last_ones = message.recipients.iter();
        for recipient in last_ones.filter(|r| !r.is_hop && !r.is_probe) {
            self.rows.push(Row {
                message: message.number,
                to: recipient.to,
                relay_name: recipient.relay_name,
                relay_ip: recipient.relay_ip,
                status: recipient.status,
                reply: replies::classify(recipient.status, recipient.dsn, &recipient.reason),
                is_local: is_local(recipient, strings),
                attempts: recipient.attempts,
                last_attempt_micros: recipient.last_attempt.micros,
                last_line: recipient.last_line,
            });
        }
    }

    pub(super) fn finish(
        mut self,
        lineage: &Lineage,
        accounts: &[Option<Symbol>],
        strings: &mut Strings,
    ) -> Result<DataFrame> {
        self.rows.sort_by_key(|row| row.message);
        let providers = self.providers(strings);
        let rows = &self.rows;
        let each = || rows.iter();
        let submission = |row: &Row| lineage.submission(row.message);
        let account = |row: &Row| accounts[submission(row) as usize];
        let table = DataFrame::new(
            rows.len(),
            vec![
                numbers(columns::MESSAGE, each().map(|row| row.message)),
                numbers(columns::SUBMISSION, each().map(submission)),
                symbols(columns::SASL_USERNAME, each().map(account)),
                symbols(columns::TO, each().map(|row| Some(row.to))),
                symbols(columns::PROVIDER, providers.into_iter()),
                symbols(columns::RELAY_NAME, each().map(|row| row.relay_name)),
                symbols(columns::RELAY_IP, each().map(|row| row.relay_ip)),
                numbers(columns::STATUS, each().map(|row| row.status as u32)),
                numbers(columns::REPLY, each().map(|row| row.reply as u32)),
                flags(columns::IS_LOCAL, each().map(|row| row.is_local)),
                numbers(columns::ATTEMPTS, each().map(|row| row.attempts)),
                wide_numbers(
                    columns::LAST_ATTEMPT,
                    each().map(|row| row.last_attempt_micros),
                ),
                numbers(columns::FILE, each().map(|row| row.last_line.file)),
                numbers(columns::LINE, each().map(|row| row.last_line.line)),
            ],
        )?;
        Ok(table)
    }

    /// The provider of each row; `None` for local mailboxes. Looked up once for each domain and relay.
    fn providers(&self, strings: &mut Strings) -> Vec<Option<Symbol>> {
        let mut providers = Providers::embedded();
        for row in &self.rows {
            let domain = Address(strings.get(row.to)).domain().unwrap_or_default();
            providers.learn(domain, &relay(row.relay_name, row.relay_ip, strings), 1);
        }
        let mut known = HashMap::new();
        let mut found = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let domain = Address(strings.get(row.to)).domain();
            let key = (row.relay_name, row.relay_ip, domain.map(str::to_owned));
            if let Some(provider) = known.get(&key) {
                found.push(*provider);
                continue;
            }
            let label = providers
                .provider(domain, &relay(row.relay_name, row.relay_ip, strings))
                .map(Cow::into_owned);
            let provider = label.map(|label| strings.intern(&label));
            known.insert(key, provider);
            found.push(provider);
        }
        found
    }
}

/// What the log says of the next hop.
fn relay<'a>(name: Option<Symbol>, ip: Option<Symbol>, strings: &'a Strings) -> Relay<'a> {
    Relay {
        name: name.map(|name| strings.get(name)),
        ip: ip.map(|ip| strings.get(ip)),
        port: None,
    }
}

/// True for a mailbox on this host: `relay=local`, `virtual`, a pipe's name, `host[private/lmtp]`, loopback.
fn is_local(recipient: &Recipient, strings: &Strings) -> bool {
    relay(recipient.relay_name, recipient.relay_ip, strings).is_loopback()
}

//! The table of deliveries, one row for each recipient where the mail's way on this host ends.

use std::borrow::Cow;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
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

    /// Takes out what only went on to the next server of this run: (message, recipient).
    pub(super) fn leave_out(&mut self, steps: &[(u32, Symbol)]) {
        let steps: HashSet<&(u32, Symbol)> = steps.iter().collect();
        self.rows
            .retain(|row| steps.is_empty() || !steps.contains(&(row.message, row.to)));
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

    /// The provider of each row; `None` for local mailboxes. Looked up once for each recipient and relay.
    fn providers(&self, strings: &mut Strings) -> Vec<Option<Symbol>> {
        let key = |row: &Row| (row.to, row.relay_name, row.relay_ip);
        let mut known: HashMap<_, (u64, Option<Symbol>)> = HashMap::new();
        let mut order = Vec::new();
        for row in &self.rows {
            let (n_deliveries, _) = known.entry(key(row)).or_insert_with(|| {
                order.push(key(row));
                (0, None)
            });
            *n_deliveries += 1;
        }
        let mut providers = Providers::embedded();
        for (to, name, ip) in &order {
            let domain = Address(strings.get(*to)).domain().unwrap_or_default();
            let (n_deliveries, _) = known[&(*to, *name, *ip)];
            providers.learn(domain, &relay(*name, *ip, strings), n_deliveries);
        }
        for (to, name, ip) in order {
            let domain = Address(strings.get(to)).domain();
            let label = providers.provider(domain, &relay(name, ip, strings));
            let label = label.map(Cow::into_owned);
            if let Some((_, provider)) = known.get_mut(&(to, name, ip)) {
                *provider = label.map(|label| strings.intern(&label));
            }
        }
        self.rows.iter().map(|row| known[&key(row)].1).collect()
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

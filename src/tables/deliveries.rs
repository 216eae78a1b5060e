//! The table of deliveries, one row for each recipient where the mail's way on this host ends.

use std::borrow::Cow;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use polars::prelude::*;

use super::columns;
use super::growing::{Order, Symbols, flags, numbers, wide_numbers};
use crate::correlate::{Lineage, Message, Recipient, Strings, Symbol};
use crate::knowledge::providers::{Providers, host_in_reason};
use crate::knowledge::replies;
use crate::mail::{Address, LineRef, Relay};

/// The columns as they grow, in the order in which messages end.
#[derive(Default)]
pub(super) struct Rows {
    message: Vec<u32>,
    to: Vec<Symbol>,
    orig_to: Symbols,
    relay_name: Symbols,
    relay_ip: Symbols,
    status: Vec<u8>,
    reply: Vec<u8>,
    is_local: Vec<bool>,
    attempts: Vec<u32>,
    last_attempt: Vec<i64>,
    last_line: Vec<LineRef>,
}

/// What decides about the provider: recipient, and name and address of the relay.
type Way = (Symbol, Option<Symbol>, Option<Symbol>);

impl Rows {
    pub(super) fn push(&mut self, message: &Message, strings: &Strings) {
        let last_ones = message.recipients.iter();
        for recipient in last_ones.filter(|r| !r.is_hop && !r.is_probe) {
            let reply = replies::classify(recipient.status, recipient.dsn, &recipient.reason);
            self.message.push(message.number);
            self.to.push(recipient.to);
            let orig_to = recipient.orig_to.filter(|orig_to| *orig_to != recipient.to);
            self.orig_to.push(orig_to);
            self.relay_name.push(recipient.relay_name);
            self.relay_ip.push(recipient.relay_ip);
            self.status.push(recipient.status as u8);
            self.reply.push(reply as u8);
            self.is_local.push(is_local(recipient, strings));
            self.attempts.push(recipient.attempts);
            self.last_attempt.push(recipient.last_attempt.micros);
            self.last_line.push(recipient.last_line);
        }
    }

    /// `steps`: what only went on to the next server of this run (message, recipient) is left out.
    pub(super) fn finish(
        self,
        lineage: &Lineage,
        accounts: &[Option<Symbol>],
        steps: &[(u32, Symbol)],
        strings: &mut Strings,
    ) -> Result<DataFrame> {
        let order = self.order(steps);
        let provider: Symbols = self.providers(&order, strings).into_iter().collect();
        let message = order.apply(self.message);
        let submission: Vec<u32> = message.iter().map(|n| lineage.submission(*n)).collect();
        let account: Symbols = submission.iter().map(|n| accounts[*n as usize]).collect();
        let to = order.apply(self.to).into_iter().map(Symbol::to_u32);
        let wide = |values: Vec<u8>| values.into_iter().map(u32::from).collect();
        let line = order.apply(self.last_line);
        let table = DataFrame::new(
            message.len(),
            vec![
                numbers(columns::MESSAGE, message),
                numbers(columns::SUBMISSION, submission),
                account.column(columns::SASL_USERNAME, &Order::AsIs),
                numbers(columns::TO, to.collect()),
                self.orig_to.column(columns::ORIG_TO, &order),
                provider.column(columns::PROVIDER, &Order::AsIs),
                self.relay_name.column(columns::RELAY_NAME, &order),
                self.relay_ip.column(columns::RELAY_IP, &order),
                numbers(columns::STATUS, wide(order.apply(self.status))),
                numbers(columns::REPLY, wide(order.apply(self.reply))),
                flags(columns::IS_LOCAL, order.apply(self.is_local)),
                numbers(columns::ATTEMPTS, order.apply(self.attempts)),
                wide_numbers(columns::LAST_ATTEMPT, order.apply(self.last_attempt)),
                numbers(columns::FILE, line.iter().map(|line| line.file).collect()),
                numbers(columns::LINE, line.iter().map(|line| line.line).collect()),
            ],
        )?;
        Ok(table)
    }

    /// By message, without the steps.
    fn order(&self, steps: &[(u32, Symbol)]) -> Order {
        let order = Order::of(&self.message);
        if steps.is_empty() {
            return order;
        }
        let steps: HashSet<&(u32, Symbol)> = steps.iter().collect();
        let is_end = |row: &u32| {
            let row = *row as usize;
            !steps.contains(&(self.message[row], self.to[row]))
        };
        let rows = order.apply((0..).take(self.message.len()).collect::<Vec<u32>>());
        Order::By(rows.into_iter().filter(is_end).collect())
    }

    /// The provider of each row in its order; `None` for local mailboxes. Looked up once for each way.
    fn providers(&self, order: &Order, strings: &mut Strings) -> Vec<Option<Symbol>> {
        let mut places: HashMap<Way, u32> = HashMap::new();
        let mut ways: Vec<(Way, u64)> = Vec::new();
        let mut of_row = Vec::with_capacity(self.message.len());
        for row in order.apply((0..).take(self.message.len()).collect::<Vec<u32>>()) {
            let row = row as usize;
            let way = (
                self.to[row],
                self.relay_name.get(row),
                self.relay_ip.get(row),
            );
            let place = *places.entry(way).or_insert_with(|| {
                ways.push((way, 0));
                u32::try_from(ways.len() - 1).expect("there are fewer ways than symbols")
            });
            ways[place as usize].1 += 1;
            of_row.push((place, self.is_local[row]));
        }
        let mut providers = Providers::embedded();
        for ((to, name, ip), n_deliveries) in &ways {
            let domain = Address(strings.get(*to)).domain().unwrap_or_default();
            providers.learn(domain, &relay(*name, *ip, strings), *n_deliveries);
        }
        let labels = ways.iter().map(|((to, name, ip), _)| {
            let domain = Address(strings.get(*to)).domain();
            let label = providers.provider(domain, &relay(*name, *ip, strings));
            let label = label.map(Cow::into_owned);
            label.map(|label| strings.intern(&label))
        });
        let labels: Vec<Option<Symbol>> = labels.collect();
        of_row
            .into_iter()
            .map(|(place, is_local)| labels[place as usize].filter(|_| !is_local))
            .collect()
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

/// True for a mailbox on this host: `relay=local`, `virtual`, a pipe's name, `host[private/lmtp]`, loopback. With
/// `relay=none` the reason may name the socket of a mailbox server that is down.
fn is_local(recipient: &Recipient, strings: &Strings) -> bool {
    let known = relay(recipient.relay_name, recipient.relay_ip, strings);
    if known.name.is_some() || known.ip.is_some() {
        return known.is_loopback();
    }
    let named = host_in_reason(&recipient.reason);
    named.is_some_and(|named| {
        let is_socket = named.ip.is_some_and(|ip| ip.contains('/'));
        is_socket || named.is_loopback()
    })
}

//! What was rebuilt, as polars tables: numbers only, so that grouping a million rows takes no time.

pub mod columns;
mod deliveries;
mod growing;
mod logins;
mod messages;
mod probes;
mod rejections;
mod waiting;

use anyhow::Result;
use polars::prelude::*;

use crate::correlate::{
    Correlator, Flaw, Lineage, LoginSeen, Message, RejectionSeen, Strings, Symbol, Told,
};
use crate::mail::{LineRef, Timestamp};
use crate::options::Period;

pub use waiting::{PutOff, StillQueued, waiting};

/// All tables of a run. Rows are in the order of their first lines.
pub struct Tables {
    pub strings: Strings,
    pub lineage: Lineage,
    pub messages: DataFrame,
    /// One row for each last recipient of each submission: hops through filters and aliases are left out.
    pub deliveries: DataFrame,
    pub logins: DataFrame,
    pub rejections: DataFrame,
    /// Connections that tried AUTH without a password being judged.
    pub probes: DataFrame,
    /// What block lists say, one row for each hour, client and list.
    pub listings: DataFrame,
    /// Messages whose history cannot be, in the order of their first lines.
    pub impossible: Vec<Impossible>,
    /// What was asked for.
    pub period: Period,
    /// The last moment that any record speaks of; microseconds.
    pub log_end_micros: i64,
}

/// A message of which lines are missing that the log should hold.
#[derive(Debug, Clone)]
pub struct Impossible {
    pub message: u32,
    pub host: Symbol,
    pub queue_id: Box<str>,
    pub flaw: Flaw,
    pub first_seen: Timestamp,
    pub first_line: LineRef,
    pub arrived_micros: i64,
    pub from: Option<Symbol>,
}

impl Impossible {
    fn of(message: &Message, flaw: Flaw) -> Self {
        Self {
            message: message.number,
            host: message.host,
            queue_id: message.queue_id.clone(),
            flaw,
            first_seen: message.first_seen,
            first_line: message.first_line,
            arrived_micros: message.earliest_arrival_micros(),
            from: message.from,
        }
    }
}

/// Takes finished messages one by one; the rest of a message is forgotten.
#[derive(Default)]
pub struct TablesBuilder {
    messages: messages::Rows,
    deliveries: deliveries::Rows,
    impossible: Vec<Impossible>,
    period: Period,
}

impl TablesBuilder {
    /// Messages with any line in the period count, whole.
    pub fn new(period: Period) -> Self {
        Self {
            period,
            ..Self::default()
        }
    }

    /// Adds a message that has ended, or that the log leaves open.
    pub fn push(&mut self, message: &Message, strings: &Strings) {
        let (first, last) = (message.first_seen.micros, message.last_seen.micros);
        self.messages.note_number(message);
        // A transaction that was broken off is no message; a hostile log can hold any number of them.
        if message.was_accepted() && self.period.touches(first, last) {
            let flaw = message.flaw(false, strings);
            self.impossible
                .extend(flaw.map(|flaw| Impossible::of(message, flaw)));
            self.messages.push(message);
            self.deliveries.push(message, strings);
        }
    }

    /// Takes over the messages that the correlator has let go.
    pub fn take_finished(&mut self, correlator: &mut Correlator) {
        let (finished, strings) = correlator.take_finished();
        for message in finished {
            self.push(&message, strings);
        }
    }

    /// Builds the tables.
    ///
    /// # Errors
    /// Only when polars cannot take the columns, which is a fault of this program.
    pub fn finish(mut self, told: Told, log_end_micros: i64) -> Result<Tables> {
        let Told {
            mut strings,
            links,
            steps,
            mut logins,
            mut rejections,
            mut probes,
            mut listings,
            n_messages,
            n_evicted: _,
        } = told;
        let lineage = Lineage::new(n_messages, &links);
        let period = self.period;
        logins.retain(|login: &LoginSeen| period.contains(login.timestamp.micros));
        rejections.retain(|refused: &RejectionSeen| period.contains(refused.timestamp.micros));
        probes.retain(|seen| period.contains(seen.timestamp.micros));
        listings.retain(|seen| period.contains(seen.timestamp.micros));
        let accounts = self.messages.accounts(n_messages);
        let is_born = |seen: &Impossible| lineage.parent(seen.message).is_some();
        self.impossible
            .retain(|seen| seen.flaw != Flaw::NeverEntered || !is_born(seen));
        self.impossible.sort_unstable_by_key(|seen| seen.message);
        let deliveries = self
            .deliveries
            .finish(&lineage, &accounts, &steps, &mut strings)?;
        Ok(Tables {
            messages: self.messages.finish(&lineage, &accounts)?,
            deliveries,
            logins: logins::table(logins, &strings)?,
            rejections: rejections::table(&rejections)?,
            probes: probes::probes(&probes)?,
            listings: probes::listings(&listings)?,
            lineage,
            strings,
            impossible: self.impossible,
            period,
            log_end_micros,
        })
    }
}

/// A column of symbols; a missing text is a null.
fn symbols(name: &str, values: impl Iterator<Item = Option<Symbol>>) -> Column {
    let values: Vec<Option<u32>> = values.map(|value| value.map(Symbol::to_u32)).collect();
    Column::new(name.into(), values)
}

/// A column of numbers of 32 bits.
fn numbers(name: &str, values: impl Iterator<Item = u32>) -> Column {
    Column::new(name.into(), values.collect::<Vec<u32>>())
}

/// A column of moments or sizes.
fn wide_numbers(name: &str, values: impl Iterator<Item = i64>) -> Column {
    Column::new(name.into(), values.collect::<Vec<i64>>())
}

/// A column of yes and no.
fn flags(name: &str, values: impl Iterator<Item = bool>) -> Column {
    Column::new(name.into(), values.collect::<Vec<bool>>())
}

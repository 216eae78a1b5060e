//! Rows of the table of refusals, as detectors reason about them.

use anyhow::Result;
use polars::prelude::*;

use super::rows::{line_of, moment_of};
use crate::correlate::Symbol;
use crate::event::RejectClass;
use crate::mail::{LineRef, Timestamp};
use crate::tables::{Tables, columns};

/// Something that this server refused, or would have refused (`reject_warning`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    pub(super) seen: Timestamp,
    pub(super) at: LineRef,
    /// `postfix/submission/smtpd`.
    pub(super) program: Option<Symbol>,
    pub(super) client_name: Option<Symbol>,
    pub(super) client_ip: Option<Symbol>,
    pub(super) sasl_username: Option<Symbol>,
    pub(super) class: RejectClass,
    pub(super) dnsbl: Option<Symbol>,
    /// The empty text is the null sender.
    pub(super) from: Option<Symbol>,
    pub(super) to: Option<Symbol>,
    pub(super) n_times: u64,
}

/// All refusals that `wanted` selects, in log order.
///
/// # Errors
/// When the table lacks a column, which is a fault of this program.
pub(super) fn read(tables: &Tables, wanted: Expr) -> Result<Vec<Refusal>> {
    let table = tables.rejections.clone().lazy().filter(wanted).collect()?;
    let numbers = |name| -> Result<&UInt32Chunked> { Ok(table.column(name)?.u32()?) };
    let symbol = |cells: &UInt32Chunked, row| cells.get(row).and_then(Symbol::from_u32);
    let moments = moment_of(&table, columns::TIMESTAMP)?;
    let lines = line_of(&table)?;
    let programs = numbers(columns::PROGRAM)?;
    let client_names = numbers(columns::CLIENT_NAME)?;
    let client_ips = numbers(columns::CLIENT_IP)?;
    let logins = numbers(columns::SASL_USERNAME)?;
    let classes = numbers(columns::CLASS)?;
    let lists = numbers(columns::DNSBL)?;
    let (from, to) = (numbers(columns::FROM)?, numbers(columns::TO)?);
    let times = numbers(columns::TIMES)?;
    let refusal = |row| Refusal {
        seen: moments(row),
        at: lines(row),
        program: symbol(programs, row),
        client_name: symbol(client_names, row),
        client_ip: symbol(client_ips, row),
        sasl_username: symbol(logins, row),
        class: RejectClass::ALL[classes.get(row).unwrap_or(0) as usize],
        dnsbl: symbol(lists, row),
        from: symbol(from, row),
        to: symbol(to, row),
        n_times: u64::from(times.get(row).unwrap_or(1)),
    };
    Ok((0..table.height()).map(refusal).collect())
}

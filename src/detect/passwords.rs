//! Rows of the table of logins, as detectors reason about them.

use anyhow::Result;
use polars::prelude::*;

use super::rows::{line_of, moment_of};
use crate::correlate::Symbol;
use crate::mail::{LineRef, Timestamp};
use crate::tables::{Tables, columns};

/// A password judged, or a mailbox opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct PasswordTried {
    pub(super) seen: Timestamp,
    pub(super) at: LineRef,
    /// `None` where the log names nobody.
    pub(super) sasl_username: Option<Symbol>,
    pub(super) client_ip: Option<Symbol>,
    /// `smtp`, `imap`, `pop3`, ….
    pub(super) protocol: Option<Symbol>,
    pub(super) succeeded: bool,
    /// The server's own fault: no guess was judged.
    pub(super) own_fault: bool,
    pub(super) n_times: u32,
}

/// All logins and failures, in log order.
///
/// # Errors
/// When the table lacks a column, which is a fault of this program.
pub(super) fn read(tables: &Tables) -> Result<Vec<PasswordTried>> {
    let table = &tables.logins;
    let numbers = |name| -> Result<&UInt32Chunked> { Ok(table.column(name)?.u32()?) };
    let symbol = |cells: &UInt32Chunked, row| cells.get(row).and_then(Symbol::from_u32);
    let moments = moment_of(table, columns::TIMESTAMP)?;
    let lines = line_of(table)?;
    let logins = numbers(columns::SASL_USERNAME)?;
    let client_ips = numbers(columns::CLIENT_IP)?;
    let protocols = numbers(columns::PROTOCOL)?;
    let succeeded = table.column(columns::SUCCEEDED)?.bool()?;
    let own_faults = table.column(columns::OWN_FAULT)?.bool()?;
    let times = numbers(columns::TIMES)?;
    let tried = |row| PasswordTried {
        seen: moments(row),
        at: lines(row),
        sasl_username: symbol(logins, row),
        client_ip: symbol(client_ips, row),
        protocol: symbol(protocols, row),
        succeeded: succeeded.get(row) == Some(true),
        own_fault: own_faults.get(row) == Some(true),
        n_times: times.get(row).unwrap_or(1),
    };
    Ok((0..table.height()).map(tried).collect())
}

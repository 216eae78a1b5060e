//! The tables of clients that mail and logins do not hold: AUTH refused unjudged, and block lists' answers.

use anyhow::Result;
use polars::prelude::*;

use super::{columns, numbers, symbols, wide_numbers};
use crate::correlate::{ListingSeen, ProbeSeen};
use crate::mail::{LineRef, Timestamp};

/// One row for each connection that tried AUTH and had no password judged.
pub(super) fn probes(probes: &[ProbeSeen]) -> Result<DataFrame> {
    let each = || probes.iter();
    let mut table = places(each().map(|seen| (seen.timestamp, seen.at)))?;
    table.hstack_mut(&[
        symbols(columns::CLIENT_IP, each().map(|seen| seen.client_ip)),
        numbers(columns::TIMES, each().map(|seen| seen.n_times)),
    ])?;
    Ok(table)
}

/// One row for each hour, client and list; and for each lookup that failed.
pub(super) fn listings(listings: &[ListingSeen]) -> Result<DataFrame> {
    let each = || listings.iter();
    let mut table = places(each().map(|seen| (seen.timestamp, seen.at)))?;
    table.hstack_mut(&[
        numbers(columns::KIND, each().map(|seen| seen.kind as u32)),
        symbols(columns::CLIENT_IP, each().map(|seen| seen.client_ip)),
        symbols(columns::DNSBL, each().map(|seen| seen.dnsbl)),
        numbers(columns::TIMES, each().map(|seen| seen.n_times)),
    ])?;
    Ok(table)
}

/// When a row's line was written, and where it stands.
fn places(rows: impl Iterator<Item = (Timestamp, LineRef)> + Clone) -> Result<DataFrame> {
    let offsets: Vec<i32> = rows
        .clone()
        .map(|(moment, _)| i32::from(moment.offset_minutes))
        .collect();
    let table = DataFrame::new(
        offsets.len(),
        vec![
            wide_numbers(
                columns::TIMESTAMP,
                rows.clone().map(|(moment, _)| moment.micros),
            ),
            Column::new(columns::OFFSET_MINUTES.into(), offsets),
            numbers(
                columns::DIGITS,
                rows.clone().map(|(moment, _)| u32::from(moment.digits)),
            ),
            numbers(columns::FILE, rows.clone().map(|(_, at)| at.file)),
            numbers(columns::LINE, rows.map(|(_, at)| at.line)),
        ],
    )?;
    Ok(table)
}

//! What the rows of several tables have in common: a moment and a line.

use anyhow::Result;
use polars::prelude::*;

use crate::mail::{LineRef, Timestamp};
use crate::tables::columns;

/// Reads the moment of a row, in the offset and with the precision of its line.
pub(super) fn moment_of<'a>(
    table: &'a DataFrame,
    column: &str,
) -> Result<impl Fn(usize) -> Timestamp + use<'a>> {
    let micros = table.column(column)?.i64()?;
    let offsets = table.column(columns::OFFSET_MINUTES)?.i32()?;
    let digits = table.column(columns::DIGITS)?.u32()?;
    Ok(move |row| Timestamp {
        micros: micros.get(row).unwrap_or(0),
        offset_minutes: offsets
            .get(row)
            .and_then(|minutes| minutes.try_into().ok())
            .unwrap_or(0),
        digits: digits.get(row).and_then(|n| n.try_into().ok()).unwrap_or(0),
    })
}

/// Reads where the line of a row stands.
pub(super) fn line_of(table: &DataFrame) -> Result<impl Fn(usize) -> LineRef + use<'_>> {
    let files = table.column(columns::FILE)?.u32()?;
    let lines = table.column(columns::LINE)?.u32()?;
    Ok(move |row| LineRef {
        file: files.get(row).unwrap_or(0),
        line: lines.get(row).unwrap_or(0),
    })
}

//! An answer -> bytes, one file for each format.

mod csv;
pub mod evidence;
mod html;
mod json;
mod markdown;
mod printable;
mod spark;
mod text;

use std::io::{self, Write};

use serde::Serialize;

pub use csv::{Column, CsvWriter};
pub use html::html;
pub use json::RecordWriter;
pub use markdown::markdown;
pub use printable::printable;
pub use text::{Look, text};

use crate::read::Coverage;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One page for a browser.
    Html,
    /// For tickets.
    Markdown,
    /// One JSON object.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// For spreadsheets; only where an answer is one table.
    Csv,
}

/// Writes all records of an answer at once, as `json` or `jsonl`.
///
/// # Errors
/// When `out` cannot be written.
pub fn records<T: Serialize>(
    out: &mut (dyn Write + Send),
    format: Format,
    command: &str,
    name: &'static str,
    records: &[T],
    coverage: &Coverage,
) -> io::Result<()> {
    let mut writer = RecordWriter::new(out, format == Format::Jsonl, command, name)?;
    for record in records {
        writer.record(record)?;
    }
    writer.finish(coverage)
}

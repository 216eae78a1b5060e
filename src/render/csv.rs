//! Records as CSV for spreadsheets: one row a record, cells that begin like formulas made harmless.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::printable::printable;

/// A column: its name, and where its value stands in a record (RFC 6901).
pub type Column = (&'static str, &'static str);

/// Writes records one after the other.
pub struct CsvWriter<'a> {
    out: csv::Writer<&'a mut (dyn Write + Send)>,
    columns: &'static [Column],
}

impl<'a> CsvWriter<'a> {
    /// Writes the head.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn new(out: &'a mut (dyn Write + Send), columns: &'static [Column]) -> io::Result<Self> {
        let mut out = csv::Writer::from_writer(out);
        out.write_record(columns.iter().map(|(name, _)| name))?;
        Ok(Self { out, columns })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn record<T: Serialize>(&mut self, record: &T) -> io::Result<()> {
        let record = serde_json::to_value(record)?;
        let cells = self.columns.iter().map(|(_, at)| cell(record.pointer(at)));
        self.out.write_record(cells)?;
        Ok(())
    }

    /// Ends the table.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => harmless(text),
        Some(Value::Array(list)) => {
            let parts: Vec<String> = list.iter().map(|item| cell(Some(item))).collect();
            harmless(&parts.join(" "))
        }
        Some(other) => other.to_string(),
    }
}

/// A spreadsheet takes what begins with these for a formula; the apostrophe makes it text.
fn harmless(text: &str) -> String {
    let text = printable(text);
    if text.starts_with(['=', '+', '-', '@']) {
        format!("'{text}")
    } else {
        text.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_text_whatever_they_hold() {
        let mut out: Vec<u8> = Vec::new();
        let columns: &[Column] = &[("a", "/a"), ("n", "/b/n"), ("missing", "/c")];
        let mut writer = CsvWriter::new(&mut out, columns).unwrap();
        for text in [
            "=cmd|' /C calc'!A0",
            "+1",
            "-1",
            "@x",
            "a,\"b\"",
            "x\x1b[2J\r\ny",
            "\t=1",
        ] {
            writer
                .record(&serde_json::json!({"a": text, "b": {"n": -5}}))
                .unwrap();
        }
        writer.finish().unwrap();
        let expected = "a,n,missing\n\
            '=cmd|' /C calc'!A0,-5,\n\
            '+1,-5,\n\
            '-1,-5,\n\
            '@x,-5,\n\
            \"a,\"\"b\"\"\",-5,\n\
            x\\x1b[2J\\r\\ny,-5,\n\
            \\t=1,-5,\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

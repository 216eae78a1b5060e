//! Records as JSON: one object, or one object a line; safe to show on a terminal as well.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};

use super::printable::is_dangerous;
use crate::read::Coverage;

/// The version of all records; a change that breaks a reader changes it.
const SCHEMA: &str = "mailsleuth/1";

/// Writes records one after the other, so that an answer need not be held in memory.
pub struct RecordWriter<'a> {
    out: &'a mut (dyn Write + Send),
    is_lines: bool,
    n_records: u64,
}

impl<'a> RecordWriter<'a> {
    /// Begins an answer; `name` is what its records are called (`findings`, `messages`, …).
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn new(
        out: &'a mut (dyn Write + Send),
        is_lines: bool,
        command: &str,
        name: &str,
    ) -> io::Result<Self> {
        if !is_lines {
            write!(
                out,
                "{{\"schema\":\"{SCHEMA}\",\"command\":\"{command}\",\"{name}\":["
            )?;
        }
        Ok(Self {
            out,
            is_lines,
            n_records: 0,
        })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn record<T: Serialize>(&mut self, record: &T) -> io::Result<()> {
        if !self.is_lines {
            self.out
                .write_all(if self.n_records == 0 { b"\n" } else { b",\n" })?;
        }
        self.n_records += 1;
        write_safe(self.out, record)?;
        if self.is_lines {
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Ends the answer with what was read for it; lines end without a word.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn finish(self, coverage: &Coverage) -> io::Result<()> {
        if self.is_lines {
            return Ok(());
        }
        self.out.write_all(b"\n],\"period\":")?;
        let period = Period {
            from: coverage.first_seen.map(|moment| moment.to_string()),
            to: coverage.last_seen.map(|moment| moment.to_string()),
        };
        write_safe(self.out, &period)?;
        self.out.write_all(b",\"coverage\":")?;
        write_safe(self.out, coverage)?;
        self.out.write_all(b"}\n")
    }
}

#[derive(Serialize)]
struct Period {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

fn write_safe<T: Serialize>(out: &mut (dyn Write + Send), value: &T) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, SafeFormatter);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// serde_json escapes what JSON demands; DEL, C1 controls and bidi marks it leaves as they are.
struct SafeFormatter;

impl Formatter for SafeFormatter {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if !fragment.chars().any(is_dangerous) {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            let mut buffer = [0; 4];
            if is_dangerous(c) {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                writer.write_all(c.encode_utf8(&mut buffer).as_bytes())?;
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        char_escape: CharEscape,
    ) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, char_escape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_comes_back_and_none_is_dangerous() {
        let every: String = (0..0x11_0000).filter_map(char::from_u32).collect();
        let mut out = Vec::new();
        write_safe(&mut out, &every).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.chars().any(is_dangerous));
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), every);
    }

    #[test]
    fn an_answer_without_records_is_whole_json() {
        let mut out = Vec::new();
        let writer = RecordWriter::new(&mut out, false, "detect", "findings").unwrap();
        writer.finish(&Coverage::default()).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["schema"], "mailsleuth/1");
        assert_eq!(value["findings"], serde_json::json!([]));
        assert_eq!(value["coverage"]["lines"], 0);
    }
}

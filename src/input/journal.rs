//! The journal's exports (`journalctl -o json`, `-o export`) and docker's, as plain syslog lines of the same number.

use std::collections::BTreeSet;

use serde_json::Value;

use super::blocks::Block;
use crate::mail::Timestamp;

/// Rewrites the blocks of one source, in order.
#[derive(Debug, Default)]
pub(super) struct Converter {
    /// `-o export` spreads an entry over lines.
    entry: Entry,
    state: State,
}

/// Where in `-o export` the next line is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No line has begun with `__CURSOR=`: another format.
    #[default]
    Outside,
    Fields,
    /// Behind a name alone on its line: its value follows behind eight bytes of its length.
    BinaryStart {
        is_message: bool,
    },
    Binary {
        is_message: bool,
    },
}

/// What a journal entry says, as far as a syslog line would.
#[derive(Debug, Default)]
struct Entry {
    /// Microseconds since the epoch.
    time: Option<i64>,
    host: String,
    program: String,
    command: String,
    pid: String,
    message: String,
}

impl Converter {
    /// Ordinary blocks pass untouched. In others each entry becomes one line, at the place where it ends.
    pub(super) fn convert(&mut self, block: Block) -> Block {
        let is_export = self.state != State::Outside || block.text.starts_with("__CURSOR=");
        if !is_export && !block.text.starts_with('{') {
            return block;
        }
        let mut text = String::with_capacity(block.text.len() / 2);
        let mut lossy_lines = BTreeSet::from_iter(block.lossy_lines.iter().copied());
        for (number, line) in (block.first_line..).zip(block.text.split_inclusive('\n')) {
            let bare = line.strip_suffix('\n').unwrap_or(line);
            if is_export {
                self.add_export(bare, &mut text);
            } else {
                match entry_of_json(bare) {
                    Some(line) => {
                        text.push_str(&line.text);
                        lossy_lines.extend(line.is_lossy.then_some(number));
                    }
                    None => text.push_str(bare),
                }
            }
            text.push_str(line.get(bare.len()..).unwrap_or_default());
        }
        if is_export && !block.text.ends_with('\n') {
            // The end of the file; its last line must not become nothing.
            std::mem::take(&mut self.entry).write(&mut text);
            text.push(' ');
        }
        Block {
            text,
            lossy_lines: lossy_lines.into_iter().collect(),
            ..block
        }
    }

    /// Reads a line of an entry; behind the last one writes it.
    fn add_export(&mut self, line: &str, text: &mut String) {
        match (self.state, line.split_once('=')) {
            (State::Outside, _) if !line.starts_with("__CURSOR=") => text.push_str(line),
            (State::BinaryStart { is_message }, field)
                if field.is_none_or(|(name, _)| !is_field_name(name)) =>
            {
                // The length is a few bytes and NUL up to eight; any of them may be a line end.
                if let Some(at) = line.find("\0\0\0") {
                    let value = line.get(at..).unwrap_or_default().trim_start_matches('\0');
                    self.state = State::Binary { is_message };
                    if is_message {
                        push_value(&mut self.entry.message, value);
                    }
                }
            }
            (_, Some((name, value))) if is_field_name(name) => {
                self.state = State::Fields;
                self.entry.set(name, value);
            }
            (State::Fields | State::Binary { .. }, _) if line.is_empty() => {
                std::mem::take(&mut self.entry).write(text);
                self.state = State::Fields;
            }
            (State::Binary { is_message }, _) => {
                if is_message {
                    self.entry.message.push_str("#012");
                    push_value(&mut self.entry.message, line);
                }
            }
            (State::Fields | State::Outside | State::BinaryStart { .. }, _) => {
                let is_message = line == "MESSAGE";
                self.state = State::BinaryStart { is_message };
            }
        }
    }
}

fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// A line that was JSON.
#[derive(Debug, Default)]
struct Converted {
    text: String,
    /// Held bytes that are not UTF-8.
    is_lossy: bool,
}

/// The entry of one line; `None` when it is no journal's.
fn entry_of_json(line: &str) -> Option<Converted> {
    if !line.starts_with('{') {
        return None;
    }
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else {
        return None;
    };
    let mut converted = Converted::default();
    // Docker's json-file driver.
    if let Some(Value::String(log)) = fields.get("log")
        && let Some(Value::String(time)) = fields.get("time")
    {
        push_value(&mut converted.text, time);
        converted.text.push(' ');
        push_value(&mut converted.text, log.trim_end_matches('\n'));
        return Some(converted);
    }
    if !fields.contains_key("__REALTIME_TIMESTAMP") {
        return None;
    }
    let mut entry = Entry::default();
    for (name, value) in &fields {
        converted.is_lossy |= entry.set_json(name, value);
    }
    entry.write(&mut converted.text);
    Some(converted)
}

impl Entry {
    /// True when the value was not UTF-8.
    fn set_json(&mut self, name: &str, value: &Value) -> bool {
        match value {
            Value::String(value) => self.set(name, value),
            // Text that is not UTF-8, as an array of bytes; or several values of one name.
            Value::Array(items) => {
                let byte = |item: &Value| item.as_u64().and_then(|b| u8::try_from(b).ok());
                let bytes: Option<Vec<u8>> = items.iter().map(byte).collect();
                match (bytes, items.first()) {
                    (Some(bytes), _) => {
                        self.set(name, &String::from_utf8_lossy(&bytes));
                        return std::str::from_utf8(&bytes).is_err();
                    }
                    (None, Some(Value::String(value))) => self.set(name, value),
                    (None, _) => {}
                }
            }
            // Too long a value is null.
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
        }
        false
    }

    fn set(&mut self, name: &str, value: &str) {
        let target = match name {
            "__REALTIME_TIMESTAMP" => {
                self.time = value.parse().ok();
                return;
            }
            "_HOSTNAME" => &mut self.host,
            "SYSLOG_IDENTIFIER" => &mut self.program,
            "_COMM" => &mut self.command,
            "_PID" => &mut self.pid,
            // journalctl prefers what the kernel says of a process as well.
            "SYSLOG_PID" if self.pid.is_empty() => &mut self.pid,
            "MESSAGE" => &mut self.message,
            _ => return,
        };
        target.clear();
        push_value(target, value);
    }

    /// As `journalctl -o short-iso` would.
    fn write(self, text: &mut String) {
        let Some(micros) = self.time else {
            return;
        };
        let time = Timestamp {
            micros,
            offset_minutes: 0,
            digits: 6,
        };
        let program = if self.program.is_empty() {
            &self.command
        } else {
            &self.program
        };
        let host = if self.host.is_empty() {
            "-"
        } else {
            &self.host
        };
        text.push_str(&format!("{time} {host} {program}"));
        if !self.pid.is_empty() {
            text.push_str(&format!("[{}]", self.pid));
        }
        text.push_str(": ");
        text.push_str(&self.message);
    }
}

/// A line end in a value would shift all line numbers; rsyslog writes it so too.
fn push_value(text: &mut String, value: &str) {
    for (i, part) in value.split('\n').enumerate() {
        if i > 0 {
            text.push_str("#012");
        }
        text.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Converts blocks and gives all their text.
    fn check(blocks: &[&str], expected: &str) {
        let mut converter = Converter::default();
        let mut found = String::new();
        for text in blocks {
            let block = Block {
                text: (*text).to_owned(),
                ..Block::default()
            };
            found.push_str(&converter.convert(block).text);
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn json_entries_become_lines() {
        let entry = r#"{"__REALTIME_TIMESTAMP":"1732050000123456","_HOSTNAME":"mx","SYSLOG_IDENTIFIER":"postfix/qmgr","_PID":"7","SYSLOG_PID":"8","MESSAGE":"removed"}"#;
        let line = "2024-11-19T21:00:00.123456Z mx postfix/qmgr[7]: removed";
        check(&[&format!("{entry}\n{entry}")], &format!("{line}\n{line}"));
        let entry =
            r#"{"MESSAGE":[65,255,10,66],"_COMM":"x","__REALTIME_TIMESTAMP":"1732050000123456"}"#;
        check(
            &[&format!("{entry}\n")],
            "2024-11-19T21:00:00.123456Z - x: A\u{fffd}#012B\n",
        );
        let entry = r#"{"log":"Nov 19 22:00:00 mx x[1]: y\n","stream":"stdout","time":"2024-11-19T21:00:00.5Z"}"#;
        check(
            &[entry],
            "2024-11-19T21:00:00.5Z Nov 19 22:00:00 mx x[1]: y",
        );
        check(
            &["{broken\nplain\n{\"a\":1}\n"],
            "{broken\nplain\n{\"a\":1}\n",
        );
        check(
            &["plain\n{\"log\":\"a\",\"time\":\"b\"}\n"],
            "plain\n{\"log\":\"a\",\"time\":\"b\"}\n",
        );
    }

    #[test]
    fn export_entries_become_the_line_behind_them() {
        let head = "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1732050000123456\n_HOSTNAME=mx\n_PID=7\n";
        let one = "MESSAGE=a=b\nSYSLOG_IDENTIFIER=postfix/qmgr\n\n";
        let two = "SYSLOG_IDENTIFIER=x\nMESSAGE\n\u{3}\0\0\0\0\0\0\0a\nb\n\n";
        let time = "2024-11-19T21:00:00.123456Z";
        let expected = format!(
            "{}{time} mx postfix/qmgr[7]: a=b\n{}{time} mx x[7]: a#012b\n",
            "\n".repeat(6),
            "\n".repeat(8)
        );
        check(&[head, one, head, two], &expected);
        let expected = format!("{}{time} mx x[7]: y ", "\n".repeat(5));
        check(&[head, "SYSLOG_IDENTIFIER=x\nMESSAGE=y"], &expected);
    }
}

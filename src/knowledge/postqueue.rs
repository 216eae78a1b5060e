//! postqueue(1): what waits in the queue now, as `postqueue -j` or `postqueue -p` tells it.

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// A message in the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Queued {
    /// `active`, `deferred`, `hold`, `incoming`, `maildrop`.
    pub queue_name: String,
    pub queue_id: String,
    /// Seconds since the epoch; `None` in the output of `postqueue -p`, which has no year.
    #[serde(default)]
    pub arrival_time: Option<i64>,
    /// Bytes.
    #[serde(default)]
    pub message_size: Option<u64>,
    /// Envelope sender; empty for the null sender.
    #[serde(default)]
    pub sender: String,
    #[serde(default)]
    pub recipients: Vec<Waiting>,
}

/// A recipient that the message still has to reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Waiting {
    pub address: String,
    /// What the last attempt met; empty before the first.
    #[serde(default)]
    pub delay_reason: String,
}

/// Reads either form, told apart by its first character.
///
/// # Errors
/// A line that belongs to neither form: the list would not be whole.
pub fn parse(text: &str) -> Result<Vec<Queued>> {
    let first = text.trim_start().chars().next();
    match first {
        Some('{') => parse_json(text),
        _ => parse_text(text),
    }
}

fn parse_json(text: &str) -> Result<Vec<Queued>> {
    let lines = text.lines().zip(1..);
    let lines = lines.filter(|(line, _): &(&str, u32)| !line.trim().is_empty());
    lines
        .map(|(line, number)| {
            let mut message: Queued = serde_json::from_str(line).with_context(|| {
                format!("line {number} is not an object of postqueue -j (postqueue(1))")
            })?;
            message.sender = envelope_sender(message.sender);
            Ok(message)
        })
        .collect()
}

/// showq(8) shows the null sender by the name that its mail carries (`empty_address_recipient`), in both forms.
fn envelope_sender(shown: String) -> String {
    match shown.as_str() {
        "MAILER-DAEMON" => String::new(),
        _ => shown,
    }
}

/// showq(8) writes a head, then for each message a line, its recipients under their reason, and an empty line.
fn parse_text(text: &str) -> Result<Vec<Queued>> {
    let mut queue: Vec<Queued> = Vec::new();
    let mut reason = "";
    for (line, number) in text.lines().zip(1u32..) {
        let word = line.trim();
        let is_frame = word.is_empty()
            || line.starts_with("-Queue ID-")
            || line.starts_with("-- ")
            || word == "Mail queue is empty";
        if is_frame {
            reason = "";
        } else if !line.starts_with([' ', '\t', '(']) {
            let message = entry(line)
                .with_context(|| format!("line {number} is not a line of postqueue -p"))?;
            queue.push(message);
            reason = "";
        } else if let Some(inner) = word.strip_prefix('(') {
            reason = inner.strip_suffix(')').unwrap_or(inner);
        } else if let Some(message) = queue.last_mut() {
            message.recipients.push(Waiting {
                address: word.to_owned(),
                delay_reason: reason.to_owned(),
            });
        } else {
            bail!("line {number}: a recipient without a message");
        }
    }
    Ok(queue)
}

/// `BC96418C10*    8340 Thu Aug 12 18:31:08  sender@example.com`; `*`: active, `!`: on hold.
fn entry(line: &str) -> Option<Queued> {
    let mut words = line.split_ascii_whitespace();
    let marked = words.next()?;
    let queue_id = marked.trim_end_matches(['*', '!', '#']);
    let is_id = queue_id.len() >= 6 && queue_id.bytes().all(|b| b.is_ascii_alphanumeric());
    let size = words.next()?.parse().ok()?;
    let (_weekday, _month, _day) = (words.next()?, words.next()?, words.next()?);
    let is_time = words.next()?.bytes().filter(|b| *b == b':').count() == 2;
    let sender = words.collect::<Vec<&str>>().join(" ");
    let queue_name = match marked.strip_prefix(queue_id) {
        Some(mark) if mark.contains('*') => "active",
        Some(mark) if mark.contains('!') => "hold",
        _ => "deferred",
    };
    (is_id && is_time && !sender.is_empty()).then(|| Queued {
        queue_name: queue_name.to_owned(),
        queue_id: queue_id.to_owned(),
        arrival_time: None,
        message_size: Some(size),
        sender: envelope_sender(sender),
        recipients: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n\
        BC96418C10*    8340 Thu Aug 12 18:31:08  info@example.com\n\
        (connect to mx1.example.net[192.0.2.1]:25: Connection timed out (110))\n\
        \x20                                        a@example.net\n\
        \x20                                        b@example.net\n\
        (host mx.example.org[192.0.2.2] said: 421 4.7.0 slow down)\n\
        \x20                                        c@example.org\n\n\
        4YcVmW4DrYz1YKb0!     512 Fri Aug 13 01:02:03  MAILER-DAEMON\n\
        \x20                                        (not@a.reason\n\n\
        -- 9 Kbytes in 2 Requests.\n";

    #[test]
    fn the_listing_for_people_is_read() {
        let queue = parse(TEXT).unwrap();
        assert_eq!(queue.len(), 2);
        let (first, second) = (&queue[0], &queue[1]);
        assert_eq!(first.queue_id, "BC96418C10");
        assert_eq!(
            (first.queue_name.as_str(), first.message_size),
            ("active", Some(8340))
        );
        let recipients: Vec<(&str, &str)> = first
            .recipients
            .iter()
            .map(|r| (r.address.as_str(), r.delay_reason.as_str()))
            .collect();
        let timed_out = "connect to mx1.example.net[192.0.2.1]:25: Connection timed out (110)";
        let slow = "host mx.example.org[192.0.2.2] said: 421 4.7.0 slow down";
        let expected = [
            ("a@example.net", timed_out),
            ("b@example.net", timed_out),
            ("c@example.org", slow),
        ];
        assert_eq!(recipients, expected);
        assert_eq!(
            (second.queue_name.as_str(), second.sender.as_str()),
            ("hold", "")
        );
        assert_eq!(parse("Mail queue is empty\n").unwrap(), []);
    }

    #[test]
    fn the_listing_for_programs_is_read() {
        let line = r#"{"queue_name":"deferred","queue_id":"A1B2C3D4E5","arrival_time":1628785868,"message_size":700,"forced_expire":false,"sender":"MAILER-DAEMON","recipients":[{"address":"x@example.com","delay_reason":"timed out"},{"address":"y@example.com"}]}"#;
        let queue = parse(line).unwrap();
        assert_eq!(queue[0].sender, "");
        assert_eq!(queue[0].arrival_time, Some(1_628_785_868));
        assert_eq!(queue[0].recipients[0].delay_reason, "timed out");
        assert_eq!(queue[0].recipients[1].delay_reason, "");
    }

    #[test]
    fn other_texts_are_errors_and_name_their_line() {
        for text in ["{\"queue_id\":", "hello world\n", "   a@example.com\n"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("line 1"), "{error}");
        }
    }
}

//! postcat(1): what the queue file of a message holds, when the log's beginning is gone.

use anyhow::{Result, bail};
use serde::Serialize;

/// The envelope of a queue file. A field that the file lacks is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct QueueFile {
    pub queue_id: String,
    /// As postcat writes it, in the server's zone: `Thu Aug 12 18:31:08 2021`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_arrival_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Envelope sender; empty for the null sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    pub to: Vec<String>,
    /// Recipients that need no more delivery.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proto: Option<String>,
}

impl QueueFile {
    /// Microseconds since the epoch of `message_arrival_time`, as if its zone were UTC.
    pub fn arrival_micros(&self) -> Option<i64> {
        let text = self.message_arrival_time.as_deref()?;
        let time = chrono::NaiveDateTime::parse_from_str(text, "%a %b %e %H:%M:%S %Y").ok()?;
        Some(time.and_utc().timestamp_micros())
    }
}

/// Reads the output of `postcat -vq ID`, `postcat -q ID` or `postcat -eq ID`, of one message.
///
/// Only the envelope records before the message's contents are believed: the contents are the sender's own
/// words, and can look like another queue file.
///
/// # Errors
/// When no envelope of a queue file is in the text.
pub fn parse(text: &str) -> Result<QueueFile> {
    let mut lines = text.lines();
    let Some(name) = lines.find_map(|line| section(line, "ENVELOPE RECORDS")) else {
        bail!("no `*** ENVELOPE RECORDS …` line: is this the output of postcat -vq?");
    };
    let mut file = QueueFile {
        queue_id: name.rsplit('/').next().unwrap_or(name).to_owned(),
        ..QueueFile::default()
    };
    for line in lines.take_while(|line| !line.starts_with("*** ")) {
        read_record(&mut file, line);
    }
    Ok(file)
}

/// `*** ENVELOPE RECORDS deferred/3/3825218E12 ***` -> `deferred/3/3825218E12`.
fn section<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("*** ")?.strip_prefix(name)?;
    rest.trim_start().strip_suffix("***").map(str::trim_end)
}

fn read_record(file: &mut QueueFile, line: &str) {
    // postcat -o puts the record's offset in front.
    let line = line
        .trim_start()
        .trim_start_matches(|c: char| c.is_ascii_digit());
    let Some((key, value)) = line.trim_start().split_once(": ") else {
        return;
    };
    let value = value.trim_end_matches('\r');
    match key {
        "message_size" => file.size = value.split_whitespace().next().and_then(|n| n.parse().ok()),
        "message_arrival_time" => file.message_arrival_time = Some(value.to_owned()),
        "sender" => file.from = Some(value.to_owned()),
        "recipient" => file.to.push(value.to_owned()),
        "done_recipient" => file.done.push(value.to_owned()),
        "named_attribute" => read_attribute(file, value),
        _ => {}
    }
}

fn read_attribute(file: &mut QueueFile, attribute: &str) {
    let Some((name, value)) = attribute.split_once('=') else {
        return;
    };
    let told = (!value.is_empty() && value != "unknown").then(|| value.to_owned());
    match name {
        "sasl_method" => file.sasl_method = told,
        "sasl_username" => file.sasl_username = told,
        "sasl_sender" => file.sasl_sender = told,
        "log_client_name" => file.client_name = told,
        "log_client_address" => file.client_ip = told,
        "log_client_port" => file.client_port = value.parse().ok(),
        "log_helo_name" => file.helo = told,
        "log_protocol_name" => file.proto = told,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
*** ENVELOPE RECORDS deferred/3/3825218E12 ***
message_size: 8340 682 1 0 8340
message_arrival_time: Thu Aug 12 18:31:08 2021
named_attribute: sasl_method=LOGIN
named_attribute: sasl_username=root
sender: info@example.com
named_attribute: log_client_name=unknown
named_attribute: log_client_address=192.0.2.5
named_attribute: log_client_port=8529
named_attribute: log_helo_name=203.0.113.90
named_attribute: log_protocol_name=ESMTP
recipient: someone@example.net
*** MESSAGE CONTENTS deferred/3/3825218E12 ***
From: Xfinity <help@example.org>
named_attribute: sasl_username=innocent
*** ENVELOPE RECORDS deferred/3/0000000000 ***
named_attribute: sasl_username=innocent
*** HEADER EXTRACTED deferred/3/3825218E12 ***
*** MESSAGE FILE END deferred/3/3825218E12 ***
";

    #[test]
    fn the_envelope_is_believed_and_the_contents_are_not() {
        let file = parse(FILE).unwrap();
        let expected = QueueFile {
            queue_id: "3825218E12".into(),
            message_arrival_time: Some("Thu Aug 12 18:31:08 2021".into()),
            size: Some(8340),
            from: Some("info@example.com".into()),
            to: vec!["someone@example.net".into()],
            done: vec![],
            sasl_method: Some("LOGIN".into()),
            sasl_username: Some("root".into()),
            sasl_sender: None,
            client_name: None,
            client_ip: Some("192.0.2.5".into()),
            client_port: Some(8529),
            helo: Some("203.0.113.90".into()),
            proto: Some("ESMTP".into()),
        };
        assert_eq!(file, expected);
    }

    #[test]
    fn what_is_no_queue_file_is_an_error() {
        assert!(parse("Subject: hello\n").is_err());
    }
}

//! What others put in front of a line: priorities, RFC 5424, container tools, grep, a second timestamp.

use super::header::{Header, HeaderReader, without_stamp};
use super::timestamp::{self, Stamp};

/// Longer words before a line are not a container's or a file's name.
const MAX_PREFIX_BYTES: usize = 200;

/// Reads a line that does not begin with a time.
pub(super) fn read<'a>(reader: &mut HeaderReader, line: &'a str) -> Option<Header<'a>> {
    // A file that a crash cut short continues behind NUL bytes.
    let line = without_escapes(line.trim_start_matches(['\0', '\u{feff}', ' ', '\t']));
    if let Some(header) = reader.read_stamped(line) {
        return Some(header);
    }
    if let Some(rest) = priority(line) {
        return Some(after_priority(reader, rest));
    }
    if let Some(header) = rfc5424(reader, line) {
        return Some(header);
    }
    behind_names(line)
        .into_iter()
        .flatten()
        .find_map(|rest| reader.read_stamped(without_escapes(rest)))
}

/// Behind a container tool's time there may be the line with its own header. Its host and program count;
/// its time does if it has a year.
pub(super) fn read_second_stamp<'a>(
    reader: &mut HeaderReader,
    outer: Stamp,
    rest: &'a str,
) -> Option<Header<'a>> {
    let rest = rest.strip_prefix(' ')?;
    // Kubernetes' container runtime: `stdout F `, or `P` for a part of a long line.
    let stream = rest
        .strip_prefix("stdout ")
        .or_else(|| rest.strip_prefix("stderr "));
    let inner = match stream {
        Some(behind) => behind
            .strip_prefix("F ")
            .or_else(|| behind.strip_prefix("P "))
            .unwrap_or(behind),
        None => rest,
    };
    let has_stamp = matches!(
        inner.as_bytes(),
        [b'A'..=b'Z', b'a'..=b'z', b'a'..=b'z', b' ', ..]
            | [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..]
            | [b'<', b'0'..=b'9', ..]
    );
    // A third one is text; hostile lines hold thousands.
    let header = if has_stamp && !reader.is_inside {
        reader.is_inside = true;
        let header = reader
            .read_stamped(inner)
            .or_else(|| Some(after_priority(reader, priority(inner)?)));
        reader.is_inside = false;
        header
    } else {
        None
    };
    match header {
        Some(header) => Some(Header {
            stamp: if is_complete(header.stamp) {
                header.stamp
            } else {
                outer
            },
            ..header
        }),
        None if stream.is_some() => Some(Header {
            stamp: outer,
            ..without_stamp(inner)
        }),
        None => None,
    }
}

fn is_complete(stamp: Stamp) -> bool {
    match stamp {
        Stamp::Absolute(_) => true,
        Stamp::Local(_) | Stamp::Missing => false,
    }
}

fn priority(line: &str) -> Option<&str> {
    let (number, rest) = line.strip_prefix('<')?.split_once('>')?;
    let is_number = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    is_number.then_some(rest)
}

fn after_priority<'a>(reader: &mut HeaderReader, rest: &'a str) -> Header<'a> {
    if let Some(header) = rfc5424(reader, rest) {
        return header;
    }
    match reader.read_stamped(rest) {
        Some(header) => header,
        None => without_stamp(rest),
    }
}

/// `1 2024-11-19T22:00:00Z host app pid msgid [sd] text`.
fn rfc5424<'a>(reader: &mut HeaderReader, rest: &'a str) -> Option<Header<'a>> {
    let rest = rest.strip_prefix("1 ")?;
    let (stamp, rest) = match rest.strip_prefix('-') {
        Some(rest) => (Stamp::Missing, rest),
        None => timestamp::iso(rest, &mut reader.recent)?,
    };
    let mut fields = rest.strip_prefix(' ')?.splitn(5, ' ');
    let mut field = || {
        fields
            .next()
            .map(|field| if field == "-" { "" } else { field })
    };
    let (host, program, pid, _message_id) = (field()?, field()?, field()?, field()?);
    let text = behind_structured_data(fields.next()?)?;
    Some(Header {
        stamp,
        host,
        program,
        pid: pid.parse().ok(),
        text: text.trim_start_matches([' ', '\u{feff}']),
    })
}

/// Skips `-` or `[id name="value"]…`, in which `\"` and `\]` are escaped.
fn behind_structured_data(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('-') {
        return Some(rest);
    }
    let mut is_quoted = false;
    let mut is_inside = false;
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'[' if !is_quoted => is_inside = true,
            b']' if !is_quoted => is_inside = false,
            _ if !is_inside => return text.get(at..),
            _ => {}
        }
    }
    (!is_inside).then_some("")
}

/// What stands behind a name: `mail-1  | ` (docker compose), `[pod/mail-0/postfix] ` (kubectl),
/// `mail.log.1:` (grep), `Tue ` (journalctl -o short-full).
fn behind_names(line: &str) -> [Option<&str>; 4] {
    let pipe = line.split_once("| ");
    let pipe =
        pipe.filter(|(name, _)| name.len() < MAX_PREFIX_BYTES && !name.trim_end().contains(' '));
    let pod = line
        .strip_prefix("[pod/")
        .and_then(|rest| rest.split_once("] "));
    let file = line.find([':', ' ']).filter(|&at| at < MAX_PREFIX_BYTES);
    let file = file.and_then(|at| line.get(at..)?.strip_prefix(':'));
    let weekday = ["Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "];
    let weekday = weekday.iter().find_map(|day| line.strip_prefix(day));
    [
        pipe.map(|(_, rest)| rest.trim_start_matches(' ')),
        pod.map(|(_, rest)| rest),
        file,
        weekday,
    ]
}

/// Without the colours that docker compose writes around a name.
fn without_escapes(mut text: &str) -> &str {
    while let Some(rest) = text.strip_prefix("\x1b[") {
        let Some((_, behind)) = rest.split_once('m') else {
            break;
        };
        text = behind.trim_start_matches(' ');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syslog::header;

    fn check(line: &str, time: &str) {
        let h = header(line);
        let found = match h.stamp {
            Stamp::Absolute(time) => time.to_string(),
            Stamp::Local(t) => format!("{}-{} {}", t.month, t.day, t.second),
            Stamp::Missing => String::new(),
        };
        assert_eq!(found, time, "{line}");
        let parts = (h.host, h.program, h.pid, h.text);
        assert_eq!(parts, ("mx", "postfix/qmgr", Some(7), "text"), "{line}");
    }

    #[test]
    fn prefixes_are_taken_off() {
        let local = "11-19 79200";
        let utc = "2024-11-19T21:00:00Z";
        check("<22>Nov 19 22:00:00 mx postfix/qmgr[7]: text", local);
        check("<22>2024-11-19T21:00:00Z mx postfix/qmgr[7]: text", utc);
        check("<22>mx postfix/qmgr[7]: text", "");
        check("<22>1 2024-11-19T21:00:00Z mx postfix/qmgr 7 - - text", utc);
        check(
            "1 2024-11-19T21:00:00Z mx postfix/qmgr 7 id [a b=\"x\\\"] y\"][c] \u{feff}text",
            utc,
        );
        check("\0\0\0\0Nov 19 22:00:00 mx postfix/qmgr[7]: text", local);
        check("\u{feff}Nov 19 22:00:00 mx postfix/qmgr[7]: text", local);
        check("mail-1  | Nov 19 22:00:00 mx postfix/qmgr[7]: text", local);
        check(
            "\x1b[36mmail-1  | \x1b[0mNov 19 22:00:00 mx postfix/qmgr[7]: text",
            local,
        );
        check(
            "mail-1  | 2024-11-19T21:00:00Z Nov 19 22:00:00 mx postfix/qmgr[7]: text",
            utc,
        );
        check(
            "2024-11-19T21:00:00.5Z Nov 19 22:00:00 mx postfix/qmgr[7]: text",
            "2024-11-19T21:00:00.5Z",
        );
        check(
            "2024-11-19T21:00:01Z stdout F 2024-11-19T21:00:00Z mx postfix/qmgr[7]: text",
            utc,
        );
        check(
            "2024-11-19T21:00:00Z stderr F <22>Nov 19 22:00:00 mx postfix/qmgr[7]: text",
            utc,
        );
        check(
            "2024-11-19T21:00:00Z stdout F mx postfix/qmgr[7]: text",
            utc,
        );
        check(
            "[pod/mail-0/postfix] Nov 19 22:00:00 mx postfix/qmgr[7]: text",
            local,
        );
        check(
            "/var/log/mail.log.1:Nov 19 22:00:00 mx postfix/qmgr[7]: text",
            local,
        );
        check("Tue 2024-11-19 22:00:00 mx postfix/qmgr[7]: text", local);
    }

    #[test]
    fn any_text_has_a_header() {
        let pieces = [
            "<22>",
            "1 ",
            "[",
            "]",
            "\"",
            "\\",
            "| ",
            ":",
            "ä",
            "\u{1b}[",
            "m",
            " ",
            "\0",
            "x",
            "Nov 19 22:00:00",
            "2024-11-19T21:00:00",
            "Z",
            "+01",
            "stdout F ",
            "-",
        ];
        let mut state = 1u32;
        let mut line = String::new();
        for _ in 0..200_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match state >> 27 {
                at @ 0..20 => line.push_str(pieces[at as usize]),
                _ => {
                    let header = header(&line);
                    assert!(line.contains(header.text) && line.contains(header.host));
                    line.clear();
                }
            }
        }
    }
}

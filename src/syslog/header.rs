//! Splits a line into time, host, program, process and text, in every form syslog daemons write.

use super::prefix;
use super::tag::{clean, end_of_name, process_id, process_number, split_at_space, tagged};
use super::timestamp::{self, Recent, Stamp};

/// The parts of a line. Those that a line lacks are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header<'a> {
    pub stamp: Stamp,
    pub host: &'a str,
    /// What stands before `[pid]`: `postfix/submission/smtpd`.
    pub program: &'a str,
    pub pid: Option<u32>,
    pub text: &'a str,
}

/// Reads one line by itself. For many lines a `HeaderReader` is faster.
pub fn header(line: &str) -> Header<'_> {
    HeaderReader::default().read(line)
}

/// Reads headers, and remembers the time that the last ones had in common.
#[derive(Debug, Clone, Default)]
pub struct HeaderReader {
    pub(super) recent: Recent,
    /// Reading the second timestamp of a line.
    pub(super) is_inside: bool,
}

impl HeaderReader {
    /// Reads a line. Every line has a header; one that says nothing is all `text`.
    pub fn read<'a>(&mut self, line: &'a str) -> Header<'a> {
        let header = self
            .read_stamped(line)
            .or_else(|| prefix::read(self, line))
            .unwrap_or_else(|| without_stamp(line));
        match header.program {
            "exim" | "exim4" => self.behind_own_stamp(header),
            "" if !header.host.is_empty() => self.relayed(header),
            _ => header,
        }
    }

    /// A log host that does not know the form of what it gets puts its own header before the other's.
    fn relayed<'a>(&mut self, outer: Header<'a>) -> Header<'a> {
        let begins = outer.text.as_bytes().first();
        if self.is_inside || !begins.is_some_and(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
            return outer;
        }
        self.is_inside = true;
        let inner = self.read_stamped(outer.text);
        self.is_inside = false;
        match inner {
            Some(inner) if !inner.program.is_empty() => Header {
                stamp: match inner.stamp {
                    Stamp::Absolute(_) => inner.stamp,
                    Stamp::Local(_) | Stamp::Missing => outer.stamp,
                },
                ..inner
            },
            Some(_) | None => outer,
        }
    }

    /// Exim writes its own time in front of the text unless `syslog_timestamp = false`; it has a year.
    fn behind_own_stamp<'a>(&mut self, header: Header<'a>) -> Header<'a> {
        let Some((own, rest)) = timestamp::iso(header.text, &mut self.recent) else {
            return header;
        };
        Header {
            stamp: match header.stamp {
                Stamp::Absolute(_) => header.stamp,
                Stamp::Local(_) | Stamp::Missing => own,
            },
            text: rest.trim_start_matches(' '),
            ..header
        }
    }

    /// Reads a line that begins with a time.
    pub(super) fn read_stamped<'a>(&mut self, line: &'a str) -> Option<Header<'a>> {
        match line.as_bytes().first()? {
            b'A'..=b'Z' => {
                let (time, rest) = timestamp::traditional(line, &mut self.recent)?;
                Some(after_stamp(Stamp::Local(time), rest))
            }
            b'0'..=b'9' => {
                let (stamp, rest) = match timestamp::iso(line, &mut self.recent) {
                    Some(read) => read,
                    None => timestamp::epoch(line)?,
                };
                if let Some(header) = prefix::read_second_stamp(self, stamp, rest) {
                    return Some(header);
                }
                let has_space = line.as_bytes().get(10) == Some(&b' ');
                Some(if has_space {
                    after_plain_stamp(stamp, rest)
                } else {
                    after_stamp(stamp, rest)
                })
            }
            b'[' => {
                let (stamp, rest) = timestamp::bracketed(line)?;
                Some(after_plain_stamp(stamp, rest))
            }
            b'@' => {
                let (stamp, rest) = timestamp::tai64n(line)?;
                Some(after_plain_stamp(stamp, rest))
            }
            _ => None,
        }
    }
}

/// Reads `host prog[pid]: text`. Host or program may be missing.
pub(super) fn after_stamp(stamp: Stamp, rest: &str) -> Header<'_> {
    if let Some(header) = usual(stamp, rest) {
        return header;
    }
    let mut rest = rest.trim_start_matches(' ');
    // FreeBSD's `syslogd -v`: `<mail.info> host …`.
    if rest.starts_with('<')
        && let Some((_, behind)) = rest.split_once("> ")
    {
        rest = behind;
    }
    let (host, behind) = split_at_space(rest);
    // `prog:`, `prog[pid]:`, macOS' `prog[pid]` or `imap(user):` where the host should stand.
    if host.ends_with([':', ']', ',']) {
        let header = dovecots_own(stamp, rest).or_else(|| tagged(stamp, "", rest));
        if let Some(header) = header {
            return header;
        }
    }
    if matches!(host, "last" | "---" | "message") && super::repeated(rest).is_some() {
        return Header {
            stamp,
            text: rest,
            ..Header::default()
        };
    }
    let behind = behind.trim_start_matches(' ');
    if let Some(header) = tagged(stamp, host, behind) {
        return header;
    }
    // AIX: the line came from another host.
    if let Some(behind) = behind.strip_prefix("Message forwarded from ")
        && let Some((host, tag)) = behind.split_once(": ")
        && let Some(header) = tagged(stamp, host, tag)
    {
        return header;
    }
    if let Some((word, tag)) = behind.split_once(' ')
        && is_priority(word)
        && let Some(header) = tagged(stamp, host, tag)
    {
        return header;
    }
    // OpenWrt: a priority where the host should stand.
    if is_priority(host)
        && let Some(header) = tagged(stamp, "", behind)
    {
        return header;
    }
    // SOGo: `sogod [123]: text`.
    if behind.starts_with('[')
        && let Some((pid @ Some(_), text)) = process_id(behind)
        && let Some(text) = text.strip_prefix(':')
    {
        return Header {
            stamp,
            host: "",
            program: host,
            pid,
            text: clean(text),
        };
    }
    Header {
        stamp,
        host,
        text: behind,
        ..Header::default()
    }
}

/// Reads ` host prog[pid]: text` where nothing about it is unusual, in one pass: that is nearly every line.
fn usual(stamp: Stamp, rest: &str) -> Option<Header<'_>> {
    let (host, rest) = split_at_space(rest.strip_prefix(' ')?);
    let ends_well = |last: &u8| last.is_ascii_alphanumeric();
    host.as_bytes().last().filter(|last| ends_well(last))?;
    let (program, rest) = rest.split_at_checked(end_of_name(rest)?)?;
    let (pid, rest) = process_number(rest.strip_prefix('[')?)?;
    let text = rest.strip_prefix("]: ")?;
    // Spaces and Solaris' message numbers are taken away elsewhere.
    let is_plain = |first: &u8| !matches!(first, b' ' | b'[');
    text.as_bytes().first().filter(|first| is_plain(first))?;
    (!program.is_empty()).then_some(Header {
        stamp,
        host,
        program,
        pid: Some(pid),
        text,
    })
}

/// BusyBox writes `mail.info` before the program, AIX `mail:info`.
fn is_priority(word: &str) -> bool {
    const LEVELS: [&str; 9] = [
        "debug", "info", "notice", "warn", "warning", "err", "crit", "alert", "emerg",
    ];
    let parts = word.split_once(['.', ':']);
    parts.is_some_and(|(facility, level)| {
        LEVELS.contains(&level) && facility.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// Dovecot's own log file has no host: `imap-login: Info: Login: …`, before 2.0 `Info: imap-login: Login: …`.
fn dovecots_own(stamp: Stamp, rest: &str) -> Option<Header<'_>> {
    let (service, behind) = rest.split_once(": ")?;
    let (word, _) = split_at_space(behind);
    let text = if is_level(service) {
        behind
    } else if word.strip_suffix(':').is_some_and(is_level) && !service.contains('[') {
        rest
    } else {
        return None;
    };
    Some(Header {
        stamp,
        program: "dovecot",
        text,
        ..Header::default()
    })
}

fn is_level(word: &str) -> bool {
    matches!(
        word,
        "Debug" | "Info" | "Warning" | "Warn" | "Error" | "Fatal" | "Panic"
    )
}

/// Behind `2024-11-19 22:00:00` Exim writes text at once, others host and program.
fn after_plain_stamp(stamp: Stamp, rest: &str) -> Header<'_> {
    let rest = rest.trim_start_matches(' ');
    let (first, behind) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_sure = |header: &Header<'_>| header.pid.is_some() || header.program == "dovecot";
    let own = tagged(stamp, "", rest).filter(is_sure);
    // `Warning: …` is Exim's.
    let dovecots = || dovecots_own(stamp, rest).filter(|header| header.text == rest);
    if let Some(header) = own.or_else(dovecots) {
        return header;
    }
    if let Some(header) = tagged(stamp, first, behind).filter(is_sure) {
        return header;
    }
    // `journalctl -o short-full`: a zone's name, which tells no offset by itself.
    if (2..=5).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_uppercase()) {
        let (host, behind) = split_at_space(behind);
        if let Some(header) = tagged(stamp, host, behind).filter(is_sure) {
            return header;
        }
    }
    // Exim's log_selector = +pid.
    let pid = first
        .strip_prefix('[')
        .and_then(|pid| pid.strip_suffix(']'));
    let pid = pid.and_then(|pid| pid.parse().ok());
    Header {
        stamp,
        pid,
        text: if pid.is_some() { behind } else { rest },
        ..Header::default()
    }
}

/// Some daemons' own logs and copied lines have no time, but still a program.
pub(super) fn without_stamp(line: &str) -> Header<'_> {
    let whole = Header {
        text: line,
        ..Header::default()
    };
    let (host, behind) = line.split_once(' ').unwrap_or(("", line));
    let is_sure = |header: &Header<'_>| header.pid.is_some();
    // `postfix/smtpd: connect from …`: a path before a colon is no sentence.
    let is_path = |header: &Header<'_>| is_sure(header) || header.program.contains('/');
    tagged(Stamp::Missing, "", line)
        .filter(is_path)
        .or_else(|| tagged(Stamp::Missing, host, behind).filter(is_sure))
        .unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Host, program, process ID and text of a line that has a time unless told.
    fn check(line: &str, expected: (&str, &str, u32, &str)) {
        let h = header(line);
        let found = (h.host, h.program, h.pid.unwrap_or(0), h.text);
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn relayed_and_bare_lines() {
        let expected = ("mx", "postfix/smtpd", 12, "connect from a[192.0.2.1]");
        for outer in [
            "Aug  5 08:37:38 192.0.2.7 Aug  5 08:37:37 mx",
            "Aug  5 08:37:38 loghost 2024-08-05T08:37:37+02:00 mx",
        ] {
            let line = format!("{outer} postfix/smtpd[12]: connect from a[192.0.2.1]");
            check(&line, expected);
        }
        check(
            "postfix/smtpd: connect from a[192.0.2.1]",
            ("", "postfix/smtpd", 0, "connect from a[192.0.2.1]"),
        );
        // A program that says so is another matter.
        let text = "Aug  5 08:37:37 mx postfix/smtpd[13]: x";
        check(
            "Aug  5 08:37:38 mx postfix/smtpd[12]: Aug  5 08:37:37 mx postfix/smtpd[13]: x",
            ("mx", "postfix/smtpd", 12, text),
        );
    }

    #[test]
    fn ordinary_lines() {
        let expected = ("mx", "postfix/smtps/smtpd", 12, "connect from a[192.0.2.1]");
        check(
            "Aug  5 08:37:38 mx postfix/smtps/smtpd[12]: connect from a[192.0.2.1]",
            expected,
        );
        check(
            "2024-08-05T08:37:38+02:00 mx postfix/smtps/smtpd[12]: connect from a[192.0.2.1]",
            expected,
        );
        check(
            "2024-08-05 08:37:38 mx postfix/smtps/smtpd[12]: connect from a[192.0.2.1]",
            expected,
        );
        let text = "imap-login: Login: user=<a>";
        check(
            "Aug  5 08:37:38 mx dovecot: imap-login: Login: user=<a>",
            ("mx", "dovecot", 0, text),
        );
        check(
            "2024-08-05 08:37:38 mx dovecot: imap-login: Login: user=<a>",
            ("mx", "dovecot", 0, text),
        );
        check(
            "Aug  5 08:37:38 2001:db8::1 x[1]: y",
            ("2001:db8::1", "x", 1, "y"),
        );
        check(
            "Aug  5 08:37:38 2001:db8:: x[1]: y",
            ("2001:db8::", "x", 1, "y"),
        );
        check("Aug  5 08:37:38 mx x[1]:y", ("mx", "x", 1, "y"));
        check(
            "Aug  5 08:37:38 mx su(pam_unix)[7]: y",
            ("mx", "su(pam_unix)", 7, "y"),
        );
        check(
            "Aug  5 08:37:38 mx postfix/qmgr[7]:",
            ("mx", "postfix/qmgr", 7, ""),
        );
    }

    #[test]
    fn what_may_be_missing_or_more() {
        check(
            "Aug  5 08:37:38 postfix/smtpd[1]: connect",
            ("", "postfix/smtpd", 1, "connect"),
        );
        check(
            "Aug  5 08:37:38 imap-login: Info: Login",
            ("", "dovecot", 0, "imap-login: Info: Login"),
        );
        check(
            "Aug  5 08:37:38 Info: imap-login: Login",
            ("", "dovecot", 0, "imap-login: Login"),
        );
        check(
            "Aug  5 08:37:38 sogod [12]: text",
            ("", "sogod", 12, "text"),
        );
        check(
            "Aug  5 08:37:38 mx exim[5]: 2024-11-19 22:00:00 text",
            ("mx", "exim", 5, "text"),
        );
        check("[20-Oct-2020 14:56:10 +0100]: <a> b", ("", "", 0, "<a> b"));
        check("Aug  5 08:37:38 mx some text", ("mx", "", 0, "some text"));
        check(
            "Aug  5 08:37:38 mx last message repeated 3 times",
            ("mx", "", 0, "last message repeated 3 times"),
        );
        check(
            "Aug  5 08:37:38 last message repeated 3 times",
            ("", "", 0, "last message repeated 3 times"),
        );
        check("Aug  5 08:37:38 mx", ("mx", "", 0, ""));
        check("Aug  5 08:37:38", ("", "", 0, ""));
        check("Aug  5 08:37:38 mx x[1] <Info>: y", ("mx", "x", 1, "y"));
        check(
            "Aug  5 08:37:38 <mail.info> mx x[1]: y",
            ("mx", "x", 1, "y"),
        );
        check(
            "Aug  5 08:37:38 mx x[1]: [ID 197553 mail.info] y",
            ("mx", "x", 1, "y"),
        );
        check(
            "postfix/smtpd[1]: connect",
            ("", "postfix/smtpd", 1, "connect"),
        );
        check(
            "mx postfix/smtpd[1]: connect",
            ("mx", "postfix/smtpd", 1, "connect"),
        );
        check("no header: at all", ("", "", 0, "no header: at all"));
        check("", ("", "", 0, ""));
    }

    #[test]
    fn exim_lines_are_text_alone() {
        let text = "1tDBxx-00000000abc-1234 <= a@example.com H=b [192.0.2.1] P=esmtps";
        check(&format!("2024-11-19 22:00:00 {text}"), ("", "", 0, text));
        check(
            &format!("2024-11-19 22:00:00.123 +0100 {text}"),
            ("", "", 0, text),
        );
        check(
            &format!("2024-11-19 22:00:00 [77] {text}"),
            ("", "", 77, text),
        );
        check("2024-11-19 22:00:00 Warning: x", ("", "", 0, "Warning: x"));
        check(
            "2024-11-19 22:00:00 Start queue run: pid=7",
            ("", "", 0, "Start queue run: pid=7"),
        );
        check("2024-11-19 22:00:00 mx exim[5]: x", ("mx", "exim", 5, "x"));
        let full = "Tue 2024-11-19 22:00:00 CET mx postfix/qmgr[5]: x";
        check(full, ("mx", "postfix/qmgr", 5, "x"));
    }
}

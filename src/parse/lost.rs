//! journald, rsyslog, syslog-ng: lines that the logging system itself has dropped.

use super::take;
use crate::event::Event;

/// `imjournal: 143847 messages lost due to rate-limiting`, `Suppressed 7124 messages from postfix.service`.
pub(super) fn parse<'a>(program: &str, text: &'a str) -> Option<Event<'a>> {
    let n_lines = match program {
        "rsyslogd" | "rsyslogd-2177" | "rsyslog" | "imuxsock" => rsyslog(text)?,
        "systemd-journald" | "systemd-journal" | "journal" | "journald" => journald(text)?,
        "imjournal" => lost(text)?,
        "syslog-ng" => {
            let rest = text.strip_prefix("Number of allowed concurrent connections");
            return rest.map(|_| Event::LinesLost {
                n_lines: None,
                text,
            });
        }
        _ => return None,
    };
    Some(Event::LinesLost { n_lines, text })
}

fn rsyslog(text: &str) -> Option<Option<u64>> {
    if let Some(rest) = text.strip_prefix("imjournal: ") {
        return lost(rest).or_else(|| rest.starts_with("begin to drop messages").then_some(None));
    }
    if let Some(rest) = text.strip_prefix("imuxsock") {
        return imuxsock(rest);
    }
    let full = text.starts_with("action '") && text.contains(" suspended ");
    full.then_some(None)
}

/// `imuxsock[pid 12]: begin to drop messages due to rate-limiting`, `imuxsock lost 12 messages from pid 3`.
fn imuxsock(text: &str) -> Option<Option<u64>> {
    if let Some(rest) = text.strip_prefix(" lost ") {
        return take::number(rest).map(|(n_lines, _)| Some(n_lines));
    }
    let (_, rest) = take::split_at_text(text, ": ")?;
    lost(rest).or_else(|| rest.starts_with("begin to drop messages").then_some(None))
}

/// `143847 messages lost due to rate-limiting`
fn lost(text: &str) -> Option<Option<u64>> {
    let (n_lines, rest) = take::number(text)?;
    rest.starts_with(" messages lost").then_some(Some(n_lines))
}

/// `Suppressed 7124 messages from /system.slice/postfix.service`, `Missed 12 kernel messages`
fn journald(text: &str) -> Option<Option<u64>> {
    let rest = text
        .strip_prefix("Suppressed ")
        .or_else(|| text.strip_prefix("Missed "))?;
    let (n_lines, rest) = take::number(rest)?;
    rest.contains(" messages").then_some(Some(n_lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let check = |program, text, n_lines| {
            assert_eq!(
                parse(program, text),
                Some(Event::LinesLost { n_lines, text }),
                "{text}"
            );
        };
        check(
            "rsyslogd",
            "imjournal: 143847 messages lost due to rate-limiting",
            Some(143_847),
        );
        check(
            "rsyslogd-2177",
            "imuxsock[pid 12]: begin to drop messages due to rate-limiting",
            None,
        );
        check(
            "rsyslogd-2177",
            "imuxsock lost 12 messages from pid 3 due to rate-limiting",
            Some(12),
        );
        check(
            "systemd-journald",
            "Suppressed 7124 messages from /system.slice/postfix.service",
            Some(7124),
        );
        assert_eq!(parse("rsyslogd", "start"), None);
        assert_eq!(parse("cron", "Suppressed 7124 messages from x"), None);
    }
}

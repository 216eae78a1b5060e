//! `warning: …`, `error: …`, `fatal: …`, `panic: …`: what msg(3) puts in front, in every Postfix program.

use super::take;
use crate::event::{Event, WarningLevel};

/// Reads a line that a level begins, with the queue ID when it comes next.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let (level, rest) = level(text)?;
    let (queue_id, text) = take::queue_id_if_any(rest);
    Some(Event::Warning {
        queue_id,
        client: None,
        level,
        text,
    })
}

/// The level in front, and what it is said of.
pub(super) fn level(text: &str) -> Option<(WarningLevel, &str)> {
    let (word, rest) = match text.as_bytes().first()? {
        b'w' => (WarningLevel::Warning, text.strip_prefix("warning: ")),
        b'e' => (WarningLevel::Error, text.strip_prefix("error: ")),
        b'f' => (WarningLevel::Fatal, text.strip_prefix("fatal: ")),
        b'p' => (WarningLevel::Panic, text.strip_prefix("panic: ")),
        _ => return None,
    };
    Some((word, rest?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::QueueId;

    #[test]
    fn levels_and_queue_ids() {
        let check = |line, queue_id, level, text| {
            let wanted = Event::Warning {
                queue_id,
                client: None,
                level,
                text,
            };
            assert_eq!(parse(line), Some(wanted), "{line}");
        };
        check(
            "fatal: watchdog timeout",
            None,
            WarningLevel::Fatal,
            "watchdog timeout",
        );
        check("error: x", None, WarningLevel::Error, "x");
        check("panic: y", None, WarningLevel::Panic, "y");
        check(
            "warning: 3FF7C4317: read timeout on cleanup socket",
            Some(QueueId("3FF7C4317")),
            WarningLevel::Warning,
            "read timeout on cleanup socket",
        );
        assert_eq!(parse("a warning: x"), None);
        assert_eq!(parse(""), None);
    }
}

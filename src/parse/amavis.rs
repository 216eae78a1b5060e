//! amavis: what the content filter thinks of a message, and its steps on the way.

use super::take;
use crate::event::{Event, Verdict, WarningLevel};
use crate::mail::QueueId;

/// Reads `(27886-10) Passed CLEAN {RelayedInbound}, … <from> -> <to>, Queue-ID: …, Message-ID: <…>, …`.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let Some(rest) = after_task(text) else {
        return startup(text);
    };
    let alarm = rest
        .strip_prefix("(!!)")
        .or_else(|| rest.strip_prefix("(!)"));
    if let Some(text) = alarm {
        return Some(warning(text));
    }
    if rest.starts_with("Passed") || rest.starts_with("Blocked") {
        return verdict(rest);
    }
    Some(Event::Note {
        queue_id: None,
        client: None,
        text: rest,
    })
}

/// `(27886-10) `, `(27886-10-2) `: process and task.
fn after_task(text: &str) -> Option<&str> {
    let (task, rest) = take::split_at_text(text.strip_prefix('(')?, ") ")?;
    // `rw-` and the like stand before the number of a child that is none of the usual ones.
    let is_task = task.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && task.contains('-')
        && task.ends_with(|c: char| c.is_ascii_digit());
    is_task.then_some(rest)
}

fn warning(text: &str) -> Event<'_> {
    Event::Warning {
        queue_id: None,
        client: None,
        level: WarningLevel::Warning,
        text: text.trim_start(),
    }
}

/// The verdict, the addresses, and the fields behind them, in the order of `$log_templ`.
fn verdict(text: &str) -> Option<Event<'_>> {
    let words = words(text);
    let mut found = Verdict {
        text: words,
        ..Verdict::default()
    };
    // Client addresses and policy banks come first, then `<from> -> <to>,<to>`.
    let rest = text.get(words.len()..)?;
    let mut rest = after_addresses(rest).unwrap_or("");
    // Old templates forget a comma.
    while let Some(field) = rest.strip_prefix(',').unwrap_or(rest).strip_prefix(' ') {
        if let Some(value) = field.strip_prefix("Queue-ID: ") {
            found.queue_id = queue_id(value);
        } else if let Some(value) = field.strip_prefix("queued_as: ") {
            found.queued_as = queue_id(value);
            break;
        } else if let Some(value) = field.strip_prefix("Message-ID: ") {
            let Some((id, after)) = take::address(value) else {
                break;
            };
            found.message_id = Some(id.0);
            rest = after;
            continue;
        } else if field.starts_with("Subject: ") || field.starts_with("From: ") {
            // From here on the sender speaks.
            break;
        }
        let end = memchr::memmem::find(field.as_bytes(), b", ").unwrap_or(field.len());
        rest = field.get(end..).unwrap_or("");
    }
    Some(Event::Verdict(Box::new(found)))
}

/// The first of `ED01244770/4PbC4x469Jz3tBr, …`.
fn queue_id(text: &str) -> Option<QueueId<'_>> {
    let end = text.find([',', '/', ' ']).unwrap_or(text.len());
    let id = text.get(..end)?;
    take::is_queue_id(id).then_some(QueueId(id))
}

/// `Blocked INFECTED (Eicar-Test-Signature)`: up to ` {` or the first comma outside of the parentheses.
fn words(text: &str) -> &str {
    let mut depth = 0;
    let end = text.bytes().position(|b| {
        match b {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth <= 0 && matches!(b, b',' | b'{')
    });
    text.get(..end.unwrap_or(text.len()))
        .unwrap_or(text)
        .trim_end()
}

/// What follows `<from> -> <to>,<to>`.
fn after_addresses(text: &str) -> Option<&str> {
    let at = memchr::memchr(b'<', text.as_bytes())?;
    let (_, rest) = take::address(text.get(at..)?)?;
    let mut rest = rest.strip_prefix(" -> ")?;
    loop {
        let (_, after) = take::address(rest)?;
        match after.strip_prefix(',') {
            Some(next) if next.starts_with('<') => rest = next,
            _ => return Some(after),
        }
    }
}

/// What amavis says of itself.
fn startup(text: &str) -> Option<Event<'_>> {
    let known = [
        "starting. ",
        "starting ",
        "Perl version",
        "Module ",
        "Creating db in ",
        "Net::Server: ",
        "Using ",
        "Found ",
        "No ",
        "TROUBLE",
        "WARN",
        "NOTICE",
        "Can't ",
        "Error in ",
        "logging ",
        "will bind to ",
        "our uid",
        "uid=",
        "OS_Fingerprint ",
        "DKIM ",
        "SQL ",
        "User",
        "Deleting db files ",
        "user=",
        "SANITIZED",
        "Valid PID file",
        "logging initialized",
        "sd_notify ",
        "INFO: ",
        "initializing Mail::SpamAssassin",
        "INIT",
        "extra modules loaded",
        "Amavis::",
        "ANTI-",
        "Lookup::",
        "TIMING",
        "Unpackers",
        "storage and ",
        "ZMQ",
        "Valid ",
        "bind to ",
        "config files read: ",
        "perl=",
        "loaded ",
        "SpamControl: ",
        "shutting down",
        "rejected ",
        "Daemon ",
        "mkdir ",
        "DENIED ACCESS ",
        "Group Not Defined",
        "Pre-forking",
        "Setting ",
        "Binding ",
        "Process Backgrounded",
        "Parent process ",
        "Requesting process rundown",
    ];
    if text.starts_with("(!") {
        return Some(warning(text));
    }
    known
        .iter()
        .any(|known| text.starts_with(known))
        .then_some(Event::Service { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        line: &str,
        queue_id: Option<&str>,
        message_id: Option<&str>,
        queued_as: Option<&str>,
        text: &str,
    ) {
        let wanted = Verdict {
            queue_id: queue_id.map(QueueId),
            message_id,
            queued_as: queued_as.map(QueueId),
            text,
        };
        assert_eq!(
            parse(line),
            Some(Event::Verdict(Box::new(wanted))),
            "{line}"
        );
    }

    #[test]
    fn verdicts() {
        let (id, mid) = (Some("3FF7C4317"), Some("1@example.com"));
        check(
            "(27886-10) Passed CLEAN {RelayedInbound}, [192.0.2.1]:18342 [192.0.2.1] <a@example.com> -> <b@example.net>,<c@x>, \
             Queue-ID: 3FF7C4317, Message-ID: <1@example.com>, mail_id: rOE, Hits: -, size: 1, queued_as: AB4D259B1, Subject: \"x\", 108 ms",
            id,
            mid,
            Some("AB4D259B1"),
            "Passed CLEAN",
        );
        check(
            "(15443-09) Passed, <a@example.com> -> <b@x>, Message-ID: <1@example.com>, Hits: -",
            None,
            mid,
            None,
            "Passed",
        );
        check(
            "(1-2) Blocked INFECTED (Eicar, Test) {Discarded}, [192.0.2.1] <a@x> -> <b@x>, quarantine: q, Queue-ID: 3FF7C4317, size: 1, 9 ms",
            id,
            None,
            None,
            "Blocked INFECTED (Eicar, Test)",
        );
    }

    #[test]
    fn a_sender_and_a_subject_are_not_believed() {
        check(
            "(1-2) Blocked SPAM {Discarded}, [192.0.2.1] <\"x> -> <y>, Queue-ID: FACADE1, z\"@x> -> <b@x>, Queue-ID: 3FF7C4317, \
             Message-ID: <1@example.com>, Hits: 9, Subject: \"a, queued_as: FACADE2, 3 ms\", 9 ms",
            Some("3FF7C4317"),
            Some("1@example.com"),
            None,
            "Blocked SPAM",
        );
    }

    #[test]
    fn other_lines() {
        assert!(matches!(
            parse("(1-2) TIMING [total 108 ms] - x"),
            Some(Event::Note { .. })
        ));
        assert!(matches!(
            parse("(1-2) (!)connect failed"),
            Some(Event::Warning { .. })
        ));
        assert!(matches!(
            parse("starting. /usr/sbin/amavisd"),
            Some(Event::Service { .. })
        ));
        assert_eq!(parse("an arbitrary sentence"), None);
        assert_eq!(parse("(1-2"), None);
    }
}

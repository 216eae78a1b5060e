//! Milters and their kin: OpenDKIM, OpenDMARC, Rspamd, clamav-milter, milter-manager, spamd.

use super::take;
use crate::event::{Event, Verdict, WarningLevel};
use crate::mail::QueueId;

/// opendkim(8): `QID: DKIM-Signature field added (s=mail, d=example.com)`.
pub(super) fn opendkim(text: &str) -> Option<Event<'_>> {
    let verdicts = [
        "DKIM-Signature field added ",
        "DKIM-Signature header added ",
        "unsigned",
        "signature expired",
        "DKIM verification successful",
        "bad signature data",
        "no signature data",
        "signature=",
        "s=",
        "message has signatures from ",
        "external host ",
        "ADSP ",
    ];
    let notes = [
        "not authenticated",
        "no signing domain match for ",
        "no signing subdomain match for ",
        "no signing table match for ",
        "no signing keylist match for ",
        "no signature error",
        "key retrieval failed ",
        "can't determine message sender",
        "can't parse ",
        "failed to parse ",
        "syntax error",
        "no From",
        "no MTA name match",
        "ignoring header field ",
        "ignored signature ",
        "dkim_",
        "internal error",
        "signing ",
        "verification ",
        "mode select: ",
        "multiple ",
        "BOGUS ",
        "resource unavailable",
        "bad authentication-results",
        "removed ",
        "error ",
        "SSL error",
        "signature ",
        "RFC5322 header requirement error",
        "unable to ",
        "replacing ",
        "message ",
        "cannot parse ",
    ];
    let Some((queue_id, rest)) = take::queue_id(text) else {
        if text.contains(": dkimf_") || text.contains(": key data is not secure") {
            return Some(Event::Service { text });
        }
        return service(
            text,
            &[
                "OpenDKIM Filter",
                "OpenDKIM: ",
                "mlfi_",
                "can't ",
                "ignoring ",
                "[",
                "configuration reloaded",
                "terminating ",
                "exiting with status ",
                "dkimf_",
                "exited with status ",
            ],
        );
    };
    verdict_or_note(queue_id, rest, &verdicts, &notes).or_else(|| internal_host(queue_id, rest))
}

/// `mx.example.com [192.0.2.1] not internal`
fn internal_host<'a>(queue_id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let host = text
        .strip_suffix(" not internal")
        .or_else(|| text.strip_suffix(" internal"))?;
    let ends = host.ends_with(']');
    (ends && !host.contains('<')).then_some(Event::Note {
        queue_id: Some(queue_id),
        client: None,
        text,
    })
}

/// opendmarc(8): `QID: example.com pass`, `QID: SPF(mailfrom): example.com fail`.
pub(super) fn opendmarc(text: &str) -> Option<Event<'_>> {
    let Some((queue_id, rest)) = take::queue_id(text) else {
        let known = [
            "OpenDMARC Filter",
            "implicit authentication service: ",
            "additional trusted authentication services: ",
            "configuration reloaded",
            "terminating ",
            "exiting with status ",
            "dmarcf_",
        ];
        return service(text, &known).or_else(|| ignored(text));
    };
    let (_, result) = take::split_at_last(rest, " ").unwrap_or(("", rest));
    let results = [
        "pass",
        "fail",
        "none",
        "neutral",
        "softfail",
        "temperror",
        "permerror",
        "bestguesspass",
        "bestguessfail",
    ];
    if results.contains(&result) {
        return verdict(Some(queue_id), None, rest);
    }
    let notes = [
        "ignoring Authentication-Results at ",
        "ignoring connection from ",
        "opendmarc_policy_",
        "SPF(",
        "unable to parse From header field",
        "can't determine organizational domain",
        "RFC5322 ",
        "multi-valued From field",
        "missing ",
        "no Authentication-Results",
        "Multiple ",
        "failed to ",
    ];
    let verdicts = [
        "rejected by DMARC policy for ",
        "quarantined by DMARC policy for ",
    ];
    verdict_or_note(queue_id, rest, &verdicts, &notes)
}

/// Version 1.3 forgot the colon: `QID ignoring Authentication-Results at 0 from mx.example.com`.
fn ignored(text: &str) -> Option<Event<'_>> {
    let (id, rest) = take::split_at_byte(text, b' ').unwrap_or(("", text));
    let (queue_id, rest) = match take::is_queue_id(id) {
        true => (Some(QueueId(id)), rest),
        false => (None, text),
    };
    rest.starts_with("ignoring ").then_some(Event::Note {
        queue_id,
        client: None,
        text: rest,
    })
}

/// rspamd(8): `<tag>; proxy; rspamd_task_write_log: id: <…>, qid: <QID>, … (default: F (no action): …`.
pub(super) fn rspamd(text: &str) -> Option<Event<'_>> {
    let (front, rest) = take::split_at_text(text, "; ")?;
    let (module, rest) = take::split_at_text(rest, "; ")?;
    let (function, message) = take::split_at_text(rest, ": ")?;
    if !is_front(front) || !take::is_word(module) || function.contains(' ') {
        return None;
    }
    if function == "rspamd_task_write_log" {
        return task(message);
    }
    Some(Event::Note {
        queue_id: None,
        client: None,
        text: message,
    })
}

/// `<tag>`, perhaps behind date, worker and process: `2024-01-01 10:00:00 #123(normal) <tag>`.
fn is_front(text: &str) -> bool {
    let (process, tag) = take::split_at_last(text, " ").unwrap_or(("", text));
    let tag = take::unbracketed(tag);
    let is_ours = process
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b" -:#()._/".contains(&b));
    is_ours && (tag.is_empty() || take::is_word(tag))
}

/// Rspamd puts `?` for each blank in a Message-ID: no `>, qid: <` can be in it.
fn task(text: &str) -> Option<Event<'_>> {
    let (message_id, rest) = take::split_at_text(text.strip_prefix("id: <")?, ">,")?;
    let (queue_id, rest) = match rest.strip_prefix(" qid: <") {
        Some(rest) => {
            let (id, rest) = take::split_at_byte(rest, b'>')?;
            (Some(id).filter(|id| take::is_queue_id(id)), rest)
        }
        None => (None, rest),
    };
    let text = take::split_at_text(rest, " (default: ").map_or(rest, |(_, text)| text);
    verdict(queue_id.map(QueueId), Some(message_id), text)
}

/// clamav-milter(8): `Message QID from <…> to <…> … infected by NAME`.
pub(super) fn clamav(text: &str) -> Option<Event<'_>> {
    if let Some(rest) = text.strip_prefix("Message ") {
        let (id, _) = take::split_at_byte(rest, b' ')?;
        let queue_id = Some(id).filter(|id| take::is_queue_id(id));
        let (_, name) = take::split_at_last(rest, " infected by ")?;
        return verdict(queue_id.map(QueueId), None, name);
    }
    if text.starts_with("Clean message ") {
        return verdict(None, None, "Clean message");
    }
    if let Some(text) = text
        .strip_prefix("ERROR: ")
        .or_else(|| text.strip_prefix("WARNING: "))
    {
        return Some(Event::Warning {
            queue_id: None,
            client: None,
            level: WarningLevel::Warning,
            text,
        });
    }
    service(
        text,
        &[
            "+++ Started at ",
            "+++ Stopped",
            "Probe for socket ",
            "Probe for slot ",
            "Local socket ",
            "Loaded ",
            "clamfi_",
            "No clamd server appears ",
            "Socket removed",
            "Clamd available",
            "All clamd ",
        ],
    )
}

/// milter-manager(1): `[info] …`, `[statistics] …`.
pub(super) fn milter_manager(text: &str) -> Option<Event<'_>> {
    let (level, rest) = take::split_at_byte(text.strip_prefix('[')?, b']')?;
    let rest = rest.trim_start();
    match level {
        "statistics" => Some(Event::Statistics { text: rest }),
        "warning" | "error" | "critical" => Some(Event::Warning {
            queue_id: None,
            client: None,
            level: WarningLevel::Warning,
            text: rest,
        }),
        level if take::is_word(level) => Some(Event::Note {
            queue_id: None,
            client: None,
            text: rest,
        }),
        _ => None,
    }
}

/// spamd(8p): `spamd: clean message (-1.0/5.0) for bob:106 in 1.6 seconds, 1234 bytes.`
pub(super) fn spamd(text: &str) -> Option<Event<'_>> {
    let channel = take::split_at_text(text, ": ").filter(|(channel, _)| take::is_word(channel));
    // Before version 3 it did not repeat its name.
    let (channel, rest) = channel.unwrap_or(("", text));
    match channel {
        "" => old_spamd(text),
        "spamd" => {
            let verdicts = ["clean message ", "identified spam ", "result: "];
            if verdicts.iter().any(|verdict| rest.starts_with(verdict)) {
                return verdict(None, None, rest);
            }
            Some(Event::Note {
                queue_id: None,
                client: None,
                text: rest,
            })
        }
        "prefork" | "logger" | "config" | "rules" | "dns" | "bayes" | "pyzor" | "razor2"
        | "dcc" | "plugin" | "netset" | "auto-whitelist" | "util" | "info" | "server" | "check"
        | "received-header" | "spf" | "dkim" | "generic" => Some(Event::Note {
            queue_id: None,
            client: None,
            text: rest,
        }),
        "warn" | "error" => Some(Event::Warning {
            queue_id: None,
            client: None,
            level: WarningLevel::Warning,
            text: rest,
        }),
        _ => None,
    }
}

fn old_spamd(text: &str) -> Option<Event<'_>> {
    let verdicts = ["clean message ", "identified spam ", "result: "];
    if verdicts.iter().any(|words| text.starts_with(words)) {
        return verdict(None, None, text);
    }
    let notes = [
        "connection from ",
        "checking message ",
        "processing message ",
        "info: setuid to ",
        "server started ",
        "server killed by ",
    ];
    let is_known = notes.iter().any(|words| text.starts_with(words));
    is_known.then_some(Event::Note {
        queue_id: None,
        client: None,
        text,
    })
}

/// spamass-milter(8): little more than its start and stop.
pub(super) fn spamass(text: &str) -> Option<Event<'_>> {
    service(
        text,
        &[
            "spamass-milter ",
            "Could not retrieve ",
            "queueid=",
            "got empty ",
            "Could not extract score ",
        ],
    )
}

fn verdict_or_note<'a>(
    queue_id: QueueId<'a>,
    text: &'a str,
    verdicts: &[&str],
    notes: &[&str],
) -> Option<Event<'a>> {
    let begins = |known: &[&str]| known.iter().any(|known| text.starts_with(known));
    if begins(verdicts) {
        return verdict(Some(queue_id), None, text);
    }
    begins(notes).then_some(Event::Note {
        queue_id: Some(queue_id),
        client: None,
        text,
    })
}

fn verdict<'a>(
    queue_id: Option<QueueId<'a>>,
    message_id: Option<&'a str>,
    text: &'a str,
) -> Option<Event<'a>> {
    Some(Event::Verdict(Box::new(Verdict {
        queue_id,
        message_id,
        text,
        ..Verdict::default()
    })))
}

fn service<'a>(text: &'a str, known: &[&str]) -> Option<Event<'a>> {
    known
        .iter()
        .any(|known| text.starts_with(known))
        .then_some(Event::Service { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        event: Option<Event<'_>>,
        queue_id: Option<&str>,
        message_id: Option<&str>,
        text: &str,
    ) {
        let wanted = verdict(queue_id.map(QueueId), message_id, text);
        assert_eq!(event, wanted, "{text}");
    }

    #[test]
    fn verdicts() {
        let id = Some("3FF7C4317");
        let text = "DKIM-Signature field added (s=mail, d=example.com)";
        check(opendkim(&format!("3FF7C4317: {text}")), id, None, text);
        check(
            opendmarc("3FF7C4317: example.com fail"),
            id,
            None,
            "example.com fail",
        );
        check(
            opendmarc("3FF7C4317: SPF(mailfrom): a.example pass"),
            id,
            None,
            "SPF(mailfrom): a.example pass",
        );
        check(
            rspamd(
                "(proxy) <a1b2c3>; proxy; rspamd_task_write_log: id: <1@example.com>, qid: <3FF7C4317>, ip: 192.0.2.1, \
                    from: <a@example.com>, (default: T (reject): [15.1/15.0] [X(1)]), len: 1",
            ),
            id,
            Some("1@example.com"),
            "T (reject): [15.1/15.0] [X(1)]), len: 1",
        );
        check(
            clamav("Message 3FF7C4317 from <a@x> to <b@x> infected by Eicar"),
            id,
            None,
            "Eicar",
        );
        let text = "identified spam (12.0/5.0) for bob:106 in 1.6 seconds, 1234 bytes.";
        check(spamd(&format!("spamd: {text}")), None, None, text);
    }

    #[test]
    fn notes_and_the_unknown() {
        let notes = [
            opendkim("3FF7C4317: mx.example.com [192.0.2.1] not internal"),
            opendmarc("3FF7C4317 ignoring Authentication-Results at 0 from mx.example.com"),
            rspamd("<a1b2c3>; lua; spf.lua:120: check"),
            spamd("prefork: child states: II"),
        ];
        for event in notes {
            assert!(matches!(event, Some(Event::Note { .. })), "{event:?}");
        }
        assert_eq!(opendkim("an arbitrary sentence"), None);
        assert_eq!(opendkim("3FF7C4317: an arbitrary sentence"), None);
        assert_eq!(opendmarc("3FF7C4317: an arbitrary sentence"), None);
        assert_eq!(rspamd("an arbitrary sentence"), None);
        assert_eq!(spamd("an arbitrary: sentence"), None);
    }
}

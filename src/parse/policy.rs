//! Policy servers that smtpd(8) asks: policyd-spf, postgrey, postfwd.

use super::{take, warning};
use crate::event::{Event, Verdict};

/// policyd-spf (Python) and postfix-policyd-spf-perl.
pub(super) fn spf(text: &str) -> Option<Event<'_>> {
    // The Perl one writes an instance name, which may be empty, in front.
    let text = text.trim_start_matches([':', ' ']);
    let verdicts = [
        "prepend ",
        "Received-SPF: ",
        "Policy action=",
        "SPF ",
        "Pass; ",
        "None; ",
        "Fail; ",
        "Softfail; ",
        "Neutral; ",
        "Temperror; ",
        "Permerror; ",
        "Action: ",
        "Authentication-Results: ",
        "550 ",
        "551 ",
        "552 ",
        "554 ",
        "450 ",
        "451 ",
        "452 ",
        "action=",
        "REJECT ",
        "dunno",
        "defer_if_permit ",
        "Rejected ",
        "spfcheck: ",
    ];
    let notes = [
        "Mail From (sender) check failed",
        "HELO check failed",
        "Mail From check failed",
        "Read line: ",
        "Found the end of entry",
        "Starting",
        "Normal exit",
        "Config: ",
        "Cached data for this instance: ",
        "skip_addresses ",
        "handler ",
        "Attribute: ",
        "Client whitelisted",
        "Not checking ",
        "Whitelist ",
        "ERROR: ",
        "Traceback (most recent call last)",
        "Unknown configuration item ",
        "_get_resultcodes",
        "File \"",
        "Local SPF disabled",
        "Whitelist_Lookup",
        "header_type",
        "Skipping ",
        "Initializing ",
        "Processing ",
    ];
    warning::parse(text)
        .or_else(|| verdict(text, &verdicts))
        .or_else(|| note(text, &notes))
}

/// postgrey(8): `action=greylist, reason=new, client_name=, client_address=, sender=, recipient=`.
pub(super) fn postgrey(text: &str) -> Option<Event<'_>> {
    if let Some(event) = verdict(text, &["action="]) {
        return Some(event);
    }
    let notes = [
        "cleaning ",
        "Setting gid to ",
        "Setting uid to ",
        "Process Backgrounded",
        "Binding to ",
        "Couldn't unlink ",
        "ignoring garbage: ",
        "unrecognized request type: ",
        "rm ",
        "whitelisted: ",
        "request: ",
        "Server closing!",
        "Resolved ",
        "Group Not Defined",
        "User Not Defined",
        "warning: ",
        "fatal: ",
        "delayed ",
        "starting ",
        "storing the statistics",
        "Signal ",
        "Fatal: ",
        "Error: ",
    ];
    warning::parse(text)
        .or_else(|| note(text, &notes))
        .or_else(|| started(text))
}

/// Net::Server puts a date of its own: `2008/03/08-15:54:49 postgrey (type Net::Server::Multiplex) starting! pid(1)`.
fn started(text: &str) -> Option<Event<'_>> {
    let (date, rest) = take::split_at_byte(text, b' ')?;
    let is_date = date
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'/' | b'-' | b':'));
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ':' | ' '));
    let known = [
        "Server closing!",
        "Binding to ",
        "Pid_file ",
        "Setting ",
        "Process Backgrounded",
        "Group Not Defined",
        "User Not Defined",
        "Couldn't ",
        "Bad ",
        "Can't ",
    ];
    let is_known =
        rest.contains(" (type Net::Server") || known.iter().any(|known| rest.starts_with(known));
    (is_date && is_known).then_some(Event::Service { text })
}

/// postfwd(8): `[RULES] rule=0, id=…, client=…, action=DUNNO`.
pub(super) fn postfwd(text: &str) -> Option<Event<'_>> {
    let Some(rest) = text.strip_prefix('[') else {
        let known = [
            "postfwd",
            "ready for input",
            "terminating",
            "Process Backgrounded",
            "TIMEOUT",
            "Setting ",
            "Binding ",
            "Net::Server",
            "Server closing!",
            "reloading",
            "starting",
        ];
        return warning::parse(text)
            .or_else(|| note(text, &known))
            .or_else(|| started(text));
    };
    let (kind, rest) = take::split_at_text(rest, "] ")?;
    match kind {
        "RULES" | "DNSBL" | "CACHE" | "RATES" => verdict(text, &["["]),
        "STATS" | "CLEANUP" | "SIZES" => Some(Event::Statistics { text: rest }),
        kind if kind.bytes().all(|b| b.is_ascii_uppercase()) => note(text, &["["]),
        _ => None,
    }
}

/// Filters and policy servers besides: what they decide, smtpd(8) and cleanup(8) say again.
pub(super) fn other(text: &str) -> Option<Event<'_>> {
    warning::parse(text)
        .or_else(|| take::queue_id(text).and_then(|_| verdict(text, &[""])))
        .or_else(|| note(text, &[""]))
}

fn verdict<'a>(text: &'a str, known: &[&str]) -> Option<Event<'a>> {
    let (queue_id, text) = take::queue_id_if_any(text);
    let is_known = known.iter().any(|known| text.starts_with(known));
    is_known.then(|| {
        Event::Verdict(Box::new(Verdict {
            queue_id,
            text,
            ..Verdict::default()
        }))
    })
}

fn note<'a>(text: &'a str, known: &[&str]) -> Option<Event<'a>> {
    let is_known = known.iter().any(|known| text.starts_with(known));
    is_known.then_some(Event::Note {
        queue_id: None,
        client: None,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::QueueId;

    #[test]
    fn verdicts() {
        let check = |event: Option<Event<'_>>, id: Option<&str>, text| {
            let wanted = Verdict {
                queue_id: id.map(QueueId),
                text,
                ..Verdict::default()
            };
            assert_eq!(event, Some(Event::Verdict(Box::new(wanted))));
        };
        let text = "prepend Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.1; helo=h; envelope-from=a@x";
        check(spf(text), None, text);
        check(spf(": SPF none: x"), None, "SPF none: x");
        let text = "action=greylist, reason=new, client_name=h, client_address=192.0.2.1, sender=a@x, recipient=b@x";
        check(postgrey(text), None, text);
        check(
            postgrey(&format!("3FF7C4317: {text}")),
            Some("3FF7C4317"),
            text,
        );
        let text = "[RULES] rule=0, id=OK, client=h[192.0.2.1], action=DUNNO";
        check(postfwd(text), None, text);
    }

    #[test]
    fn notes_and_the_unknown() {
        let started =
            "2008/03/08-15:54:49 postgrey (type Net::Server::Multiplex) starting! pid(21961)";
        assert_eq!(postgrey(started), Some(Event::Service { text: started }));
        assert!(matches!(
            postgrey("cleaning up old logs..."),
            Some(Event::Note { .. })
        ));
        for event in [
            spf("an arbitrary sentence"),
            postgrey("an arbitrary sentence"),
            postfwd("[rules] x"),
        ] {
            assert_eq!(event, None);
        }
    }
}

//! anvil(8), scache(8), master(8), tlsmgr(8), verify(8), postfix-script and the like: no message in sight.

use super::warning;
use crate::event::Event;

/// Reads a line of a program that keeps the system running.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    warning::parse(text)
        .or_else(|| statistics(text))
        .or_else(|| service(text))
        .or_else(|| note(text))
}

/// `statistics: max connection rate 1/60s for (smtp:192.0.2.1) at Jan 27 06:50:01`.
fn statistics(text: &str) -> Option<Event<'_>> {
    let text = text.strip_prefix("statistics: ")?;
    Some(Event::Statistics { text })
}

/// Start, stop, reload.
fn service(text: &str) -> Option<Event<'_>> {
    let known = [
        "daemon started -- version ",
        "terminating on signal ",
        "reload -- version ",
        "reload configuration ",
        "starting the Postfix mail system",
        "stopping the Postfix mail system",
        "refreshing the Postfix mail system",
        "aborting the Postfix mail system",
        "waiting for the Postfix mail system to terminate",
        "the Postfix mail system is running",
        "the Postfix mail system is not running",
        "the Postfix mail system was not running",
        "terminating for lack of ",
        "Postfix is running with backwards-compatible default settings",
        "Postfix is using backwards-compatible default settings",
        "See http://www.postfix.org/COMPATIBILITY_README.html",
        "See https://www.postfix.org/COMPATIBILITY_README.html",
        "To disable backwards compatibility ",
        "to disable backwards compatibility ",
        "using backwards-compatible default setting ",
        "entering STRESS mode with ",
        "leaving STRESS mode with ",
        "initializing the server-side TLS engine",
        "initializing the client-side TLS engine",
        "attempting to flush the mail queue",
        "unexpected termination of ",
        "rotating the Postfix log",
        "killing the Postfix mail system",
        "Creating new PRNG exchange file",
        "table ",
    ];
    let is_known = known.iter().any(|known| text.starts_with(known));
    let changed = !text.starts_with("table ") || text.ends_with("has changed -- restarting");
    (is_known && changed).then_some(Event::Service { text })
}

/// verify(8), postscreen(8), tlsmgr(8) clean their caches: `cache NAME full cleanup: retained=…`.
fn note(text: &str) -> Option<Event<'_>> {
    let is_cleanup = text.starts_with("cache ") && text.contains(" cleanup: retained=");
    let is_session = ["put ", "lookup ", "delete ", "read ", "write "]
        .iter()
        .any(|verb| text.starts_with(verb) && text.contains(" session id="));
    let is_database = ["close database ", "open database "]
        .iter()
        .any(|known| text.starts_with(known));
    (is_cleanup || is_database || is_session).then_some(Event::Note {
        queue_id: None,
        client: None,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let statistics = "max cache size 1 at Mar 13 23:57:31";
        let line = format!("statistics: {statistics}");
        assert_eq!(parse(&line), Some(Event::Statistics { text: statistics }));
        for text in [
            "daemon started -- version 3.4.14, configuration /etc/postfix",
            "terminating on signal 15",
            "refreshing the Postfix mail system",
            "table hash:/etc/aliases(0,lock|fold_fix) has changed -- restarting",
        ] {
            assert_eq!(parse(text), Some(Event::Service { text }), "{text}");
        }
        let text = "cache btree:/var/lib/postfix/postscreen_cache full cleanup: retained=109 dropped=3 entries";
        assert_eq!(
            parse(text),
            Some(Event::Note {
                queue_id: None,
                client: None,
                text
            })
        );
        for text in ["table manners", "cache is king", "an arbitrary sentence"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

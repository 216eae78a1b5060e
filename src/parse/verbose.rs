//! What a Postfix daemon says with `-v`: the protocol and its own functions, of no consequence.

use super::take;
use crate::event::Event;

/// Reads `< host[ip]: EHLO x`, `function_name: …`, `send attr x = y` and the like.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let is_known = protocol(text) || attribute(text) || function(text);
    is_known.then_some(Event::Note {
        queue_id: None,
        client: None,
        text,
    })
}

/// `< host[ip]:25: 250 ok`, `> host[ip]: QUIT`
fn protocol(text: &str) -> bool {
    let rest = text.strip_prefix("< ").or_else(|| text.strip_prefix("> "));
    rest.and_then(take::client)
        .is_some_and(|(_, rest)| rest.starts_with(": "))
}

/// attr_print(3), attr_scan(3): requests between the daemons.
fn attribute(text: &str) -> bool {
    let known = [
        "send attr ",
        "input attribute name: ",
        "input attribute value: ",
        "trying... ",
        "request: ",
        "done ",
        "start sorted recipient list",
        "end sorted recipient list",
        "start move queue ",
        "end move queue ",
        "connect to subsystem ",
        "wakeup ",
        "process generation: ",
        "mynetworks: ",
        "Compiled against Berkeley DB: ",
        "Run-time linked against Berkeley DB: ",
        "fsspace: ",
        ">>> START ",
        ">>> END ",
        ">>> CHECKING ",
        "before input_transp_cleanup: ",
        "after input_transp_cleanup: ",
    ];
    let whole = [
        "request ignored",
        "connection established",
        "connection closed",
        "idle timeout -- exiting",
    ];
    if whole.contains(&text) || text.ends_with(" stream disconnect") && !text.contains('<') {
        return true;
    }
    if known.iter().any(|known| text.starts_with(known)) {
        return is_ours(text);
    }
    // `unknown_address_tempfail_action = defer_if_permit`
    let setting = take::split_at_text(text, " = ").map(|(name, _)| name);
    let socket = take::split_at_text(text, " socket: wanted attribute: ").map(|(socket, _)| socket);
    setting.is_some_and(|name| name.ends_with("_action") && !name.contains(' '))
        || socket.is_some_and(|socket| !socket.contains(' '))
}

/// Those that could begin a sentence have to go on as ours do.
fn is_ours(text: &str) -> bool {
    match text.strip_prefix("done ") {
        Some(rest) => rest.ends_with(" queue scan"),
        None => true,
    }
}

/// `qmgr_scan_start: start incoming queue scan`: the name of a C function has an underscore.
fn function(text: &str) -> bool {
    let Some((name, _)) = take::split_at_text(text, ": ") else {
        return false;
    };
    let known = [
        "rewrite",
        "lookup",
        "watchdog",
        "connected",
        "auto_clnt",
        "dict",
    ];
    let is_name = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    is_name && (name.contains('_') || known.contains(&name)) && !name.starts_with('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chatter() {
        for line in [
            "< h[192.0.2.1]: EHLO client=h[192.0.2.1], sasl_username=root",
            "> mx.example.net[192.0.2.1]:25: QUIT",
            "smtp_get: EOF",
            "match_string: smtpd_client ~? x",
            "send attr request = rewrite",
            "private/rewrite socket: wanted attribute: flags",
            "done incoming queue scan",
        ] {
            assert!(
                matches!(parse(line), Some(Event::Note { queue_id: None, .. })),
                "{line}"
            );
        }
        for line in [
            "< nonsense",
            "done with you",
            "a sentence: with a colon",
            "reject_warning RCPT",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}

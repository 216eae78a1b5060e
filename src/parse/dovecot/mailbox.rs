//! lmtp, lda, sieve, imap, pop3, …: what happens in a mailbox.

use crate::event::Event;
use crate::parse::take;

/// Reads what follows `lmtp(user)<pid><session>: `.
pub(super) fn parse<'a>(name: &'a str, user: Option<&'a str>, text: &'a str) -> Option<Event<'a>> {
    let known = stored(user, text)
        .or_else(|| old_session(user, text))
        .or_else(|| stored_in_own_words(user, text));
    if known.is_some() {
        return known;
    }
    let is_session = match name {
        "lmtp" => is_lmtp(text),
        _ => is_session(text),
    };
    (is_session || is_deep(text)).then(|| note(text)).flatten()
}

pub(super) fn note(text: &str) -> Option<Event<'_>> {
    Some(Event::Note {
        queue_id: None,
        client: None,
        text,
    })
}

/// `[sieve: ]msgid=<…>[, size=…]: saved mail to INBOX`. The Message-ID is the sender's text.
fn stored<'a>(user: Option<&'a str>, text: &'a str) -> Option<Event<'a>> {
    let rest = text.strip_prefix("sieve: ").unwrap_or(text);
    let rest = rest.strip_prefix("msgid=")?;
    let rest = rest.strip_prefix("? ").unwrap_or(rest);
    let (message_id, rest) = match rest.strip_prefix('<') {
        Some(inner) => {
            let at = [">: ", ">, "]
                .iter()
                .filter_map(|end| memchr::memmem::find(inner.as_bytes(), end.as_bytes()))
                .min()?;
            (inner.get(..at)?, inner.get(at + 1..)?)
        }
        None => take::split_at_text(rest, ": ")
            .map(|(id, _)| (id, rest.get(id.len()..).unwrap_or("")))?,
    };
    // 2.4 has more fields: `, size=1234: stored mail …`.
    let action = match rest.strip_prefix(": ") {
        Some(action) => action,
        None => take::split_at_text(rest, ": ")?.1,
    };
    Some(Event::Stored {
        user: user.unwrap_or(""),
        message_id: (message_id != "unspecified").then_some(message_id),
        action,
    })
}

/// Dovecot 2.2: `lmtp(user): SESSION: sieve: msgid=…`.
fn old_session<'a>(user: Option<&'a str>, text: &'a str) -> Option<Event<'a>> {
    let (session, rest) = take::split_at_text(text, ": ")?;
    let is_base64 = session
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b':'));
    if is_base64 {
        return stored(user, rest);
    }
    None
}

/// `deliver_log_format` set by the administrator: `from=<…>, subject=…, msgid=<…>, size=…: saved mail to INBOX`.
///
/// Whatever fields there are, Dovecot's own words (`%$`) come last; what the sender wrote is not taken from it.
fn stored_in_own_words<'a>(user: Option<&'a str>, text: &'a str) -> Option<Event<'a>> {
    let rest = text.strip_prefix("sieve: ").unwrap_or(text);
    let (key, _) = take::split_at_byte(rest, b'=')?;
    if !take::is_word(key) {
        return None;
    }
    let actions = [
        ": saved mail to ",
        ": stored mail into mailbox ",
        ": save failed to ",
        ": forwarded to <",
        ": discarded ",
        ": marked message to be discarded",
    ];
    let at = actions
        .iter()
        .filter_map(|action| memchr::memmem::rfind(rest.as_bytes(), action.as_bytes()))
        .max()?;
    Some(Event::Stored {
        user: user.unwrap_or(""),
        message_id: None,
        action: rest.get(at + 2..)?,
    })
}

fn is_lmtp(text: &str) -> bool {
    let known = [
        "Connect from ",
        "Disconnect from ",
        "Connection from ",
        "Client disconnected",
        "Logged out",
        "Disconnected",
    ];
    known.iter().any(|known| text.starts_with(known)) || is_session(text)
}

/// The beginnings of what imap, pop3, managesieve and submission log.
fn is_session(text: &str) -> bool {
    let known = [
        "Logged out",
        "Disconnected",
        "Connection closed",
        "Server shutting down",
        "Connection to ",
        "Connect from ",
        "copy -> ",
        "deleted: ",
        "expunged: ",
        "expunge: ",
        "delete: ",
        "undelete: ",
        "copy from ",
        "save: ",
        "append: ",
        "flag_change: ",
        "mailbox_create: ",
        "mailbox_delete: ",
        "mailbox_rename: ",
        "Mailbox ",
        "Indexed ",
        "Too many invalid ",
        "Successful quit",
        "Client has quit",
        "Inactivity",
        "Remote closed connection",
        "in=",
        "BUG: ",
        "Killed with signal ",
        "autoexpunge: ",
        "Opened mailbox ",
        "Hibernat",
        "save failed to ",
        "Successfully relayed message: ",
        "Failed to ",
        "Quota exceeded",
        "ID sent: ",
        "Namespace ",
        "Effective uid=",
        "Loading modules from ",
        "Module loaded: ",
        "Message ",
        "unsubscribe: ",
        "subscribe: ",
    ];
    known.iter().any(|known| text.starts_with(known))
}

/// Plugins speak with their names in front.
fn is_deep(text: &str) -> bool {
    let known = [
        "sieve: ",
        "quota: ",
        "acl: ",
        "fts: ",
        "imapsieve: ",
        "managesieve: ",
        "zlib: ",
        "notify: ",
    ];
    known.iter().any(|known| text.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_mail() {
        let check = |text, message_id, action| {
            let wanted = Event::Stored {
                user: "bob",
                message_id,
                action,
            };
            assert_eq!(parse("lmtp", Some("bob"), text), Some(wanted), "{text}");
        };
        check(
            "msgid=<1@example.com>: saved mail to INBOX",
            Some("1@example.com"),
            "saved mail to INBOX",
        );
        let stored = "stored mail into mailbox 'INBOX'";
        check(
            "sieve: msgid=<1@example.com>: stored mail into mailbox 'INBOX'",
            Some("1@example.com"),
            stored,
        );
        check(
            "z5FOLrRh: sieve: msgid=<1@example.com>: stored mail into mailbox 'INBOX'",
            Some("1@example.com"),
            stored,
        );
        check(
            "msgid=<1@example.com>, size=12: stored mail into mailbox 'INBOX'",
            Some("1@example.com"),
            stored,
        );
        check(
            "msgid=unspecified: saved mail to INBOX",
            None,
            "saved mail to INBOX",
        );
        check(
            "msgid=: saved mail to INBOX",
            Some(""),
            "saved mail to INBOX",
        );
    }

    #[test]
    fn an_administrators_own_words_end_with_dovecots() {
        let action = "saved mail to INBOX";
        let text =
            format!("from=<a@x>, subject=y: saved mail to INBOX, msgid=<1@x>, size=12: {action}");
        let wanted = Event::Stored {
            user: "bob",
            message_id: None,
            action,
        };
        assert_eq!(parse("lmtp", Some("bob"), &text), Some(wanted));
    }

    #[test]
    fn sessions() {
        for (name, text) in [
            ("imap", "Logged out in=313 out=11985"),
            (
                "lmtp",
                "Disconnect from local: Client has quit the connection (state=READY)",
            ),
            (
                "pop3",
                "Disconnected: Logged out top=0/0, retr=0/0, del=0/0, size=0",
            ),
        ] {
            assert!(
                matches!(parse(name, None, text), Some(Event::Note { .. })),
                "{text}"
            );
        }
        assert_eq!(parse("imap", None, "an arbitrary sentence"), None);
    }
}

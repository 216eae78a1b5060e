//! Dovecot 2.2 to 2.4: which of its processes speaks, and how bad it says it is.

mod auth;
mod login;
mod mailbox;

use super::take;
use crate::event::{Event, WarningLevel};
use crate::mail::Client;

/// Reads `imap-login: …`, `auth: …`, `lmtp(user)<pid><session>: …`.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    // Some containers put the program's name in front again.
    let text = text.strip_prefix("dovecot: ").unwrap_or(text);
    match Process::parse(text) {
        Some(process) if !process.is_level() => said(process),
        _ => master(text),
    }
}

/// The master process had no name of its own before version 2.
fn master(text: &str) -> Option<Event<'_>> {
    if let (Some(Level::Bad(level)), text) = level(text) {
        return Some(Event::Warning {
            queue_id: None,
            client: None,
            level,
            text,
        });
    }
    let known = [
        "Dovecot v",
        "Killed with signal ",
        "SIGHUP received",
        "Generating Diffie-Hellman parameters",
        "SSL parameters regeneration completed",
        "auth-worker",
        "child ",
    ];
    known
        .iter()
        .any(|known| text.starts_with(known))
        .then_some(Event::Service { text })
}

/// An IPv4 client of an IPv6 socket is still the IPv4 client: `::ffff:192.0.2.1`.
fn unmapped(ip: &str) -> &str {
    match ip.strip_prefix("::ffff:") {
        Some(mapped) if mapped.contains('.') => mapped,
        _ => ip,
    }
}

/// The same where the syslog header names the process: `dovecot/imap-login`, `imap-login`, `auth(default)`.
pub(super) fn parse_process<'a>(name: &'a str, text: &'a str) -> Option<Event<'a>> {
    let (name, _) = take::split_at_byte(name, b'(').unwrap_or((name, ""));
    let name = name.strip_prefix("dovecot-").unwrap_or(name);
    said(Process {
        name,
        user: None,
        text,
    })
}

fn said<'a>(process: Process<'a>) -> Option<Event<'a>> {
    let Process { name, user, text } = process;
    // 2.4: `auth-worker(user,ip)<pid><session>: request [12]: Info: sql: …`.
    let text = match text.strip_prefix("request [") {
        Some(rest) => take::split_at_text(rest, "]: ")?.1,
        None => text,
    };
    let (level, text) = level(text);
    let event = match name {
        "auth" | "auth-worker" => auth::parse(text)
            .or_else(|| auth::of(user?, text))
            .or_else(|| auth::note(text)),
        "imap" | "IMAP" | "pop3" | "POP3" | "managesieve" | "submission" | "lmtp" | "lda"
        | "deliver" | "sieve" | "indexer-worker" | "imap-urlauth" | "imap-hibernate"
        | "doveadm" | "quota-status" | "dsync-local" | "dsync-server" => {
            mailbox::parse(name, user, text)
        }
        _ => match name.strip_suffix("-login") {
            Some(protocol) => login::parse(protocol, text),
            None if SERVICES.contains(&name) => Some(Event::Service { text }),
            None => None,
        },
    };
    match (event, level) {
        (Some(event @ (Event::AuthFailure(_) | Event::Login(_) | Event::Stored { .. })), _) => {
            Some(event)
        }
        (event, Some(Level::Bad(level))) => Some(Event::Warning {
            queue_id: None,
            client: event.and_then(named_client),
            level,
            text,
        }),
        (_, Some(Level::Debug)) => Some(Event::Note {
            queue_id: None,
            client: None,
            text,
        }),
        (event, None) => event,
    }
}

/// The client that a login process says its sentence of.
fn named_client(event: Event<'_>) -> Option<Client<'_>> {
    match event {
        Event::Note { client, .. } => client,
        _ => None,
    }
}

/// Processes that keep the others running.
const SERVICES: [&str; 17] = [
    "master",
    "log",
    "anvil",
    "config",
    "stats",
    "old-stats",
    "ssl-params",
    "director",
    "replicator",
    "aggregator",
    "indexer",
    "dict",
    "dict-async",
    "ipc",
    "dns-client",
    "tcpwrap",
    "welcome",
];

/// Who speaks: `name`, `name(user)<pid><session>`, `name(pid)`, `name(pid, user)`.
struct Process<'a> {
    name: &'a str,
    user: Option<&'a str>,
    text: &'a str,
}

impl<'a> Process<'a> {
    /// `Error: …` of a process without a name.
    fn is_level(&self) -> bool {
        matches!(
            self.name,
            "Info" | "Warning" | "Error" | "Fatal" | "Panic" | "Debug"
        )
    }

    fn parse(text: &'a str) -> Option<Self> {
        let end = text
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'-')
            .count();
        let (name, rest) = text.split_at_checked(end)?;
        if let Some(text) = rest.strip_prefix(": ") {
            let user = None;
            return Some(Self { name, user, text });
        }
        let (inside, rest) = inside_parentheses(rest.strip_prefix('(')?)?;
        // Before 2.3 only the session stood between: `lmtp(user): SESSION: sieve: …`.
        let (_, text) = take::split_at_text(rest, ": ")?;
        let inside = match take::split_at_text(inside, ", ") {
            Some((pid, user)) if is_number(pid) => user,
            _ => inside,
        };
        Some(Self {
            name,
            user: (!is_number(inside)).then_some(inside),
            text,
        })
    }
}

/// Up to the parenthesis that `: ` or `<pid>` follows: the user name may hold another one.
fn inside_parentheses(text: &str) -> Option<(&str, &str)> {
    memchr::memchr_iter(b')', text.as_bytes()).find_map(|at| {
        let rest = text.get(at + 1..)?;
        let ends = rest.starts_with(": ") || rest.starts_with('<');
        ends.then_some((text.get(..at)?, rest))
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

enum Level {
    Bad(WarningLevel),
    Debug,
}

/// Logged only with `syslog_facility` to a file, and always for errors.
fn level(text: &str) -> (Option<Level>, &str) {
    if let Some(rest) = text.strip_prefix("Info: ") {
        return (None, rest);
    }
    let levels = [
        ("Warning: ", Level::Bad(WarningLevel::Warning)),
        ("Error: ", Level::Bad(WarningLevel::Error)),
        ("Fatal: ", Level::Bad(WarningLevel::Fatal)),
        ("Panic: ", Level::Bad(WarningLevel::Panic)),
        ("Debug: ", Level::Debug),
    ];
    for (word, level) in levels {
        if let Some(rest) = text.strip_prefix(word) {
            return (Some(level), rest);
        }
    }
    (None, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes() {
        let check = |text, name, user, rest| {
            let process = Process::parse(text).expect(text);
            assert_eq!(
                (process.name, process.user, process.text),
                (name, user, rest),
                "{text}"
            );
        };
        check("imap-login: x: y", "imap-login", None, "x: y");
        check(
            "lmtp(bob@example.com)<12><a:2>: x",
            "lmtp",
            Some("bob@example.com"),
            "x",
        );
        check("lmtp(12, bob): x", "lmtp", Some("bob"), "x");
        check("auth-worker(12): x", "auth-worker", None, "x");
        check("imap(a)b): x", "imap", Some("a)b"), "x");
        assert!(Process::parse("an arbitrary sentence").is_none());
    }

    #[test]
    fn a_server_before_2() {
        let text = "Dovecot v1.2.17 starting up (core dumps disabled)";
        assert_eq!(parse(text), Some(Event::Service { text }));
        assert!(matches!(
            parse("Error: child 12 (login) returned error 89"),
            Some(Event::Warning { .. })
        ));
        assert!(matches!(
            parse("IMAP(bob): Disconnected: Logged out bytes=1/2"),
            Some(Event::Note { .. })
        ));
        assert_eq!(parse("an arbitrary sentence"), None);
    }

    #[test]
    fn levels() {
        let text = "Killed with signal 15 (by pid=1 uid=0 code=kill)";
        let line = format!("master: Warning: {text}");
        let wanted = Event::Warning {
            queue_id: None,
            client: None,
            level: WarningLevel::Warning,
            text,
        };
        assert_eq!(parse(&line), Some(wanted));
        assert!(matches!(
            parse("imap(bob): Debug: x"),
            Some(Event::Note { .. })
        ));
        assert_eq!(parse("surprise: x"), None);
    }
}

//! imap-login, pop3-login, submission-login, managesieve-login: who came in, and who did not.
//!
//! `login_log_format = %$: %s` puts Dovecot's own message first, and
//! `user=<…>, method=…, rip=…, lip=…, mpid=…, TLS, session=<…>` behind it.

use crate::event::{AuthFailure, Event, Login};
use crate::mail::Client;
use crate::parse::take;

/// Reads what follows `imap-login: `.
pub(super) fn parse<'a>(protocol: &'a str, text: &'a str) -> Option<Event<'a>> {
    let (message, rest) = split(text)?;
    let who = Who::parse(rest);
    if matches!(message, "Login" | "Logged in") || is_proxied(message) {
        return Some(Event::Login(Box::new(Login {
            protocol,
            sasl_username: who.user.unwrap_or(""),
            sasl_method: who.method,
            client_ip: who.ip,
            tls: who.tls,
        })));
    }
    let client = Client {
        ip: who.ip,
        ..Client::default()
    };
    let Some(failure) = failure(message) else {
        return Some(Event::Note {
            queue_id: None,
            client: Some(client),
            text,
        });
    };
    Some(Event::AuthFailure(Box::new(AuthFailure {
        protocol,
        client,
        sasl_method: who.method,
        sasl_username: who.user,
        reason: message,
        own_fault: failure.own_fault,
        attempts: failure.attempts,
    })))
}

/// The message, and what begins with `user=<` or, in old versions without a user, `rip=`.
fn split(text: &str) -> Option<(&str, &str)> {
    let at = match memchr::memmem::find(text.as_bytes(), b": user=<") {
        Some(at) => at,
        None => memchr::memmem::find(text.as_bytes(), b": rip=")?,
    };
    Some((text.get(..at)?, text.get(at + 2..)?))
}

/// `proxy(bob): started proxying to 192.0.2.1:143`, `proxy(bob,192.0.2.1:143): Started proxying to <h>`
fn is_proxied(message: &str) -> bool {
    let starts = ["): started proxying to ", "): Started proxying to "];
    message.starts_with("proxy(") && starts.iter().any(|start| message.contains(start))
}

struct Who<'a> {
    user: Option<&'a str>,
    method: Option<&'a str>,
    ip: Option<&'a str>,
    tls: bool,
}

impl<'a> Who<'a> {
    /// The user name is the client's; Dovecot writes the last `rip=`.
    fn parse(text: &'a str) -> Self {
        let (front, back) = match text.strip_prefix("rip=") {
            Some(back) => ("", back),
            None => take::split_at_last(text, "rip=").unwrap_or((text, "")),
        };
        let front = front.trim_end_matches([',', ' ']);
        let (user, method) = match take::split_at_last(front, ">, method=") {
            Some((user, method)) if take::is_word(method) => (user, Some(method)),
            _ => (front.strip_suffix('>').unwrap_or(front), None),
        };
        let user = user.strip_prefix("user=<").filter(|user| !user.is_empty());
        let (ip, back) = take::split_at_byte(back, b',').unwrap_or((back, ""));
        Self {
            user,
            method,
            ip: take::looks_like_ip(ip).then(|| super::unmapped(ip)),
            tls: back.contains(", TLS"),
        }
    }
}

struct Failure {
    attempts: u32,
    own_fault: bool,
}

/// What the message's parentheses say; `None` when nobody tried to log in.
fn failure(message: &str) -> Option<Failure> {
    if let Some((_, rest)) = take::split_at_text(message, "(auth failed, ") {
        let attempts = take::number(rest).map_or(1, |(attempts, _)| attempts);
        return Some(Failure {
            attempts,
            own_fault: false,
        });
    }
    let refused = [
        "(tried to use ",
        "(user disabled",
        "(password expired",
        "(authorization failed",
        "(client didn't send a cert",
        "(cert required",
        "(no auth attempts, tried to use ",
        "(proxy dest auth failed",
    ];
    let own = [
        "(internal failure",
        "(auth process communication failure",
        "(temporary auth failure",
    ];
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    (says(&refused) || says(&own)).then(|| Failure {
        attempts: 1,
        own_fault: says(&own),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins() {
        let check = |text, sasl_username, tls| {
            let wanted = Login {
                protocol: "imap",
                sasl_username,
                sasl_method: Some("PLAIN"),
                client_ip: Some("192.0.2.1"),
                tls,
            };
            assert_eq!(
                parse("imap", text),
                Some(Event::Login(Box::new(wanted))),
                "{text}"
            );
        };
        check(
            "Login: user=<bob>, method=PLAIN, rip=192.0.2.1, lip=198.51.100.1, mpid=3, TLS, session=<x>",
            "bob",
            true,
        );
        check(
            "Login: user=<bob>, method=PLAIN, rip=192.0.2.1, lip=198.51.100.1, mpid=3, session=<x>",
            "bob",
            false,
        );
        let name = "a>, method=PLAIN, rip=203.0.113.9, lip=x";
        check(
            &format!("Login: user=<{name}>, method=PLAIN, rip=192.0.2.1, lip=198.51.100.1"),
            name,
            false,
        );
    }

    #[test]
    fn failures() {
        let check = |reason: &str, rest: &str, user, attempts, own_fault| {
            let wanted = AuthFailure {
                protocol: "pop3",
                client: Client {
                    ip: Some("192.0.2.1"),
                    ..Client::default()
                },
                sasl_method: Some("PLAIN"),
                sasl_username: user,
                reason,
                own_fault,
                attempts,
            };
            let line = format!("{reason}: {rest}");
            assert_eq!(
                parse("pop3", &line),
                Some(Event::AuthFailure(Box::new(wanted))),
                "{line}"
            );
        };
        let rest = "user=<bob>, method=PLAIN, rip=192.0.2.1, lip=198.51.100.1, TLS, session=<x>";
        check(
            "Aborted login (auth failed, 3 attempts in 17 secs)",
            rest,
            Some("bob"),
            3,
            false,
        );
        check(
            "Disconnected: Inactivity (auth failed, 1 attempts)",
            rest,
            Some("bob"),
            1,
            false,
        );
        check(
            "Login aborted: Logged out (auth failed, 1 attempts in 10 secs) (auth_failed)",
            rest,
            Some("bob"),
            1,
            false,
        );
        check(
            "Disconnected: Shutting down (internal failure, 1 successful auths)",
            rest,
            Some("bob"),
            1,
            true,
        );
        let rest = "user=<>, method=PLAIN, rip=192.0.2.1, lip=198.51.100.1";
        check(
            "Disconnected (auth failed, 1 attempts in 2 secs)",
            rest,
            None,
            1,
            false,
        );
    }

    #[test]
    fn visitors() {
        for line in [
            "Disconnected (no auth attempts in 10 secs): user=<>, rip=192.0.2.1, lip=198.51.100.1, session=<x>",
            "Disconnected: Connection closed: SSL_accept() failed: x (no auth attempts in 0 secs): user=<>, rip=192.0.2.1",
            "Aborted login (no auth attempts): rip=192.0.2.1, lip=198.51.100.1",
        ] {
            assert!(
                matches!(parse("imap", line), Some(Event::Note { .. })),
                "{line}"
            );
        }
        assert_eq!(parse("imap", "an arbitrary sentence"), None);
    }
}

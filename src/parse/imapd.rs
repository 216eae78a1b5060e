//! Mailbox servers besides Dovecot: Cyrus, Courier, UW imapd, vpopmail. Who logged in, and who failed to.

use super::take;
use crate::event::{AuthFailure, Event, Login};
use crate::mail::Client;

/// Reads a line of any of them: each has first words of its own.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    cyrus(text)
        .or_else(|| courier(text))
        .or_else(|| uw(text))
        .or_else(|| vpopmail(text))
        .or_else(|| note(text))
}

/// `badlogin: host [ip] plaintext user SASL(-13): …`, `login: host [ip] user PLAIN+TLS User logged in`.
fn cyrus(text: &str) -> Option<Event<'_>> {
    if let Some(rest) = text.strip_prefix("badlogin: ") {
        let (client, rest) = host(rest)?;
        let (method, rest) = take::split_at_byte(rest.strip_prefix(' ')?, b' ')?;
        let (user, reason) = match method {
            // The name is the client's, and `SASL(` is written behind it.
            "plaintext" => take::split_at_last(rest, " SASL(").map_or((None, rest), |(user, _)| {
                (Some(user), rest.get(user.len() + 1..).unwrap_or(""))
            }),
            _ => (None, rest),
        };
        return Some(failure("imap", client, Some(method), user, reason));
    }
    let (client, rest) = host(text.strip_prefix("login: ")?)?;
    let (rest, _) = take::split_at_last(rest.strip_prefix(' ')?, " User logged in")?;
    let (user, method) = take::split_at_last(rest, " ")?;
    Some(login("imap", user, Some(method), client.ip))
}

/// `LOGIN FAILED, user=…, ip=[…]`, `LOGIN, user=…, ip=[…], port=[…], protocol=IMAP`.
fn courier(text: &str) -> Option<Event<'_>> {
    if let Some(rest) = text.strip_prefix("LOGIN FAILED, ") {
        let (front, ip) = last_ip(rest, ", ip=[").or_else(|| last_ip(rest, ",ip=["))?;
        let client = client(ip);
        return Some(match front.strip_prefix("method=") {
            Some(method) => failure("imap", client, Some(method), None, "LOGIN FAILED"),
            None => failure(
                "imap",
                client,
                None,
                front.strip_prefix("user="),
                "LOGIN FAILED",
            ),
        });
    }
    if let Some(rest) = text.strip_prefix("LOGIN, user=") {
        let (user, ip) = last_ip(rest, ", ip=[")?;
        return Some(login("imap", user, None, Some(ip)));
    }
    let known = [
        "LOGOUT, ",
        "DISCONNECTED, ",
        "Connection, ip=[",
        "TIMEOUT, ",
        "Disconnected, ip=[",
        "Unexpected SSL connection shutdown",
        "couriertls: ",
        "ip=[",
        "started,ip=[",
    ];
    known
        .iter()
        .any(|known| text.starts_with(known))
        .then(|| about(text, None))
}

/// `Authenticated user=… host=h [ip]`, `Login failed user=… auth=… host=h [ip]`.
fn uw(text: &str) -> Option<Event<'_>> {
    let failures = [
        "Login failed ",
        "Login excessive login failures ",
        "Login disabled ",
        "AUTHENTICATE LOGIN failure ",
        "AUTHENTICATE PLAIN failure ",
        "Excessive login failures ",
    ];
    let others = [
        "Logout ",
        "Killed ",
        "Autologout ",
        "Broken pipe while reading line ",
        "Command stream end of file",
        "Unexpected client disconnect",
        "Moved ",
    ];
    let first = |words: &[&'static str]| {
        words
            .iter()
            .find_map(|words| Some((*words, text.strip_prefix(words)?)))
    };
    if let Some((reason, rest)) = first(&failures) {
        let (user, client) = user_and_host(rest)?;
        return Some(failure("imap", client, None, user, reason.trim_end()));
    }
    if let Some((_, rest)) = first(&["Authenticated ", "Login ", "Auth "]) {
        let (user, client) = user_and_host(rest)?;
        return Some(login("imap", user?, None, client.ip));
    }
    if let Some((_, rest)) = first(&others) {
        return Some(about(text, user_and_host(rest).map(|(_, client)| client)));
    }
    let (service, ip) = take::split_at_text(text, " service init from ")?;
    let is_service = service
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b' ');
    is_service.then(|| about(text, Some(client(ip))))
}

/// `user=bob auth=bob host=h [ip]`, `host=h [ip]`: the last `host=` is the server's.
fn user_and_host(text: &str) -> Option<(Option<&str>, Client<'_>)> {
    let (front, rest) = match text.strip_prefix("host=") {
        Some(rest) => ("", rest),
        None => take::split_at_last(text, " host=")?,
    };
    let client = match host(rest) {
        Some((client, _)) => client,
        None if take::is_host(rest) => Client {
            name: Some(rest),
            ..Client::default()
        },
        None => return None,
    };
    let user = front
        .strip_prefix("user=")
        .map(|user| take::split_at_last(user, " auth=").map_or(user, |(user, _)| user));
    Some((user.filter(|user| !matches!(*user, "" | "???")), client))
}

/// `vchkpw-pop3: password fail user@example.com:192.0.2.1`
fn vpopmail(text: &str) -> Option<Event<'_>> {
    let (protocol, rest) = take::split_at_text(text.strip_prefix("vchkpw-")?, ": ")?;
    if !take::is_word(protocol) {
        return None;
    }
    let (front, ip) = take::split_at_last(rest, ":")?;
    let (reason, user) = take::split_at_last(front, " ")?;
    if reason.ends_with("login success") {
        return Some(login(protocol, user, None, Some(ip)));
    }
    let is_failure = [
        "password fail",
        "vpopmail user not found",
        "null password given",
        "no password",
        "invalid user",
    ]
    .iter()
    .any(|known| reason.starts_with(known));
    is_failure.then(|| failure(protocol, client(ip), None, Some(user), reason))
}

/// Cyrus' master and its housekeeping.
fn note(text: &str) -> Option<Event<'_>> {
    let known = [
        "ready for work",
        "about to exec ",
        "process ",
        "checkpointing cyrus databases",
        "done checkpointing cyrus databases",
        "archiving ",
        "executed",
        "accepted connection",
        "lmtp connection preauth'd as ",
        "duplicate_check: ",
        "duplicate_mark: ",
        "open: user ",
        "starttls: ",
        "mystore: ",
        "seen_db: ",
        "skiplist: ",
        "mydelete: ",
        "SQUAT ",
        "tls_server",
        "Delivered: ",
        "IOERROR: ",
        "DBERROR",
        "recovering cyrus databases",
        "done recovering cyrus databases",
        "exiting",
        "retrying with ",
        "setrlimit: ",
        "USAGE ",
        "auditlog: ",
        "sieve runtime ",
    ];
    let event = Event::Service { text };
    known
        .iter()
        .any(|known| text.starts_with(known))
        .then_some(event)
}

/// `host [ip]`, `host[ip]`, `[ip]`.
fn host(text: &str) -> Option<(Client<'_>, &str)> {
    let (name, rest) = take::split_at_byte(text, b'[')?;
    let (ip, rest) = take::split_at_byte(rest, b']')?;
    let name = name.trim_end();
    let client = Client {
        name: take::known(name),
        ip: take::known(ip),
        port: None,
    };
    (!name.contains(' ')).then_some((client, rest))
}

/// What stands before the last `key`, and the address behind it without `]` and what IPv6 puts before IPv4.
fn last_ip<'a>(text: &'a str, key: &str) -> Option<(&'a str, &'a str)> {
    let (front, rest) = take::split_at_last(text, key)?;
    let (ip, _) = take::split_at_byte(rest, b']')?;
    Some((front, ip.strip_prefix("::ffff:").unwrap_or(ip)))
}

fn client(ip: &str) -> Client<'_> {
    Client {
        ip: take::looks_like_ip(ip).then_some(ip),
        ..Client::default()
    }
}

fn about<'a>(text: &'a str, client: Option<Client<'a>>) -> Event<'a> {
    Event::Note {
        queue_id: None,
        client,
        text,
    }
}

fn login<'a>(
    protocol: &'a str,
    user: &'a str,
    method: Option<&'a str>,
    ip: Option<&'a str>,
) -> Event<'a> {
    Event::Login(Box::new(Login {
        protocol,
        sasl_username: user,
        sasl_method: method,
        client_ip: ip,
        tls: method.is_some_and(|method| method.ends_with("+TLS")),
    }))
}

fn failure<'a>(
    protocol: &'a str,
    client: Client<'a>,
    method: Option<&'a str>,
    user: Option<&'a str>,
    reason: &'a str,
) -> Event<'a> {
    Event::AuthFailure(Box::new(AuthFailure {
        protocol,
        client,
        sasl_method: method,
        sasl_username: user,
        reason,
        own_fault: false,
        attempts: 1,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client<'static> {
        Client {
            name: Some("h"),
            ip: Some("192.0.2.1"),
            port: None,
        }
    }

    #[test]
    fn failures() {
        let check = |line, client, method, user, reason| {
            assert_eq!(
                parse(line),
                Some(failure("imap", client, method, user, reason)),
                "{line}"
            );
        };
        let ip_only = super::client("192.0.2.1");
        check(
            "badlogin: h [192.0.2.1] plaintext bob SASL(-13): authentication failure: checkpass failed",
            client(),
            Some("plaintext"),
            Some("bob"),
            "SASL(-13): authentication failure: checkpass failed",
        );
        check(
            "badlogin: h[192.0.2.1] PLAIN [SASL(-13): no]",
            client(),
            Some("PLAIN"),
            None,
            "[SASL(-13): no]",
        );
        check(
            "LOGIN FAILED, user=bob, ip=[::ffff:192.0.2.1]",
            ip_only,
            None,
            Some("bob"),
            "LOGIN FAILED",
        );
        check(
            "Login failed user=bob auth=bob host=h [192.0.2.1]",
            client(),
            None,
            Some("bob"),
            "Login failed",
        );
        let name = "x host=evil [203.0.113.1]";
        check(
            &format!("Login failed user={name} auth=y host=h [192.0.2.1]"),
            client(),
            None,
            Some(name),
            "Login failed",
        );
    }

    #[test]
    fn logins() {
        let check = |line, method| {
            assert_eq!(
                parse(line),
                Some(login("imap", "bob", method, Some("192.0.2.1"))),
                "{line}"
            );
        };
        check(
            "login: h [192.0.2.1] bob PLAIN+TLS User logged in",
            Some("PLAIN+TLS"),
        );
        check(
            "LOGIN, user=bob, ip=[::ffff:192.0.2.1], port=[4711], protocol=IMAP",
            None,
        );
        check("Authenticated user=bob host=h [192.0.2.1]", None);
        let wanted = failure(
            "pop3",
            super::client("192.0.2.1"),
            None,
            Some("bob@x"),
            "password fail",
        );
        assert_eq!(
            parse("vchkpw-pop3: password fail bob@x:192.0.2.1"),
            Some(wanted)
        );
        assert!(matches!(
            parse("imap service init from 192.0.2.1"),
            Some(Event::Note {
                client: Some(_),
                ..
            })
        ));
        assert_eq!(parse("an arbitrary sentence"), None);
    }
}

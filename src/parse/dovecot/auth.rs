//! auth, auth-worker: why a password was not accepted.

use crate::event::{AuthFailure, Event};
use crate::mail::Client;
use crate::parse::take;

/// Reads `sql(user,192.0.2.1,<session>): Password mismatch`, also behind `conn unix:auth-worker (…): auth-worker<6>: `.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let text = match text.strip_prefix("conn unix:") {
        Some(rest) => {
            take::split_at_text(rest, "): auth-worker<")
                .and_then(|(_, rest)| take::split_at_text(rest, ">: "))?
                .1
        }
        None => text,
    };
    let (database, rest) = take::split_at_byte(text, b'(')?;
    if database == "pam_unix" {
        return pam(text, rest);
    }
    if !take::is_word(database) {
        return None;
    }
    let (user, ip, reason) = user_and_reason(rest)?;
    failure(user, ip, reason)
}

/// What the process says of its databases, and of its clients with `auth_debug`.
pub(super) fn note(text: &str) -> Option<Event<'_>> {
    let known = [
        "mysql: ",
        "mysql(",
        "pgsql: ",
        "pgsql(",
        "sqlite: ",
        "sqlite(",
        "sql: ",
        "cassandra: ",
        "ldap: ",
        "ldap(): ",
        "passwd-file ",
        "passwd-file: ",
        "client in: ",
        "client out: ",
        "client passdb out: ",
        "client failed",
        "master in: ",
        "master out: ",
        "new auth connection: ",
        "auth client connected",
        "auth client disconnected",
        "Server accepted connection",
        "Server sent resume",
        "Killed with signal ",
        "mech: ",
        "policy: ",
        "cache ",
        "Cache ",
        "stats: ",
        "Loading modules from ",
        "Module loaded: ",
        "Read auth token secret ",
    ];
    let is_known = known.iter().any(|known| text.starts_with(known));
    is_known.then(|| super::mailbox::note(text)).flatten()
}

/// Dovecot 2.4: `auth(user,192.0.2.1,sasl:plain)<session>: sql: Password mismatch`.
pub(super) fn of<'a>(who: &'a str, text: &'a str) -> Option<Event<'a>> {
    let who = match take::split_at_last(who, ",sasl:") {
        Some((front, mechanism)) if take::is_word(mechanism) => front,
        _ => who,
    };
    let (user, ip) = match take::split_at_last(who, ",") {
        Some((user, ip)) if take::looks_like_ip(ip) => (user, Some(ip)),
        _ => (who, None),
    };
    let reason = match take::split_at_text(text, ": ") {
        Some((database, reason)) if take::is_word(database) => reason,
        _ => text,
    };
    failure(user, ip, reason)
}

/// `pam_unix(dovecot:auth): authentication failure; logname= … ruser=bob rhost=192.0.2.1  user=bob`.
fn pam<'a>(text: &'a str, rest: &'a str) -> Option<Event<'a>> {
    let (_, rest) = take::split_at_text(rest, "): ")?;
    let Some(rest) = rest.strip_prefix("authentication failure; ") else {
        return super::mailbox::note(text);
    };
    // The user name stands before and after the address: two addresses mean that one is a lie.
    let (front, back) = take::split_at_text(rest, " rhost=")?;
    let is_certain =
        take::split_at_text(back, " rhost=").is_none() && !front.contains("ruser=rhost=");
    let (ip, name) = take::split_at_byte(back, b' ').unwrap_or((back, ""));
    let name = name.trim_start().strip_prefix("user=");
    let ruser = take::split_at_text(front, " ruser=").map(|(_, ruser)| ruser);
    let user = name.or(ruser).filter(|_| is_certain).unwrap_or("");
    let ip = Some(ip).filter(|ip| is_certain && take::looks_like_ip(ip));
    failure(user, ip, "authentication failure")
}

/// A sentence that says that a guess was wrong, or could not be judged.
fn failure<'a>(user: &'a str, ip: Option<&'a str>, reason: &'a str) -> Option<Event<'a>> {
    let own_fault = OWN.iter().any(|own| reason.starts_with(own));
    if !own_fault && !GUESSES.iter().any(|guess| reason.starts_with(guess)) {
        return None;
    }
    // `auth_verbose_passwords = plain` writes the password down; it need not go any further.
    let reason =
        take::split_at_text(reason, " (given password: ").map_or(reason, |(reason, _)| reason);
    Some(Event::AuthFailure(Box::new(AuthFailure {
        protocol: "auth",
        client: Client {
            ip: ip.map(super::unmapped),
            ..Client::default()
        },
        sasl_method: None,
        sasl_username: (!matches!(user, "" | "?")).then_some(user),
        reason,
        own_fault,
        attempts: 1,
    })))
}

/// `user,192.0.2.1,<session>): reason`: the name is the client's and comes first, so read from the last `): `.
fn user_and_reason(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let mut without_ip = None;
    for at in memchr::memmem::rfind_iter(text.as_bytes(), b"): ").take(16) {
        let (front, reason) = (text.get(..at)?, text.get(at + 3..)?);
        let front = front.strip_suffix(",master").unwrap_or(front);
        let front = match front.strip_suffix('>') {
            Some(session) => take::split_at_last(session, ",<").map_or(front, |(front, _)| front),
            // Without a session nothing follows the comma.
            None => front.strip_suffix(',').unwrap_or(front),
        };
        match take::split_at_last(front, ",") {
            Some((user, ip)) if take::looks_like_ip(ip) => return Some((user, Some(ip), reason)),
            _ => without_ip = Some((front, None, reason)),
        }
    }
    without_ip
}

/// Somebody judged the guess.
const GUESSES: [&str; 34] = [
    "unknown user",
    "Unknown user",
    "Password mismatch",
    "password mismatch",
    "Password expired",
    "password expired",
    "invalid credentials",
    "Invalid credentials",
    "invalid password",
    "pam_authenticate() failed: ",
    "pam_acct_mgmt() failed: ",
    "Authentication failure",
    "authentication failure",
    "Authentication failed",
    "user disabled",
    "User disabled",
    "User is disabled",
    "User not known",
    "allow_nets check failed",
    "Empty username",
    "Empty password",
    "Username character disallowed",
    "Username contains ",
    "Password contains ",
    "CRAM-MD5(",
    "Login user denied",
    // allow_nets, allow_real_nets: the password may even be right.
    "IP not in allowed networks",
    "allow_real_nets check failed",
    // checkpassword's program said no.
    "Login failed (status=",
    "oauth2 failed: ",
    "OAuth2 token ",
    "Token has expired",
    "Master user not found",
    "Master user lookups not allowed",
];

/// The database did not answer, or is set up badly.
const OWN: [&str; 13] = [
    "Internal failure",
    "internal failure",
    "Auth request finished: temp_fail",
    "Temporary ",
    "Requested ",
    "Lookup timed out",
    "Aborting ",
    "lookup failed",
    "Password query failed",
    "User query failed",
    "Database query failed",
    "Credentials lookup failed",
    // The password was right, but the two databases disagree.
    "user not found from userdb",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, user: Option<&str>, ip: Option<&str>, reason: &str) {
        let wanted = AuthFailure {
            protocol: "auth",
            client: Client {
                ip,
                ..Client::default()
            },
            sasl_username: user,
            reason,
            attempts: 1,
            ..AuthFailure::default()
        };
        assert_eq!(
            parse(line),
            Some(Event::AuthFailure(Box::new(wanted))),
            "{line}"
        );
    }

    #[test]
    fn failures() {
        let (bob, ip) = (Some("bob"), Some("192.0.2.1"));
        check("pam(bob,192.0.2.1): unknown user", bob, ip, "unknown user");
        check(
            "sql(bob,192.0.2.1,<s>): Password mismatch",
            bob,
            ip,
            "Password mismatch",
        );
        check("shadow(bob): unknown user", bob, None, "unknown user");
        check(
            "login(?,2001:db8::1): Empty username",
            None,
            Some("2001:db8::1"),
            "Empty username",
        );
        check(
            "conn unix:auth-worker (pid=1,uid=2): auth-worker<6>: pam(bob,192.0.2.1): pam_authenticate() failed: x",
            bob,
            ip,
            "pam_authenticate() failed: x",
        );
    }

    #[test]
    fn pam_speaks_for_itself() {
        check(
            "pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=bob rhost=192.0.2.1  user=bob",
            Some("bob"),
            Some("192.0.2.1"),
            "authentication failure",
        );
        let name = "x rhost=203.0.113.1";
        check(
            &format!(
                "pam_unix(dovecot:auth): authentication failure; logname= ruser={name} rhost=192.0.2.1  user={name}"
            ),
            None,
            None,
            "authentication failure",
        );
    }

    #[test]
    fn since_2_4() {
        let wanted = failure("bob", Some("192.0.2.1"), "Password mismatch");
        assert!(wanted.is_some());
        assert_eq!(
            of(
                "bob,192.0.2.1,sasl:plain",
                "sql: Password mismatch (given password: hunter2)"
            ),
            wanted
        );
        assert_eq!(of("bob,192.0.2.1", "sql: Password mismatch"), wanted);
        assert_eq!(of("bob,192.0.2.1", "an arbitrary sentence"), None);
    }

    #[test]
    fn who_failed_and_who_did_not() {
        let ip = Some("192.0.2.1");
        let text = "IP not in allowed networks";
        check(
            &format!("allow_nets(bob,192.0.2.1): {text}"),
            Some("bob"),
            ip,
            text,
        );
        let text = "Login failed (status=1)";
        check(
            &format!("checkpassword(bob,::ffff:192.0.2.1): {text}"),
            Some("bob"),
            ip,
            text,
        );
        let text = "Password query failed: timeout";
        assert!(matches!(
            parse(&format!("sql(bob,192.0.2.1,<a>): {text}")),
            Some(Event::AuthFailure(failure)) if failure.own_fault
        ));
        for text in [
            "mysql(localhost): Connected to database mail",
            "passwd-file /etc/dovecot/users: Read 5 users",
        ] {
            assert_eq!(parse(text), None, "{text}");
            assert!(matches!(note(text), Some(Event::Note { .. })), "{text}");
        }
    }

    #[test]
    fn a_user_name_is_not_believed() {
        let name = "root,203.0.113.1): unknown user";
        check(
            &format!("sql({name},192.0.2.1,<s>): Password mismatch"),
            Some(name),
            Some("192.0.2.1"),
            "Password mismatch",
        );
        for line in [
            "an arbitrary sentence",
            "sql(bob,192.0.2.1): a new sentence",
            "sql(bob",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}

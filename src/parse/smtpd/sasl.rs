//! SASL in smtpd(8): failed logins, and values that a client chose.

use crate::event::{AuthFailure, Event};
use crate::parse::take;

/// What follows `warning: `: `host[ip]: SASL LOGIN authentication failed: reason, sasl_username=…`.
pub(super) fn failure(text: &str) -> Option<Event<'_>> {
    let (client, rest) = take::client(text)?;
    let rest = rest.strip_prefix(": SASL ")?;
    let (sasl_method, rest) = match rest.strip_prefix("authentication ") {
        Some(rest) => (None, rest),
        None => {
            let (method, rest) = take::split_at_text(rest, " authentication ")?;
            (Some(method), rest)
        }
    };
    // The client may name any mechanism; then nothing behind its name is certain.
    let honest = sasl_method.is_none_or(take::is_word);
    let reason = rest
        .strip_prefix("failed")
        .map(|rest| rest.strip_prefix(':').unwrap_or(rest).trim_start())
        .or((rest == "aborted").then_some(rest));
    let (reason, sasl_username) = match (honest, reason) {
        (true, Some(reason)) => match take::split_at_text(reason, ", sasl_username=") {
            // The user name is the client's text and comes last: all of the rest is name.
            Some((reason, name)) => (reason, Some(name).filter(|name| is_name(name))),
            None => (reason, None),
        },
        (true, None) => return None,
        (false, _) => (rest, None),
    };
    Some(Event::AuthFailure(Box::new(AuthFailure {
        protocol: "smtp",
        client,
        sasl_method: sasl_method.filter(|_| honest),
        sasl_username,
        reason,
        own_fault: is_own_fault(reason),
        attempts: 1,
    })))
}

/// `(unavailable)` is Postfix's word; `Username:` and `Password:` in base 64 are the server's own prompts.
fn is_name(text: &str) -> bool {
    !matches!(
        text,
        "" | "(unavailable)"
            | "UGFzc3dvcmQ6"
            | "VXNlcm5hbWU6"
            | "UGFzc3dvcmQA"
            | "VXNlciBOYW1lAA=="
    )
}

/// Nobody judged the guess.
fn is_own_fault(reason: &str) -> bool {
    let own = [
        "Connection lost to authentication server",
        "Can't connect to authentication server",
        "Temporary authentication failure",
        "Internal authentication failure",
        "generic failure",
        "no mechanism available",
        "internal error",
    ];
    own.iter().any(|own| reason.starts_with(own))
}

/// `, sasl_username=` up to the next field of the `client=` line; the value itself may hold commas.
pub(super) fn field<'a>(rest: &'a str, key: &str) -> (Option<&'a str>, &'a str) {
    let value = take::separator(rest)
        .strip_prefix(key)
        .and_then(|rest| rest.strip_prefix('='));
    let Some(value) = value else {
        return (None, rest);
    };
    let next = [", sasl_sender=", ", orig_queue_id=", ", orig_client="];
    for at in memchr::memchr_iter(b',', value.as_bytes()) {
        let after = value.get(at..).unwrap_or("");
        if next.iter().any(|next| after.starts_with(next)) {
            return (value.get(..at), after);
        }
    }
    (Some(value), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Client;

    fn check(
        line: &str,
        sasl_method: Option<&str>,
        sasl_username: Option<&str>,
        reason: &str,
        own_fault: bool,
    ) {
        let wanted = AuthFailure {
            protocol: "smtp",
            client: Client {
                name: None,
                ip: Some("192.0.2.1"),
                port: None,
            },
            sasl_method,
            sasl_username,
            reason,
            own_fault,
            attempts: 1,
        };
        assert_eq!(
            failure(line),
            Some(Event::AuthFailure(Box::new(wanted))),
            "{line}"
        );
    }

    #[test]
    fn failures() {
        let login = Some("LOGIN");
        check(
            "unknown[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
            login,
            None,
            "UGFzc3dvcmQ6",
            false,
        );
        check(
            "unknown[192.0.2.1]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=root",
            login,
            Some("root"),
            "(reason unavailable)",
            false,
        );
        check(
            "unknown[192.0.2.1]: SASL LOGIN authentication failed: Connection lost to authentication server",
            login,
            None,
            "Connection lost to authentication server",
            true,
        );
        check(
            "unknown[192.0.2.1]: SASL Plain authentication failed:",
            Some("Plain"),
            None,
            "",
            false,
        );
        check(
            "unknown[192.0.2.1]: SASL authentication failed",
            None,
            None,
            "",
            false,
        );
        check(
            "unknown[192.0.2.1]: SASL LOGIN authentication aborted",
            login,
            None,
            "aborted",
            false,
        );
    }

    #[test]
    fn what_the_client_says_is_not_believed() {
        check(
            "unknown[192.0.2.1]: SASL LOGIN authentication failed: x, sasl_username=a, sasl_username=root",
            Some("LOGIN"),
            Some("a, sasl_username=root"),
            "x",
            false,
        );
        check(
            "unknown[192.0.2.1]: SASL A B authentication failed: x, sasl_username=root",
            None,
            None,
            "failed: x, sasl_username=root",
            false,
        );
        assert_eq!(
            failure("hostname x does not resolve to address 192.0.2.1"),
            None
        );
    }
}

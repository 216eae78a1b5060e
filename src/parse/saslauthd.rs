//! saslauthd(8): passwords that Cyrus SASL had checked.

use super::take;
use crate::event::{AuthFailure, Event};

/// `do_auth         : auth failure: [user=root] [service=smtp] [realm=] [mech=pam] [reason=PAM auth error]`.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    if text.starts_with("pam_") || text.starts_with("DEBUG: ") {
        return Some(Event::Note {
            queue_id: None,
            client: None,
            text,
        });
    }
    let (function, rest) = take::split_at_byte(text, b':')?;
    let (function, rest) = (function.trim_end(), rest.strip_prefix(' ')?);
    if !take::is_word(function) {
        return None;
    }
    match rest.strip_prefix("auth failure: [user=") {
        Some(rest) => failure(rest),
        // `zmauth` and `zmpost` are Zimbra's.
        None => (function.contains('_') || function.starts_with("zm")).then_some(Event::Note {
            queue_id: None,
            client: None,
            text: rest,
        }),
    }
}

/// User and realm are the client's, what stands behind them is not: so read from the end.
fn failure(text: &str) -> Option<Event<'_>> {
    let (front, reason) = take::split_at_last(text, "] [reason=")?;
    let (front, _mech) = take::split_at_last(front, "] [mech=")?;
    let (front, _realm) = take::split_at_last(front, "] [realm=")?;
    let (user, service) = take::split_at_last(front, "] [service=")?;
    let reason = reason.strip_suffix(']').unwrap_or(reason);
    Some(Event::AuthFailure(Box::new(AuthFailure {
        protocol: service,
        sasl_username: (!user.is_empty()).then_some(user),
        reason,
        own_fault: matches!(reason, "Unknown" | "saslauthd internal error"),
        attempts: 1,
        ..AuthFailure::default()
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures() {
        let check = |user, line| {
            let wanted = AuthFailure {
                protocol: "smtp",
                sasl_username: Some(user),
                reason: "PAM auth error",
                attempts: 1,
                ..AuthFailure::default()
            };
            assert_eq!(
                parse(line),
                Some(Event::AuthFailure(Box::new(wanted))),
                "{line}"
            );
        };
        check(
            "root",
            "do_auth         : auth failure: [user=root] [service=smtp] [realm=example.com] [mech=pam] [reason=PAM auth error]",
        );
        check(
            "a] [service=x] [realm=y] [mech=z",
            "do_auth : auth failure: [user=a] [service=x] [realm=y] [mech=z] [service=smtp] [realm=] [mech=pam] [reason=PAM auth error]",
        );
        assert!(matches!(
            parse("detach_tty      : master pid is: 42"),
            Some(Event::Note { .. })
        ));
        assert_eq!(parse("an arbitrary sentence"), None);
        assert_eq!(parse("a sentence : with a colon"), None);
    }
}

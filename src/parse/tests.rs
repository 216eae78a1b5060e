//! Lines of every kind of program through `event`.

use super::*;

fn name(program: &str, text: &str) -> &'static str {
    event(program, text).name()
}

#[test]
fn the_service_decides() {
    let check =
        |program, text, wanted| assert_eq!(name(program, text), wanted, "{program}: {text}");
    check("postfix/smtpd", "connect from h[192.0.2.1]", "connect");
    check(
        "postfix/submission/smtpd",
        "connect from h[192.0.2.1]",
        "connect",
    );
    check(
        "postfix-out/smtp",
        "3FF7C4317: to=<a@x>, relay=local, delay=0, status=sent (ok)",
        "delivery",
    );
    check(
        "postfix/authclean/cleanup",
        "3FF7C4317: message-id=<1@x>",
        "message_id",
    );
    check(
        "outgoing/smtp",
        "3FF7C4317: to=<a@x>, relay=local, delay=0, status=sent (ok)",
        "delivery",
    );
    check("postfix/qmgr", "3FF7C4317: removed", "removed");
    check("postfix/postsuper", "3FF7C4317: removed", "superuser");
    check(
        "dovecot",
        "imap-login: Login: user=<b>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2",
        "login",
    );
    check(
        "dovecot/imap-login",
        "Login: user=<b>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2",
        "login",
    );
    check(
        "imap-login",
        "Login: user=<b>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2",
        "login",
    );
    check("CRON", "3FF7C4317: removed", "other");
    check("nginx/access", "3FF7C4317: removed", "other");
    check("postfix/smtpd", "last message repeated 3 times", "repeated");
    check("postfix/smtpd", "last message repeated in vain", "unknown");
}

#[test]
fn an_unknown_service_is_read_by_the_shape_of_its_lines() {
    let check = |text, wanted| assert_eq!(name("postfix/weird/xyz", text), wanted, "{text}");
    check(
        "3FF7C4317: to=<a@x>, relay=local, delay=0, status=sent (ok)",
        "delivery",
    );
    check("3FF7C4317: client=h[192.0.2.1]", "client");
    check("connect from h[192.0.2.1]", "connect");
    check(
        "3FF7C4317: from=<a@x>, size=1, nrcpt=1 (queue active)",
        "queued",
    );
    check("3FF7C4317: uid=0 from=<root>", "pickup");
    check(
        "3FF7C4317: sender non-delivery notification: 7446BCD68",
        "notification",
    );
    check("warning: 3FF7C4317: x", "warning");
    check(
        "statistics: max cache size 1 at Mar 13 23:57:31",
        "statistics",
    );
    check("an arbitrary sentence", "unknown");
    check("STATISTICS1: removed", "unknown");
}

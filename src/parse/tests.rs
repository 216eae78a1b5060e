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
fn rare_lines_of_postfix_are_understood() {
    let check =
        |program, text, wanted| assert_eq!(name(program, text), wanted, "{program}: {text}");
    let reject = "3FF7C4317: reject: mime-error improper use of 8-bit data in message header: From: x from h[192.0.2.1]; \
                  from=<a@x> to=<b@y> proto=ESMTP helo=<h>";
    check("postfix/cleanup", reject, "reject");
    let old = "3FF7C4317: reject: header Subject: x; from=<a@x> to=<b@y>: Message content rejected";
    check("postfix/cleanup", old, "reject");
    check("postfix/tlsproxy", "CONNECT to [192.0.2.1]:25", "screening");
    check(
        "postfix/tlsproxy",
        "[192.0.2.1]:4711: TLS cipher list \"x\"",
        "note",
    );
    check(
        "postfix/smtp",
        "mx.example.net[192.0.2.1]:25: depth=0 verify=1 subject=/CN=x",
        "note",
    );
    check(
        "postfix/bounce",
        "3FF7C4317: undeliverable postmaster notification discarded",
        "note",
    );
    check("postfix/postsuper", "Force-expired: 3 messages", "note");
    check(
        "postfix/tlsmgr",
        "put smtp session id=x&p=1 [data 1234 bytes]",
        "note",
    );
    check(
        "postfix/postfix-script",
        "rotating the Postfix log",
        "service",
    );
    check("postfix/policy-spf", "Policy action=DUNNO", "verdict");
    check("postfix/policies", "an arbitrary sentence", "unknown");
    check(
        "postfwd2/policy",
        "[RULES] rule=0, id=OK, action=DUNNO",
        "verdict",
    );
    check(
        "postmap",
        "fatal: open x: No such file or directory",
        "warning",
    );
    check(
        "milter-greylist",
        "3FF7C4317: addr 192.0.2.1 delayed for 00:10:00",
        "verdict",
    );
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

/// Pieces of real lines, of keys, and of what attackers like to send.
const PIECES: [&str; 60] = [
    "3FF7C4317",
    "4PL3j0443nz30Ms",
    "NOQUEUE",
    ": ",
    ", ",
    " ",
    "; ",
    "<",
    ">",
    "(",
    ")",
    "[",
    "]",
    "\"",
    "\\",
    "=",
    "to=<",
    "from=<",
    "orig_to=<",
    "relay=",
    "status=sent (",
    "delay=1.5",
    "delays=1/2/3/4",
    "dsn=2.0.0",
    "client=",
    "h[192.0.2.1]:25",
    "[2001:db8::1]",
    "unknown[unknown]",
    "sasl_username=root",
    "sasl_method=PLAIN",
    "reject: RCPT from ",
    "milter-reject: END-OF-MESSAGE from ",
    "warning: ",
    "fatal: ",
    "header Subject: x",
    "proto=ESMTP",
    "helo=<",
    "550 5.7.1 ",
    "connect from ",
    "disconnect from ",
    "lost connection after ",
    "message-id=<",
    "removed",
    "uid=0",
    "size=1",
    "nrcpt=2",
    "imap-login: ",
    "auth: sql(",
    "): ",
    "rip=192.0.2.1",
    "user=<",
    ", method=PLAIN",
    "(auth failed, 99999999999 attempts",
    "(1-2) Passed CLEAN",
    "Queue-ID: ",
    "queued_as: ",
    "PREGREET 14 after 0.2 from ",
    "é\u{202e}\u{0}",
    "<= a@x U=b",
    "stat=Sent",
];

/// A small generator (xorshift): the same lines in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

#[test]
fn no_line_makes_it_panic() {
    let programs = [
        "postfix/smtpd",
        "postfix/cleanup",
        "postfix/qmgr",
        "postfix/smtp",
        "postfix/postscreen",
        "postfix/pickup",
        "postfix/bounce",
        "postfix/postsuper",
        "postfix/anvil",
        "postfix/x/y",
        "dovecot",
        "dovecot/imap-login",
        "auth-worker",
        "amavis",
        "opendkim",
        "opendmarc",
        "rspamd",
        "spamd",
        "clamav-milter",
        "milter-manager",
        "policyd-spf",
        "postgrey",
        "postfwd",
        "saslauthd",
        "rsyslogd",
        "systemd-journald",
        "exim",
        "sendmail",
        "smtpd",
        "cyrus/imap",
        "",
    ];
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..30_000 {
        let mut line = String::new();
        for _ in 0..dice.roll(14) {
            line.push_str(PIECES[dice.roll(PIECES.len())]);
        }
        for program in programs {
            event(program, &line);
        }
        // Cut and changed in the middle, as a rotated or damaged log is.
        let mut bytes = line.into_bytes();
        bytes.truncate(dice.roll(bytes.len() + 1));
        if !bytes.is_empty() {
            let at = dice.roll(bytes.len());
            bytes[at] = dice.roll(256) as u8;
        }
        let line = String::from_utf8_lossy(&bytes);
        event(programs[dice.roll(programs.len())], &line);
    }
}

#[test]
fn long_hostile_lines_are_read_in_linear_time() {
    for piece in [
        "; from=<",
        ": ",
        "<",
        "\"\\",
        "): ",
        ", ",
        "[",
        "> to=<",
        " from h[192.0.2.1]; from=<\"",
    ] {
        let long = piece.repeat(20_000);
        for start in [
            "NOQUEUE: reject: RCPT from h[192.0.2.1]: 550 ",
            "3FF7C4317: reject: header ",
            "3FF7C4317: to=<",
            "(1-2) Passed X, <",
        ] {
            let line = format!("{start}{long}");
            for program in [
                "postfix/smtpd",
                "postfix/cleanup",
                "postfix/smtp",
                "dovecot",
                "amavis",
            ] {
                event(program, &line);
            }
        }
    }
}

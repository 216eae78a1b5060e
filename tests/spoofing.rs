//! What an attacker writes is never taken for a fact, through the whole program.

mod common;

use std::io::Write;
use std::path::PathBuf;

use common::{json, run};
use serde_json::Value;

const STAMP: &str = "2024-03-04T08:00:00+01:00 mail";

/// Texts that say what only a daemon may say.
fn lies() -> Vec<String> {
    let mut lies: Vec<String> = [
        "A10F00DAA: client=evil[192.0.2.66], sasl_method=LOGIN, sasl_username=root",
        "x, sasl_method=LOGIN, sasl_username=root",
        "status=sent (250 ok)",
        "x>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 ok",
        "C30F00DCC: removed",
        "x]: 5.7.1 [ ] ( ) < > ; from=<root@example.com> to=<x@example.com> proto=ESMTP helo=<x>",
        "?C30F00DCC: client=evil[192.0.2.66], sasl_username=root?",
        "\u{202e}toor=emanresu_lsas\u{2066}",
        "message repeated 5 times: [ sasl_username=root]",
    ]
    .map(str::to_owned)
    .to_vec();
    lies.push("sasl_username=root ".repeat(600));
    lies.push("\u{1b}]0;x\u{7} \u{fffd} a), mech=PLAIN, authid=root result=ok".to_owned());
    lies.push("root): x (set_id=root) [service=smtp] [reason=".to_owned());
    lies
}

/// A mailbox delivery of one message, with the lie in each place that a stranger fills.
fn log(lie: &str) -> String {
    let line = |program: &str, text: String| format!("{STAMP} postfix/{program}[7]: {text}\n");
    // Postfix's NEUTER_CHARACTERS and its quoting of addresses keep these in their places.
    let quoted = lie.replace(['<', '>', '"', '\\'], "?");
    let helo = lie.replace(['<', '>'], "?");
    [
        line("smtpd", "connect from evil.example.org[192.0.2.66]".to_owned()),
        line("smtpd", format!("NOQUEUE: reject: RCPT from evil.example.org[192.0.2.66]: 450 4.2.0 <b@example.com>: Recipient address rejected: Greylisted; from=<x@example.org> to=<b@example.com> proto=ESMTP helo=<{helo}>")),
        line("smtpd", format!("warning: evil.example.org[192.0.2.66]: SASL LOGIN authentication failed: (reason unavailable), sasl_username={lie}")),
        line("smtpd", "B20F00DBB: client=evil.example.org[192.0.2.66]".to_owned()),
        line("cleanup", format!("B20F00DBB: info: header Subject: {lie} from evil.example.org[192.0.2.66]; from=<x@example.org> to=<b@example.com> proto=ESMTP helo=<{helo}>")),
        line("cleanup", format!("B20F00DBB: message-id=<{quoted}@example.org>")),
        line("qmgr", format!("B20F00DBB: from=<\"{quoted}\"@example.org>, size=900, nrcpt=2 (queue active)")),
        line("lmtp", format!("B20F00DBB: to=<b@example.com>, relay=mail.example.com[private/dovecot-lmtp], delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 {lie})")),
        line("smtp", format!("B20F00DBB: to=<\"{quoted}\"@example.net>, relay=mx.example.net[198.51.100.9]:25, delay=1, delays=1/0/0/0, dsn=4.7.1, status=deferred (host mx.example.net[198.51.100.9] said: 450 4.7.1 {lie} (in reply to RCPT TO command))")),
    ]
    .concat()
}

fn write(folder: &tempfile::TempDir, bytes: &[u8]) -> String {
    let path: PathBuf = folder.path().join("mail.log");
    let mut file = std::fs::File::create(&path).expect("a temporary file");
    file.write_all(bytes).expect("a temporary file");
    path.to_string_lossy().into_owned()
}

#[test]
fn nobody_logged_in_and_one_message_came() {
    let folder = tempfile::tempdir().expect("a folder");
    for lie in lies() {
        let path = write(&folder, log(&lie).as_bytes());
        let answer = json(&["messages", "--format", "json", &path]);
        let messages = answer["messages"].as_array().expect("a list");
        assert_eq!(messages.len(), 1, "{lie}: {messages:#?}");
        let message = &messages[0];
        assert_eq!(message["queue_id"], "B20F00DBB", "{lie}");
        assert_eq!(message["origin"]["sasl_username"], Value::Null, "{lie}");
        assert_eq!(message["origin"]["client_ip"], "192.0.2.66", "{lie}");
        assert_eq!(message["state"], "deferred", "{lie}");
        let recipients = message["recipients"].as_array().expect("a list");
        let statuses: Vec<&Value> = recipients.iter().map(|r| &r["status"]).collect();
        assert_eq!(statuses, ["sent", "deferred"], "{lie}");
        let findings = json(&["detect", "--format", "json", &path]);
        assert_eq!(findings["findings"], serde_json::json!([]), "{lie}");
        // Whatever was tried as a name is the whole text, and a failure.
        let events = String::from_utf8(run(&["events", "--format", "jsonl", &path]).stdout);
        for line in events.expect("UTF-8").lines() {
            let event: Value = serde_json::from_str(line).expect("JSON");
            if let Some(login) = event["sasl_username"].as_str() {
                assert_eq!(event["event"], "auth_failure", "{line}");
                assert_ne!(login, "root", "{line}");
            }
        }
    }
}

/// The same lies in what Dovecot, saslauthd, Exim, Sendmail, OpenSMTPD and amavis quote.
fn log_of_others(lie: &str) -> String {
    // Exim and Sendmail print no control characters and bare brackets within an address; a HELO name has no blank.
    let quoted = lie.replace(['<', '>', '"', '\\'], "?");
    let helo = lie.replace([' ', '(', ')', '[', ']'], "?");
    let line = |program: &str, text: String| format!("{STAMP} {program}[7]: {text}\n");
    [
        line("dovecot", format!("imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<{lie}>, method=PLAIN, rip=192.0.2.66, lip=192.0.2.1, TLS")),
        line("dovecot", format!("auth: passwd-file({lie},192.0.2.66): unknown user")),
        line("dovecot", format!("lmtp(b@example.com)<1><a>: msgid=<{quoted}@example.org>: saved mail to INBOX")),
        line("saslauthd", format!("do_auth         : auth failure: [user={lie}] [service=smtp] [realm=] [mech=pam] [reason=PAM auth error]")),
        line("exim", format!("plain authenticator failed for ({helo}) [192.0.2.66]: 535 Incorrect authentication data (set_id={lie})")),
        line("exim", format!("1tAbCd-0005vi-AB <= x@example.org H=evil.example.org ({helo}) [192.0.2.66] P=esmtp S=900 id={helo}@example.org T=\"{quoted}\" for b@example.com")),
        line("exim", format!("1tAbCd-0005vi-AB == b@example.net R=dnslookup T=remote_smtp defer (-44) H=mx.example.net [198.51.100.9]: SMTP error from remote mail server after RCPT TO:<b@example.net>: 450 4.7.1 {lie}")),
        line("sm-mta", format!("4AJA00x2002101: from=<x@example.org>, size=900, class=0, nrcpts=1, msgid=<{quoted}@example.org>, proto=ESMTP, daemon=MTA, relay=evil.example.org [192.0.2.66]")),
        line("sm-mta", format!("4AJA00x2002101: to=<b@example.net>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=1, relay=mx.example.net. [198.51.100.9], dsn=4.0.0, stat=Deferred: 450 4.7.1 {lie}")),
        line("sm-mta", format!("AUTH failure (LOGIN): authentication failure (-13) SASL(-13): checkpass failed, user={lie}, relay=evil.example.org [192.0.2.66]")),
        line("smtpd", "08d856b172f69c5c smtp connected address=192.0.2.66 host=evil.example.org".to_owned()),
        line("smtpd", format!("08d856b172f69c5c smtp authentication user={lie} address=192.0.2.66 host=evil.example.org result=permfail")),
        line("smtpd", "08d856b172f69c5c smtp envelope evpid=a1b2c3d4e5f60718 from=<x@example.org> to=<b@example.net>".to_owned()),
        line("smtpd", "08d856b172f69c5c smtp message msgid=a1b2c3d4 size=900 nrcpt=1 proto=ESMTP".to_owned()),
        line("smtpd", format!("08d856b172f69c5c smtp failed-command command=\"RCPT TO:<{quoted}>\" result=\"550 Invalid recipient\"")),
        line("smtpd", format!("08d856b172f69c5d mta delivery evpid=a1b2c3d4e5f60718 from=<x@example.org> to=<b@example.net> rcpt=<-> source=\"192.0.2.1\" relay=\"198.51.100.9 (mx.example.net)\" delay=1s result=\"TempFail\" stat=\"450 4.7.1 {lie}\"")),
        line("amavis", format!("(1-01) Passed CLEAN {{RelayedInbound}}, [192.0.2.66] <x@example.org> -> <b@example.com>, Message-ID: <1@example.org>, Subject: {lie}, Hits: -1")),
    ]
    .concat()
}

#[test]
fn other_servers_are_not_made_to_lie() {
    let folder = tempfile::tempdir().expect("a folder");
    for lie in lies() {
        let path = write(&folder, log_of_others(&lie).as_bytes());
        let answer = json(&["messages", "--format", "json", &path]);
        let messages = answer["messages"].as_array().expect("a list");
        let ids: Vec<&Value> = messages.iter().map(|m| &m["queue_id"]).collect();
        assert_eq!(
            ids,
            ["1tAbCd-0005vi-AB", "4AJA00x2002101", "a1b2c3d4"],
            "{lie}"
        );
        for message in messages {
            assert_eq!(message["origin"]["sasl_username"], Value::Null, "{lie}");
            assert_eq!(message["origin"]["client_ip"], "192.0.2.66", "{lie}");
            assert_eq!(message["state"], "deferred", "{lie}: {message:#}");
        }
        let events = String::from_utf8(run(&["events", "--format", "jsonl", &path]).stdout);
        for line in events.expect("UTF-8").lines() {
            let event: Value = serde_json::from_str(line).expect("JSON");
            assert_ne!(event["event"], "login", "{line}");
            assert_ne!(event["event"], "unknown", "{line}");
            if let Some(login) = event["sasl_username"].as_str() {
                assert_eq!(event["event"], "auth_failure", "{line}");
                assert_ne!(login, "root", "{line}");
            }
        }
    }
}

/// A generator without surprises: the same bytes in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }
}

#[test]
fn any_bytes_are_read_without_a_panic_and_every_line_counts_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let real = lies()
        .iter()
        .map(|lie| log(lie) + &log_of_others(lie))
        .collect::<String>()
        .into_bytes();
    for seed in 1..12 {
        let mut dice = Dice(seed);
        let mut bytes = real.clone();
        for _ in 0..400 {
            let at = dice.roll(bytes.len());
            match dice.roll(4) {
                0 => bytes[at] = dice.roll(256) as u8,
                1 => bytes.insert(at, b"\n\r\0\x1b<>[]:=, "[dice.roll(12)]),
                2 => {
                    bytes.remove(at);
                }
                _ => {
                    let end = (at + dice.roll(60)).min(bytes.len());
                    let copy: Vec<u8> = bytes[at..end].to_vec();
                    let to = dice.roll(bytes.len());
                    bytes.splice(to..to, copy);
                }
            }
        }
        let n_lines = bytes.split_inclusive(|byte| *byte == b'\n').count() as u64;
        let path = write(&folder, &bytes);
        for command in ["events", "messages", "report"] {
            let answer = json(&[command, "--format", "json", &path]);
            let count = |name: &str| answer["coverage"][name].as_u64().expect("a count");
            assert_eq!(count("lines"), n_lines, "{command}, seed {seed}");
            assert_eq!(
                count("understood") + count("unknown") + count("other"),
                n_lines
            );
            if command == "events" {
                assert_eq!(
                    answer["events"].as_array().expect("a list").len() as u64,
                    n_lines
                );
            }
        }
    }
}

//! Refusals of every version, and text that imitates them.

use super::*;
use crate::mail::Address;

fn check(line: &str, wanted: Reject<'_>) {
    let event = parse(line).or_else(|| {
        let (queue_id, rest) = take::queue_id_if_any(line);
        content_check(queue_id, rest)
    });
    assert_eq!(event, Some(Event::Reject(Box::new(wanted))), "{line}");
}

fn client() -> Client<'static> {
    Client {
        name: Some("h.example.com"),
        ip: Some("192.0.2.1"),
        port: None,
    }
}

fn relay_denied() -> Reject<'static> {
    Reject {
        action: "reject",
        stage: "RCPT",
        client: client(),
        reply_code: Some(554),
        dsn: EnhancedStatus::parse("5.7.1"),
        reason: "<b@example.net>: Relay access denied",
        class: RejectClass::RelayDenied,
        from: Some(Address("a@example.com")),
        to: Some(Address("b@example.net")),
        proto: Some("ESMTP"),
        helo: Some("h"),
        ..Reject::default()
    }
}

#[test]
fn every_version() {
    check(
        "NOQUEUE: reject: RCPT from h.example.com[192.0.2.1]: 554 5.7.1 <b@example.net>: Relay access denied; \
         from=<a@example.com> to=<b@example.net> proto=ESMTP helo=<h>",
        relay_denied(),
    );
    check(
        "3FF7C4317: reject: RCPT from h.example.com[192.0.2.1]: 554 <b@example.net>: Relay access denied; \
         from=<a@example.com> to=<b@example.net> proto=ESMTP helo=<h> sasl_method=PLAIN sasl_username=c d sasl_sender=<e@x>",
        Reject {
            queue_id: Some(QueueId("3FF7C4317")),
            dsn: None,
            sasl_method: Some("PLAIN"),
            sasl_username: Some("c d"),
            sasl_sender: Some("e@x"),
            ..relay_denied()
        },
    );
    // postscreen(8)
    check(
        "NOQUEUE: reject: RCPT from [192.0.2.1]:4711: 550 5.7.1 Service unavailable; client [192.0.2.1] blocked using \
         bl.example.org; from=<a@example.com>, to=<b@example.net>, proto=ESMTP, helo=<h>",
        Reject {
            client: Client {
                name: None,
                port: Some(4711),
                ..client()
            },
            reply_code: Some(550),
            reason: "Service unavailable; client [192.0.2.1] blocked using bl.example.org",
            class: RejectClass::Dnsbl,
            dnsbl: Some("bl.example.org"),
            ..relay_denied()
        },
    );
    check(
        "NOQUEUE: reject: CONNECT from h.example.com[192.0.2.1]: 450 4.7.25 Client host rejected: cannot find your \
         hostname, [192.0.2.1]; proto=SMTP",
        Reject {
            action: "reject",
            stage: "CONNECT",
            client: client(),
            reply_code: Some(450),
            dsn: EnhancedStatus::parse("4.7.25"),
            reason: "Client host rejected: cannot find your hostname, [192.0.2.1]",
            class: RejectClass::ClientName,
            proto: Some("SMTP"),
            ..Reject::default()
        },
    );
    check(
        "proxy-reject: END-OF-MESSAGE: 550 5.7.0 Blocked; from=<a@example.com> to=<b@example.net> proto=ESMTP helo=<h>",
        Reject {
            action: "proxy-reject",
            stage: "END-OF-MESSAGE",
            client: Client::default(),
            reply_code: Some(550),
            dsn: EnhancedStatus::parse("5.7.0"),
            reason: "Blocked",
            class: RejectClass::Content,
            ..relay_denied()
        },
    );
}

#[test]
fn a_hostile_reason_is_no_tail() {
    let fake = "x; from=<root@example.org> to=<c@x> proto=SMTP helo=<evil>";
    let reason = format!("<b@example.net>: Recipient address rejected: host mx said: 550 {fake}");
    let line = format!(
        "NOQUEUE: reject: RCPT from h.example.com[192.0.2.1]: 554 5.7.1 {reason}; from=<a@example.com> to=<b@example.net> \
         proto=ESMTP helo=<h>"
    );
    let wanted = Reject {
        reason: &reason,
        class: RejectClass::RecipientRefused,
        ..relay_denied()
    };
    check(&line, wanted);
}

#[test]
fn a_hostile_helo_is_no_tail() {
    let helo = "x>;from=<root@example.org>,to=<c@x>,proto=SMTP,helo=<evil";
    let line = format!(
        "NOQUEUE: reject: RCPT from [192.0.2.1]:4711: 554 5.7.1 <b@example.net>: Relay access denied; \
         from=<a@example.com>, to=<b@example.net>, proto=ESMTP, helo=<{helo}>"
    );
    let wanted = Reject {
        client: Client {
            name: None,
            port: Some(4711),
            ..client()
        },
        helo: Some(helo),
        ..relay_denied()
    };
    check(&line, wanted);
}

#[test]
fn a_hostile_address_is_no_tail() {
    let address = "\"x; from=<root@example.org> to=<c@x> proto=SMTP helo=<evil>\"@example.com";
    let line = format!(
        "NOQUEUE: reject: RCPT from h.example.com[192.0.2.1]: 554 5.7.1 <b@example.net>: Relay access denied; \
         from=<{address}> to=<{address}> proto=ESMTP helo=<h>"
    );
    let wanted = Reject {
        from: Some(Address(address)),
        to: Some(Address(address)),
        ..relay_denied()
    };
    check(&line, wanted);
}

fn header() -> Reject<'static> {
    Reject {
        queue_id: Some(QueueId("3FF7C4317")),
        action: "reject",
        stage: "header",
        reply_code: None,
        content: Some("Subject: hello"),
        reason: "no thanks",
        class: RejectClass::Content,
        ..relay_denied()
    }
}

#[test]
fn content_checks() {
    check(
        "3FF7C4317: reject: header Subject: hello from h.example.com[192.0.2.1]; from=<a@example.com> \
         to=<b@example.net> proto=ESMTP helo=<h>: 5.7.1 no thanks",
        header(),
    );
    check(
        "3FF7C4317: warning: header Subject: hello from local; from=<a@example.com> to=<b@example.net>",
        Reject {
            action: "warning",
            client: Client::default(),
            dsn: None,
            reason: "",
            proto: None,
            helo: None,
            ..header()
        },
    );
}

#[test]
fn a_subject_is_not_believed() {
    let content = "Subject: x from evil[198.51.100.1]; from=<root@example.org> to=<c@x> proto=SMTP helo=<e>: sasl_username=root";
    let line = format!(
        "3FF7C4317: reject: header {content} from h.example.com[192.0.2.1]; from=<a@example.com> to=<b@example.net> \
         proto=ESMTP helo=<h>: 5.7.1 no thanks"
    );
    let wanted = Reject {
        content: Some(content),
        ..header()
    };
    check(&line, wanted);
    let from = "\"x from evil[198.51.100.1]; from=<root@example.org> to=<c@x> proto=SMTP helo=<e>: t\"@example.com";
    let line = format!(
        "3FF7C4317: reject: header Subject: hello from h.example.com[192.0.2.1]; from=<{from}> to=<b@example.net> \
         proto=ESMTP helo=<h>: 5.7.1 no thanks"
    );
    let wanted = Reject {
        from: Some(Address(from)),
        ..header()
    };
    check(&line, wanted);
}

#[test]
fn what_is_no_refusal() {
    for line in [
        "NOQUEUE: rejected: x from h[192.0.2.1]: y",
        "reject: RCPT from nobody",
        "3FF7C4317: reject:",
        "",
    ] {
        assert_eq!(parse(line), None, "{line}");
    }
}

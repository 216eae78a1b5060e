//! Sendmail's documented forms, and text that imitates them.

use super::*;
use crate::event::{AuthFailure, Delivery, Login, Reject, RejectClass};
use crate::mail::{EnhancedStatus, Relay};

const ID: QueueId<'static> = QueueId("w1S9L7lZ012345");

#[test]
fn messages() {
    let arrived = Submission {
        queue_id: Some(ID),
        client: Client {
            name: Some("h.example.com"),
            ip: Some("192.0.2.1"),
            port: None,
        },
        from: Some(Address("a@example.com")),
        message_id: Some("1, relay=x [203.0.113.1]@example.com"),
        size: Some(120),
        nrcpt: Some(1),
        proto: Some("ESMTP"),
        ..Submission::default()
    };
    let line = "w1S9L7lZ012345: from=<a@example.com>, size=120, class=0, nrcpts=1, msgid=<1, relay=x [203.0.113.1]@example.com>, \
                proto=ESMTP, daemon=MTA, relay=h.example.com [192.0.2.1]";
    assert_eq!(parse(line), Some(Event::Client(Box::new(arrived))));
    let local = Submission {
        queue_id: Some(ID),
        from: Some(Address("bob")),
        message_id: Some("1@x"),
        size: Some(12),
        nrcpt: Some(1),
        is_local: true,
        ..Submission::default()
    };
    let line =
        "w1S9L7lZ012345: from=bob, size=12, class=0, nrcpts=1, msgid=<1@x>, relay=bob@localhost";
    assert_eq!(parse(line), Some(Event::Client(Box::new(local))));
    let sent = Delivery {
        queue_id: ID,
        to: Address("b@example.net"),
        also_to: ",<c@example.net>",
        relay: Relay {
            name: Some("mx.example.net"),
            ip: Some("192.0.2.25"),
            port: None,
        },
        delay: Some(3661.0),
        dsn: EnhancedStatus::parse("2.0.0"),
        status: "sent",
        reason: "OK, stat=Deferred",
        ..Delivery::default()
    };
    let line = "w1S9L7lZ012345: to=<b@example.net>,<c@example.net>, ctladdr=<a@example.com> (1001/1001), delay=01:01:01, \
                xdelay=00:00:01, mailer=esmtp, pri=121, relay=mx.example.net. [192.0.2.25], dsn=2.0.0, stat=Sent (OK, stat=Deferred)";
    assert_eq!(parse(line), Some(Event::Delivery(Box::new(sent))));
}

#[test]
fn logins() {
    let login = Login {
        protocol: "smtp",
        sasl_method: Some("LOGIN"),
        sasl_username: "bob, mech=X",
        client_ip: Some("192.0.2.1"),
        tls: false,
    };
    let line = "w1S9L7lZ012345: AUTH=server, relay=h [192.0.2.1] (may be forged), authid=bob, mech=X, mech=LOGIN, bits=0";
    assert_eq!(parse(line), Some(Event::Login(Box::new(login))));
    let failure = AuthFailure {
        protocol: "smtp",
        client: Client {
            ip: Some("192.0.2.1"),
            ..Client::default()
        },
        sasl_method: Some("LOGIN"),
        sasl_username: Some("bob"),
        reason: "authentication failure (-13) SASL(-13): checkpass failed",
        own_fault: false,
        attempts: 1,
    };
    let line = "w1S9L7lZ012345: AUTH failure (LOGIN): authentication failure (-13) SASL(-13): checkpass failed, user=bob, relay=[192.0.2.1]";
    assert_eq!(parse(line), Some(Event::AuthFailure(Box::new(failure))));
}

#[test]
fn refusals() {
    let wanted = Reject {
        queue_id: Some(ID),
        action: "reject",
        stage: "RCPT",
        client: Client {
            name: Some("h"),
            ip: Some("192.0.2.1"),
            port: None,
        },
        reply_code: Some(550),
        dsn: EnhancedStatus::parse("5.7.1"),
        reason: "<b@x>... Relaying denied",
        class: RejectClass::RelayDenied,
        to: Some(Address("b@x")),
        ..Reject::default()
    };
    let line = "w1S9L7lZ012345: ruleset=check_rcpt, arg1=<b@x>, relay=h [192.0.2.1], reject=550 5.7.1 <b@x>... Relaying denied";
    assert_eq!(parse(line), Some(Event::Reject(Box::new(wanted))));
    let milter = Reject {
        action: "milter-reject",
        stage: "RCPT",
        client: Client::default(),
        reply_code: Some(451),
        dsn: EnhancedStatus::parse("4.7.1"),
        reason: "Greylisting in action",
        class: RejectClass::Greylisted,
        ..wanted
    };
    let line = "w1S9L7lZ012345: Milter: to=<b@x>, reject=451 4.7.1 Greylisting in action";
    assert_eq!(parse(line), Some(Event::Reject(Box::new(milter))));
    assert!(matches!(
        parse(
            "w1S9L7lZ012345: [192.0.2.1] did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA"
        ),
        Some(Event::Note {
            client: Some(_),
            ..
        })
    ));
    for line in [
        "an arbitrary sentence",
        "w1S9L7lZ012345: an arbitrary sentence",
        "from=<x>, size=1",
    ] {
        assert_eq!(parse(line), None, "{line}");
    }
}

#[test]
fn mail_about_mail() {
    let check = |text: &str, kind| {
        let wanted = Event::Notification {
            queue_id: ID,
            kind,
            child: Some(QueueId("w1S9L7lZ012346")),
        };
        let line = format!("w1S9L7lZ012345: w1S9L7lZ012346: {text}");
        assert_eq!(parse(&line), Some(wanted), "{text}");
    };
    check("DSN: User unknown", NotificationKind::Bounce);
    check(
        "return to sender: Cannot send message for 5 days",
        NotificationKind::Bounce,
    );
    check(
        "sender notify: Warning: could not send message for past 4 hours",
        NotificationKind::Delay,
    );
    check(
        "postmaster notify: User unknown",
        NotificationKind::Postmaster,
    );
}

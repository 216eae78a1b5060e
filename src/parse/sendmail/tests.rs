//! Sendmail's documented forms, and text that imitates them.

use super::*;

const ID: QueueId<'static> = QueueId("w1S9L7lZ012345");

#[test]
fn messages() {
    let queued = Event::Queued {
        queue_id: ID,
        from: Address("a@example.com"),
        size: Some(120),
        nrcpt: Some(1),
    };
    let line = "w1S9L7lZ012345: from=<a@example.com>, size=120, class=0, nrcpts=1, msgid=<1@example.com>, proto=ESMTP, \
                daemon=MTA, relay=h.example.com [192.0.2.1]";
    assert_eq!(parse(line), Some(queued));
    let sent = Delivery {
        queue_id: ID,
        to: Address("b@example.net"),
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
    let login = Submission {
        queue_id: Some(ID),
        client: Client {
            name: Some("h"),
            ip: Some("192.0.2.1"),
            port: None,
        },
        sasl_method: Some("LOGIN"),
        sasl_username: Some("bob, mech=X"),
        ..Submission::default()
    };
    let line = "w1S9L7lZ012345: AUTH=server, relay=h [192.0.2.1] (may be forged), authid=bob, mech=X, mech=LOGIN, bits=0";
    assert_eq!(parse(line), Some(Event::Client(Box::new(login))));
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
        stage: "check_rcpt",
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

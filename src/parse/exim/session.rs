//! Refusals, failed logins and other lines of Exim about a client.

use super::{client, client_and_helo, field};
use crate::event::{AuthFailure, Event, Reject, RejectClass};
use crate::mail::{Address, Client, QueueId};
use crate::parse::take;

/// Reads a line without a flag, behind the message ID if it has one.
pub(super) fn parse<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    failed_login(text)
        .or_else(|| refused(queue_id, text))
        .or_else(|| note(queue_id, text))
}

/// `login authenticator failed for h (helo) [192.0.2.1]:4711: 535 Incorrect authentication data (set_id=bob)`.
fn failed_login(text: &str) -> Option<Event<'_>> {
    let (method, rest) = take::split_at_text(text, " authenticator failed for ")?;
    if !take::is_word(method) {
        return None;
    }
    let (client, rest) = client(rest)?;
    // `I=[…]:25` and `Ci=…` may come between.
    let (_, reason) = take::split_at_text(rest, ": ")?;
    let (reason, user) = match take::split_at_text(reason, " (set_id=") {
        Some((reason, user)) => (reason, Some(name_in_parentheses(user))),
        None => (reason, None),
    };
    Some(Event::AuthFailure(Box::new(AuthFailure {
        protocol: "smtp",
        client,
        sasl_method: Some(method),
        sasl_username: user,
        reason,
        own_fault: reason.starts_with("435 ") || reason.starts_with("454 "),
        attempts: 1,
    })))
}

/// Without the last parenthesis, and the server's own text behind it: `bob): SQL lookup failed`.
fn name_in_parentheses(text: &str) -> &str {
    match text.strip_suffix(')') {
        Some(name) => name,
        None => take::split_at_last(text, "): ").map_or(text, |(name, _)| name),
    }
}

/// `H=h (helo) [192.0.2.1] F=<a@x> rejected RCPT <b@y>: text`, `… temporarily rejected …`.
fn refused<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    if text.starts_with("rejected ") || text.starts_with("Connection from ") {
        return refused_at_once(text);
    }
    // `local_scan()` has the sender first; old versions have it without brackets.
    let (mut from, rest) = bare_sender(text);
    let mut login = (None, None);
    let (client, helo, mut rest) = client_and_helo(rest.strip_prefix("H=")?)?;
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("F=<") {
            let (address, after) = take::address(rest.get(rest.len() - after.len() - 1..)?)?;
            from = Some(address);
            rest = after;
            continue;
        }
        match field(rest) {
            Some(("F", sender, _)) => from = Some(Address(sender)),
            Some(("A", value, _)) => {
                (login.0, login.1) = take::split_at_byte(value, b':')
                    .map_or((Some(value), None), |(method, user)| {
                        (Some(method), Some(user).filter(|user| !user.is_empty()))
                    });
            }
            Some((key, ..)) if matches!(key.len(), 1..=4) => {}
            _ => break,
        }
        rest = field(rest).map_or("", |(_, _, after)| after);
    }
    let temporary = rest.strip_prefix("temporarily rejected ");
    let refusal = temporary
        .or_else(|| rest.strip_prefix("rejected "))
        .or_else(|| rest.strip_prefix("dropped "));
    let Some(refusal) = refusal else {
        return about(queue_id, client, text, rest);
    };
    let (stage, refusal) = stage(refusal);
    let (to, reason) = match take::address(refusal) {
        Some((to, rest)) => (Some(to), rest),
        None => (None, refusal),
    };
    let reason = reason.strip_prefix(':').unwrap_or(reason).trim_start();
    Some(Event::Reject(Box::new(Reject {
        queue_id,
        action: if temporary.is_some() {
            "defer"
        } else {
            "reject"
        },
        stage,
        client,
        reason,
        class: class(reason),
        dnsbl: dnsbl(reason),
        from,
        to: to.filter(|_| stage == "RCPT"),
        helo,
        sasl_method: login.0,
        sasl_username: login.1,
        ..Reject::default()
    })))
}

/// `rejected EHLO from h [192.0.2.1]: syntactically invalid argument(s): x`,
/// `Connection from [192.0.2.1]:4711 refused: too many connections`.
fn refused_at_once(text: &str) -> Option<Event<'_>> {
    let (stage, client, reason, class) = match text.strip_prefix("Connection from ") {
        Some(rest) => {
            let (client, rest) = client(rest)?;
            let reason = rest.trim_start().strip_prefix("refused: ")?;
            ("connection", client, reason, RejectClass::RateLimit)
        }
        None => {
            let (stage, rest) = take::split_at_text(text.strip_prefix("rejected ")?, " from ")?;
            if !take::is_word(stage) {
                return None;
            }
            let (client, rest) = client(rest)?;
            let reason = take::split_at_text(rest, ": ").map_or(rest, |(_, reason)| reason);
            (stage, client, reason, class(reason))
        }
    };
    Some(Event::Reject(Box::new(Reject {
        action: "reject",
        stage,
        client,
        reason,
        class,
        ..Reject::default()
    })))
}

/// The list in the words of Exim's and Debian's own configuration.
fn dnsbl(reason: &str) -> Option<&str> {
    let rest = reason.strip_prefix("rejected because ").unwrap_or(reason);
    let words = [
        " is in a black list at ",
        " is in a blacklist at ",
        " is listed at ",
        " is listed in ",
        " is on the RBL blacklist ",
        "host is listed in ",
    ];
    let list = words
        .iter()
        .find_map(|words| Some(take::split_at_text(rest, words)?.1))?;
    let end = list.find([' ', ';', ',', ':', '(']).unwrap_or(list.len());
    let list = list.get(..end)?.trim_end_matches('.');
    (list.contains('.') && !list.contains('@')).then_some(list)
}

/// `F=a@x H=…`
fn bare_sender(text: &str) -> (Option<Address<'_>>, &str) {
    let sender = text
        .strip_prefix("F=")
        .and_then(|rest| take::split_at_byte(rest, b' '));
    match sender {
        Some((from, rest)) => (Some(Address(take::unbracketed(from))), rest),
        None => (None, text),
    }
}

/// The words between `rejected` and the recipient or the reason.
fn stage(text: &str) -> (&str, &str) {
    let stages = [
        "RCPT",
        "MAIL",
        "EHLO or HELO",
        "EHLO",
        "HELO",
        "AUTH",
        "VRFY",
        "EXPN",
        "ETRN",
        "STARTTLS",
        "DATA",
        "after DATA",
        "connection",
        "by local_scan()",
        "by 'connect' ACL",
        "by non-SMTP ACL",
    ];
    for stage in stages {
        if let Some(rest) = text.strip_prefix(stage) {
            return (text.get(..stage.len()).unwrap_or(""), rest.trim_start());
        }
    }
    ("", text)
}

/// The words that Exim's own code and the usual configurations give as a reason.
fn class(text: &str) -> RejectClass {
    if dnsbl(text).is_some() || text.starts_with("JunkMail rejected - ") {
        return RejectClass::Dnsbl;
    }
    let known = [
        ("relay not permitted", RejectClass::RelayDenied),
        ("authentication required", RejectClass::RelayDenied),
        ("unknown user", RejectClass::UnknownRecipient),
        ("no such user", RejectClass::UnknownRecipient),
        ("no such address", RejectClass::UnknownRecipient),
        ("unrouteable ", RejectClass::UnknownRecipient),
        (
            "all relevant mx records point to ",
            RejectClass::UnknownRecipient,
        ),
        ("sender verify ", RejectClass::SenderRefused),
        ("smtp auth is required", RejectClass::RelayDenied),
        ("syntactically invalid argument", RejectClass::Helo),
        ("access denied - invalid helo name", RejectClass::Helo),
        ("greylisted", RejectClass::Greylisted),
        ("greylisting", RejectClass::Greylisted),
        ("too many ", RejectClass::RateLimit),
        ("mailbox quota exceeded", RejectClass::Quota),
        ("mailbox is full", RejectClass::Quota),
        ("this message contains ", RejectClass::Content),
        ("message too big", RejectClass::Size),
        ("452 ", RejectClass::RateLimit),
    ];
    // Administrators write them as they like.
    let begins = |words: &str| {
        let head = text.as_bytes().get(..words.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(words.as_bytes()))
    };
    known
        .iter()
        .find(|(words, _)| begins(words))
        .map_or(RejectClass::Other, |(_, class)| *class)
}

/// `H=…` and another sentence.
fn about<'a>(
    queue_id: Option<QueueId<'a>>,
    client: Client<'a>,
    text: &'a str,
    rest: &str,
) -> Option<Event<'a>> {
    let rest = rest.trim_start_matches([':', ' ']);
    let known = [
        "sender verify ",
        "dropped: ",
        "Warning: ",
        "incomplete transaction ",
        "no host name ",
        "SMTP error ",
        "Network Error",
        "Connection ",
        "LMTP error ",
        "TLS error ",
        "Remote host closed connection",
        "SMTP timeout ",
    ];
    known
        .iter()
        .any(|known| rest.starts_with(known))
        .then_some(Event::Note {
            queue_id,
            client: Some(client),
            text,
        })
}

/// Sentences that name the client behind `from ` or not at all.
fn note<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let services = [
        "Start queue run: ",
        "End queue run: ",
        "exim ",
        "Exim ",
        "cwd=",
        "daemon: ",
        "socket bind() ",
        "pid ",
        "SIGHUP received: ",
    ];
    if services.iter().any(|known| text.starts_with(known)) {
        return Some(Event::Service { text });
    }
    let with_client = [
        "SMTP connection from ",
        "no MAIL in SMTP connection from ",
        "unexpected disconnection while reading SMTP command from ",
        "TLS error on connection from ",
        "SMTP command timeout on connection from ",
        "SMTP command timeout on TLS connection from ",
        "refused connection from ",
        "SMTP protocol synchronization error (input sent without waiting for greeting): rejected connection from ",
        "SMTP data timeout (message abandoned) on connection from ",
        "SMTP call from ",
        "rejected connection in ",
    ];
    let client_text = with_client
        .iter()
        .find_map(|words| text.strip_prefix(words));
    let others = [
        "SMTP connection outbound ",
        "SMTP protocol error in ",
        "SMTP syntax error in ",
        "SMTP protocol synchronization error ",
        "no host name found for IP address ",
        "no IP address found for host ",
        "H=",
        "U=",
        "F=<",
        "DKIM: ",
        "SA: ",
        "Failed to ",
        "failed to ",
        "LMTP error ",
        "SMTP error ",
        "Remote host ",
        "ACL \"warn\"",
        "list matching forced to fail",
        "refused ",
        "TLS session: ",
        "TLS error on connection to ",
        "TLS client disconnected cleanly",
        "SMTP timeout while connected to ",
        "host name alias list truncated for ",
        "ident connection to ",
        "lowest numbered MX record points to local host",
        "Warning: ",
        "ALERT: ",
        "LOG: ",
        "unable to set gid=",
        "appendfile transport process returned ",
    ];
    let is_known = client_text.is_some() || others.iter().any(|known| text.starts_with(known));
    // `b@example.net: error ignored`
    let ignored = text.ends_with(": error ignored") && Address(text).domain().is_some();
    (is_known || ignored).then_some(Event::Note {
        queue_id,
        client: client_text
            .and_then(client)
            .map(|(client, _)| client)
            .or_else(|| quoted(text))
            .or_else(|| nameless(text)),
        text,
    })
}

/// `SMTP protocol error in "AUTH LOGIN" H=h [192.0.2.1] …`: certain as long as the quoted text has no host of its own.
fn quoted(text: &str) -> Option<Client<'_>> {
    let (_, rest) = take::split_at_text(text, "\" H=")?;
    let is_certain = take::split_at_text(rest, "\" H=").is_none();
    let (client, _) = client(rest)?;
    is_certain.then_some(client)
}

/// `no host name found for IP address 192.0.2.1`, `no IP address found for host h (during SMTP connection from h [192.0.2.1])`.
fn nameless(text: &str) -> Option<Client<'_>> {
    if let Some(ip) = text.strip_prefix("no host name found for IP address ") {
        return take::looks_like_ip(ip).then_some(Client {
            ip: Some(ip),
            ..Client::default()
        });
    }
    let rest = text.strip_prefix("no IP address found for host ")?;
    let (_, rest) = take::split_at_last(rest, " (during SMTP connection from ")?;
    Some(client(rest)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::exim::parse;

    fn client() -> Client<'static> {
        Client {
            name: Some("h"),
            ip: Some("192.0.2.1"),
            port: Some(4711),
        }
    }

    #[test]
    fn failed_logins() {
        let check = |line: &str, user: Option<&str>| {
            let wanted = AuthFailure {
                protocol: "smtp",
                client: client(),
                sasl_method: Some("dovecot_login"),
                sasl_username: user,
                reason: "535 Incorrect authentication data",
                own_fault: false,
                attempts: 1,
            };
            assert_eq!(
                parse(line),
                Some(Event::AuthFailure(Box::new(wanted))),
                "{line}"
            );
        };
        let start = "dovecot_login authenticator failed for h ([198.51.100.1]) [192.0.2.1]:4711";
        check(
            &format!("{start}: 535 Incorrect authentication data (set_id=bob)"),
            Some("bob"),
        );
        check(
            &format!("{start} I=[192.0.2.2]:25: 535 Incorrect authentication data"),
            None,
        );
        let name = "a) (set_id=root";
        check(
            &format!("{start}: 535 Incorrect authentication data (set_id={name})"),
            Some(name),
        );
    }

    #[test]
    fn a_quoted_command_may_lie() {
        let check = |line: &str, wanted: Option<Client<'static>>| {
            let Some(Event::Note { client, .. }) = parse(line) else {
                panic!("{line}");
            };
            assert_eq!(client, wanted, "{line}");
        };
        let end = "\" H=h (User) [192.0.2.1]:4711 AUTH command used when not advertised";
        check(
            &format!("SMTP protocol error in \"AUTH LOGIN{end}"),
            Some(client()),
        );
        check(
            &format!("SMTP protocol error in \"AUTH\" H=x [203.0.113.1]{end}"),
            None,
        );
    }

    #[test]
    fn refusals() {
        let wanted = Reject {
            action: "reject",
            stage: "RCPT",
            client: client(),
            reason: "relay not permitted",
            class: RejectClass::RelayDenied,
            from: Some(Address("a@x")),
            to: Some(Address("b@y")),
            helo: Some("helo"),
            ..Reject::default()
        };
        let line = "H=h (helo) [192.0.2.1]:4711 X=TLS1.2:A:256 CV=no F=<a@x> rejected RCPT <b@y>: relay not permitted";
        assert_eq!(parse(line), Some(Event::Reject(Box::new(wanted))));
        assert!(matches!(
            parse("no MAIL in SMTP connection from h [192.0.2.1] D=1s"),
            Some(Event::Note {
                client: Some(_),
                ..
            })
        ));
    }
}

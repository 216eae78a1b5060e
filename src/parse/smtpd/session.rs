//! What smtpd(8) says of a session rather than of a message.

use super::complaint;
use crate::event::{Disconnect, Event};
use crate::mail::QueueId;
use crate::parse::{take, tls};

/// What follows `connect from `.
pub(super) fn connect(text: &str) -> Option<Event<'_>> {
    match take::client(text)? {
        (client, "") => Some(Event::Connect { client }),
        _ => None,
    }
}

/// What follows `disconnect from `: the client, and since Postfix 3.0 counters in smtpd's order.
pub(super) fn disconnect(text: &str) -> Option<Event<'_>> {
    let (client, rest) = take::client(text)?;
    let mut found = Disconnect {
        client,
        ..Disconnect::default()
    };
    let mut counters = rest.strip_prefix(' ').unwrap_or("");
    while !counters.is_empty() {
        let (counter, others) = take::split_near(counters, b' ').unwrap_or((counters, ""));
        counters = others;
        let Some((command, count)) = take::split_near(counter, b'=') else {
            // Administrators' own additions end what is understood.
            break;
        };
        let field = match command {
            "auth" => &mut found.auth,
            "mail" => &mut found.mail,
            "rcpt" => &mut found.rcpt,
            "data" | "bdat" => &mut found.data,
            "commands" => &mut found.commands,
            _ => continue,
        };
        if let Some((accepted, tried)) = counts(count) {
            field.0 += accepted;
            field.1 += tried;
        }
    }
    (rest.is_empty() || rest.starts_with(' ')).then_some(Event::Disconnect(found))
}

/// `3` for all accepted, `1/3` for one of three.
fn counts(text: &str) -> Option<(u32, u32)> {
    let (accepted, rest) = take::number(text)?;
    match rest.strip_prefix('/') {
        Some(rest) => Some((accepted, take::number(rest)?.0)),
        None => Some((accepted, accepted)),
    }
}

/// `lost connection after DATA (1234 bytes) from host[ip]`.
pub(super) fn lost<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let reasons = ["lost connection", "timeout", "too many errors"];
    let (reason, rest) = reasons
        .iter()
        .find_map(|reason| Some((text.get(..reason.len())?, text.strip_prefix(reason)?)))?;
    let (stage, rest) = take::split_at_text(rest.strip_prefix(" after ")?, " from ")?;
    let (client, _) = take::client(rest)?;
    Some(Event::LostConnection {
        queue_id,
        client,
        stage,
        reason,
    })
}

/// `proxy-accept: END-OF-MESSAGE: 250 … queued as NEW; from=<> to=<> proto= helo=<>`.
pub(super) fn proxy_accept<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let rest = text.strip_prefix("proxy-accept: ")?;
    let (_stage, rest) = take::split_at_text(rest, ": ")?;
    let (reply, tail) = crate::parse::reject::tail(rest);
    // The filter's reply ends with that of the server behind it.
    let queued_as = take::split_at_last(reply, "queued as ")
        .map(|(_, id)| id.trim_end_matches([')', '.']))
        .filter(|id| take::is_queue_id(id))
        .map(QueueId);
    Some(Event::ProxyAccept {
        queue_id,
        reply,
        queued_as,
        from: tail.from,
        to: tail.to,
    })
}

/// Sentences of smtpd(8), its libraries and its TLS engine that change nothing.
pub(super) fn note(text: &str) -> Option<Event<'_>> {
    let notes = [
        "setting up TLS connection from ",
        "SSL_accept error from ",
        "SSL_accept:",
        "improper command pipelining after ",
        "Host offered STARTTLS: ",
        "Unverified: subject_CN=",
        "Verified: subject_CN=",
        "Trusted: subject_CN=",
        "certificate verification ",
        "client certificate ",
        "fingerprint=",
        "looking for plugins in ",
        "discarding EHLO keywords: ",
        "unable to dlopen ",
        "auxpropfunc error ",
        "sql_select option missing",
        "_sasl_plugin_load failed",
        "too many proxy connections ",
        "subject_CN=",
        "issuer_CN=",
        "Peer certificate could not be verified",
        "Peer verification: ",
        "TLS library problem: ",
        "TLS SNI ",
        "milter inserts ",
        "haproxy ",
        "abort: TLS from ",
        "refused connect from ",
        "timeout talking to proxy ",
        "lost connection with proxy ",
        "looking up session ",
        "looking for session ",
        "reloaded session ",
        "remove session ",
        "save session ",
        "SSL3 alert ",
        "lost connection while negotiating TLS",
    ];
    let (queue_id, rest) = take::queue_id_if_any(text);
    let peer = tls::about_peer(rest);
    let is_known = peer.is_some() || notes.iter().any(|note| rest.starts_with(note));
    is_known.then_some(Event::Note {
        queue_id,
        client: peer.or_else(|| complaint::client(rest)),
        text: rest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Client;
    use crate::parse::smtpd::parse;

    fn client() -> Client<'static> {
        Client {
            name: Some("h"),
            ip: Some("192.0.2.1"),
            port: None,
        }
    }

    #[test]
    fn connections() {
        assert_eq!(
            parse("connect from h[192.0.2.1]"),
            Some(Event::Connect { client: client() })
        );
        let check =
            |line, wanted| assert_eq!(parse(line), Some(Event::Disconnect(wanted)), "{line}");
        let none = Disconnect {
            client: client(),
            ..Disconnect::default()
        };
        check("disconnect from h[192.0.2.1]", none);
        check(
            "disconnect from h[192.0.2.1] ehlo=2 starttls=1 auth=0/1 mail=2 rcpt=1/3 bdat=1 data=1 rset=1 commands=7/9",
            Disconnect {
                auth: (0, 1),
                mail: (2, 2),
                rcpt: (1, 3),
                data: (2, 2),
                commands: (7, 9),
                ..none
            },
        );
    }

    #[test]
    fn lost_connections() {
        let check = |line, queue_id: Option<&'static str>, stage, reason| {
            let wanted = Event::LostConnection {
                queue_id: queue_id.map(QueueId),
                client: client(),
                stage,
                reason,
            };
            assert_eq!(parse(line), Some(wanted), "{line}");
        };
        check(
            "lost connection after CONNECT from h[192.0.2.1]",
            None,
            "CONNECT",
            "lost connection",
        );
        check(
            "timeout after DATA (1234 bytes) from h[192.0.2.1]",
            None,
            "DATA (1234 bytes)",
            "timeout",
        );
        check(
            "NOQUEUE: too many errors after AUTH from h[192.0.2.1]",
            None,
            "AUTH",
            "too many errors",
        );
        check(
            "3FF7C4317: lost connection after DATA from h[192.0.2.1]",
            Some("3FF7C4317"),
            "DATA",
            "lost connection",
        );
    }

    #[test]
    fn proxies() {
        let wanted = Event::ProxyAccept {
            queue_id: None,
            reply: "250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as AB4D259B1",
            queued_as: Some(QueueId("AB4D259B1")),
            from: Some(crate::mail::Address("a@example.com")),
            to: Some(crate::mail::Address("b@example.net")),
        };
        let line = "proxy-accept: END-OF-MESSAGE: 250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as \
                    AB4D259B1; from=<a@example.com> to=<b@example.net> proto=ESMTP helo=<h>";
        assert_eq!(parse(line), Some(wanted));
    }
}

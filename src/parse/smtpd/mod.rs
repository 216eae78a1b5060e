//! smtpd(8): sessions of clients, their logins, and the messages that they hand in.

mod complaint;
mod sasl;
mod session;

use super::{reject, take, tls, warning};
use crate::event::{Event, Submission};
use crate::mail::QueueId;

/// Reads any line of smtpd(8). What the client said never comes first.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    match text.as_bytes().first()? {
        b'w' => {
            let failed_login = text.strip_prefix("warning: ").and_then(sasl::failure);
            failed_login.or_else(|| general(text))
        }
        b'c' => {
            if let Some(rest) = text.strip_prefix("connect from ") {
                return session::connect(rest);
            }
            general(text)
        }
        b'd' => {
            if let Some(rest) = text.strip_prefix("disconnect from ") {
                return session::disconnect(rest);
            }
            general(text)
        }
        b'A' | b'T' | b'U' | b'V' => tls::parse(None, text).or_else(|| general(text)),
        _ => general(text),
    }
}

/// A warning, with the client that it is about.
pub(super) fn complaint(text: &str) -> Option<Event<'_>> {
    let mut event = warning::parse(text)?;
    if let Event::Warning { client, text, .. } = &mut event {
        *client = complaint::client(text);
    }
    Some(event)
}

/// Lines that begin with a queue ID or `NOQUEUE`, and rarer ones.
fn general(text: &str) -> Option<Event<'_>> {
    if let Some(event) = complaint(text) {
        return Some(event);
    }
    let (queue_id, rest) = take::queue_id_if_any(text);
    if let Some(rest) = rest.strip_prefix("client=") {
        return submission(queue_id, rest);
    }
    reject::action(queue_id, rest)
        .or_else(|| session::lost(queue_id, rest))
        .or_else(|| session::proxy_accept(queue_id, rest))
        .or_else(|| tls::parse(queue_id, rest))
        .or_else(|| canceled(queue_id, rest))
        .or_else(|| session::note(text))
}

/// What follows `client=`: `host[ip]:port, sasl_method=, sasl_username=, sasl_sender=, orig_queue_id=, orig_client=`.
fn submission<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let (client, rest) = take::client(text)?;
    let (sasl_method, rest) = take::optional(rest, "sasl_method");
    let (sasl_username, rest) = sasl::field(rest, "sasl_username");
    let (sasl_sender, rest) = sasl::field(rest, "sasl_sender");
    let (orig_queue_id, rest) = take::optional(rest, "orig_queue_id");
    let orig_client = take::separator(rest)
        .strip_prefix("orig_client=")
        .and_then(take::client)
        .map(|(client, _)| client);
    Some(Event::Client(Box::new(Submission {
        queue_id,
        client,
        sasl_method,
        sasl_username,
        sasl_sender,
        orig_queue_id: orig_queue_id
            .filter(|id| take::is_queue_id(id))
            .map(QueueId),
        orig_client,
        ..Submission::default()
    })))
}

/// Postfix 3.10: the client gave up a message that it had begun.
fn canceled<'a>(queue_id: Option<QueueId<'a>>, text: &'a str) -> Option<Event<'a>> {
    let how = match text {
        "canceled" | "discarded" => text,
        _ => text.strip_prefix("removed (")?.strip_suffix(')')?,
    };
    Some(Event::Removed {
        queue_id: queue_id?,
        how: Some(how),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Client;

    fn client() -> Client<'static> {
        Client {
            name: Some("h.example.com"),
            ip: Some("192.0.2.1"),
            port: None,
        }
    }

    fn check(line: &str, wanted: Submission<'_>) {
        assert_eq!(parse(line), Some(Event::Client(Box::new(wanted))), "{line}");
    }

    fn plain() -> Submission<'static> {
        Submission {
            queue_id: Some(QueueId("3FF7C4317")),
            client: client(),
            ..Submission::default()
        }
    }

    #[test]
    fn submissions() {
        check("3FF7C4317: client=h.example.com[192.0.2.1]", plain());
        check(
            "NOQUEUE: client=h.example.com[192.0.2.1]",
            Submission {
                queue_id: None,
                ..plain()
            },
        );
        check(
            "3FF7C4317: client=h.example.com[192.0.2.1]:4711, sasl_method=PLAIN, sasl_username=bob@example.com",
            Submission {
                client: Client {
                    port: Some(4711),
                    ..client()
                },
                sasl_method: Some("PLAIN"),
                sasl_username: Some("bob@example.com"),
                ..plain()
            },
        );
        check(
            "3FF7C4317: client=h.example.com[192.0.2.1], sasl_method=XCLIENT, sasl_username=b, sasl_sender=c@d, \
             orig_queue_id=4PL3j0443nz30Ms, orig_client=unknown[2001:db8::1]",
            Submission {
                sasl_method: Some("XCLIENT"),
                sasl_username: Some("b"),
                sasl_sender: Some("c@d"),
                orig_queue_id: Some(QueueId("4PL3j0443nz30Ms")),
                orig_client: Some(Client {
                    name: None,
                    ip: Some("2001:db8::1"),
                    port: None,
                }),
                ..plain()
            },
        );
    }

    #[test]
    fn a_user_name_is_not_believed() {
        let name = "bob, x, sasl_username=root, status=sent (ok)";
        let line = format!(
            "3FF7C4317: client=h.example.com[192.0.2.1], sasl_method=PLAIN, sasl_username={name}"
        );
        check(
            &line,
            Submission {
                sasl_method: Some("PLAIN"),
                sasl_username: Some(name),
                ..plain()
            },
        );
    }

    #[test]
    fn what_is_unknown() {
        for line in [
            "3FF7C4317: client=",
            "an arbitrary sentence",
            "3FF7C4317: connect from h[192.0.2.1] to heaven",
            "connected from h[192.0.2.1]",
            "STATISTICS1: client=h[192.0.2.1]",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}

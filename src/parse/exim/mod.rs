//! Exim's main log: arrivals, deliveries, refusals, under its own message IDs (`1tAbCd-000000005vi-0000`).

mod delivery;
mod session;

use super::take;
use crate::event::{Event, NotificationKind, Submission, SuperuserAction};
use crate::mail::{Address, Client, QueueId};

/// Reads any line, without its date; `[pid] ` may stand in front.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    let text = without_pid(without_date(text));
    let Some((id, rest)) = message_id(text) else {
        return session::parse(None, text);
    };
    let (flag, after) = take::split_at_byte(rest, b' ').unwrap_or((rest, ""));
    match flag {
        "<=" => arrival(id, after),
        "=>" | "->" | ">>" | "*>" => delivery::parse(id, "sent", after),
        "**" => delivery::parse(id, "bounced", after),
        "==" => delivery::parse(id, "deferred", after),
        "Completed" => Some(Event::Removed {
            queue_id: id,
            how: None,
        }),
        "frozen" | "Frozen" => superuser(id, SuperuserAction::Held),
        "unfrozen" | "Unfrozen" => superuser(id, SuperuserAction::Released),
        "removed" | "cancelled" if after.starts_with("by ") => {
            superuser(id, SuperuserAction::Removed)
        }
        "cancelled" | "no" | "removed" | "error" | "Message" | "Spool" | "DKIM:" | "retry"
        | "Queued" | "Error" | "User" | "malware" | "demime" | "spamd:" | "TLS" => {
            Some(Event::Note {
                queue_id: Some(id),
                client: None,
                text: rest,
            })
        }
        _ => session::parse(Some(id), rest),
    }
}

/// `frozen by root`, `Unfrozen by errmsg timer`, `removed by root`, `cancelled by timeout_frozen_after`: or Exim by itself.
fn superuser(queue_id: QueueId<'_>, action: SuperuserAction) -> Option<Event<'_>> {
    Some(Event::Superuser { queue_id, action })
}

/// Syslog's copy may keep Exim's own date.
fn without_date(text: &str) -> &str {
    let is_date = text.bytes().take(19).enumerate().all(|(at, b)| match at {
        4 | 7 => b == b'-',
        10 => b == b' ',
        13 | 16 => b == b':',
        _ => b.is_ascii_digit(),
    });
    match text.get(19..) {
        Some(rest) if is_date => take::split_at_byte(rest, b' ').map_or(rest, |(_, rest)| rest),
        _ => text,
    }
}

fn without_pid(text: &str) -> &str {
    let pid = text
        .strip_prefix('[')
        .and_then(|rest| take::split_at_text(rest, "] "));
    match pid {
        Some((pid, rest)) if pid.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => text,
    }
}

/// `6-6-2` digits of base 62, since 4.97 `6-11-4`.
fn message_id(text: &str) -> Option<(QueueId<'_>, &str)> {
    let (word, rest) = take::split_at_byte(text, b' ')?;
    let mut parts = word.split('-');
    let mut is_part = |lengths: [usize; 2]| {
        parts.next().is_some_and(|part| {
            lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        })
    };
    let is_id = is_part([6, 6]) && is_part([6, 11]) && is_part([2, 4]) && parts.next().is_none();
    is_id.then_some((QueueId(word), rest))
}

/// What follows `<=`: `sender H=… U=… P=… A=login:bob S=1234 id=… T="…" for rcpt`.
fn arrival<'a>(id: QueueId<'a>, text: &'a str) -> Option<Event<'a>> {
    let (from, mut rest) = take::split_at_byte(text, b' ').unwrap_or((text, ""));
    let from = Address(if from == "<>" { "" } else { from });
    if let Some(parent) = rest.strip_prefix("R=") {
        let (parent, _) = message_id(parent)?;
        return Some(Event::Notification {
            queue_id: parent,
            kind: NotificationKind::Bounce,
            child: Some(id),
        });
    }
    let mut found = Submission {
        queue_id: Some(id),
        from: Some(from),
        ..Submission::default()
    };
    if let Some(after) = rest.strip_prefix("H=") {
        (found.client, found.helo, rest) = client_and_helo(after)?;
        rest = rest.trim_start();
    }
    // The fields come in Exim's order; those of the client's own text (T=, for) come last.
    while let Some((key, value, after)) = field(rest) {
        match key {
            "P" => {
                found.proto = Some(value);
                found.is_local = matches!(value, "local" | "local-esmtp" | "local-smtp");
            }
            "A" => {
                let (method, user) = take::split_at_byte(value, b':').unwrap_or((value, ""));
                found.sasl_method = Some(method);
                found.sasl_username = (!user.is_empty()).then_some(user);
            }
            "S" => found.size = value.parse().ok(),
            "id" => {
                found.message_id = Some(value);
                break;
            }
            "T" | "for" => break,
            _ => {}
        }
        rest = after;
    }
    Some(Event::Client(Box::new(found)))
}

/// `KEY=value `, `DN="a value with blanks" `, or a flag of the connection (`L`, `L-`, `K`, `PRDR`) with an empty value.
fn field(text: &str) -> Option<(&str, &str, &str)> {
    let end = memchr::memchr2(b'=', b' ', text.as_bytes()).unwrap_or(text.len());
    let (key, rest) = text.split_at_checked(end)?;
    let Some(value) = rest.strip_prefix('=') else {
        let is_flag = !key.is_empty()
            && key
                .bytes()
                .all(|b| b.is_ascii_uppercase() || matches!(b, b'.' | b'-' | b'*'));
        return is_flag.then_some((key, "", rest.trim_start()));
    };
    if value.starts_with('"')
        && let Some(end) = take::end_of_quoted(value.as_bytes())
    {
        return Some((key, value.get(1..end - 1)?, value.get(end..)?.trim_start()));
    }
    let (value, rest) = take::split_at_byte(value, b' ').unwrap_or((value, ""));
    Some((key, value, rest.trim_start()))
}

/// What follows `H=`, or stands for it behind `from `.
fn client(text: &str) -> Option<(Client<'_>, &str)> {
    let (client, _, rest) = client_and_helo(text.strip_prefix("H=").unwrap_or(text))?;
    Some((client, rest))
}

/// `name (helo) [ip]:port`, `(helo) [ip]`, `[ip]`. Exim allows no blank in a HELO name.
fn client_and_helo(text: &str) -> Option<(Client<'_>, Option<&str>, &str)> {
    let (name, rest) = match text.starts_with(['(', '[']) {
        true => ("", text),
        false => take::split_at_byte(text, b' ')?,
    };
    let (helo, rest) = match rest.strip_prefix('(') {
        Some(helo) => {
            let (helo, rest) = take::split_at_text(helo, ") ")?;
            (Some((!helo.contains(' ')).then_some(helo)?), rest)
        }
        None => (None, rest),
    };
    let (client, rest) = take::client(rest)?;
    (rest.is_empty() || rest.starts_with([' ', ':', '*', ')'])).then_some((
        Client {
            name: take::known(name),
            ..client
        },
        helo,
        rest.strip_prefix('*').unwrap_or(rest),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: QueueId<'static> = QueueId("1tAbCd-000000005vi-0000");

    #[test]
    fn arrivals() {
        let wanted = Submission {
            queue_id: Some(ID),
            client: Client {
                name: Some("h.example.com"),
                ip: Some("192.0.2.1"),
                port: Some(4711),
            },
            sasl_method: Some("dovecot_login"),
            sasl_username: Some("bob"),
            from: Some(Address("a@example.com")),
            message_id: Some("1@example.com"),
            size: Some(1234),
            proto: Some("esmtpsa"),
            helo: Some("helo"),
            ..Submission::default()
        };
        let line = "1tAbCd-000000005vi-0000 <= a@example.com H=h.example.com (helo) [192.0.2.1]:4711 P=esmtpsa X=TLS1.3:A:256 CV=no \
                    A=dovecot_login:bob S=1234 id=1@example.com T=\"x A=plain:root S=1\" for b@example.net";
        assert_eq!(parse(line), Some(Event::Client(Box::new(wanted))));
        // Flags of the connection, and values with blanks, stand between.
        let line = "1tAbCd-000000005vi-0000 <= a@example.com H=h.example.com (helo) [192.0.2.1]:4711 P=esmtpsa L- X=TLS1.3:A:256 CV=yes \
                    DN=\"CN=x A=plain:root\" SNI=\"mail\" A=dovecot_login:bob K S=1234 RT=1s id=1@example.com for b@example.net";
        assert_eq!(parse(line), Some(Event::Client(Box::new(wanted))));
        let local = Submission {
            queue_id: Some(ID),
            from: Some(Address("bob@example.com")),
            proto: Some("local"),
            size: Some(12),
            is_local: true,
            ..Submission::default()
        };
        let line = "1tAbCd-000000005vi-0000 <= bob@example.com U=bob P=local S=12 T=\"x\"";
        assert_eq!(parse(line), Some(Event::Client(Box::new(local))));
        let bounce = Event::Notification {
            queue_id: QueueId("1tAbCc-0001Ab-2c"),
            kind: NotificationKind::Bounce,
            child: Some(ID),
        };
        let line = "1tAbCd-000000005vi-0000 <= <> R=1tAbCc-0001Ab-2c U=exim P=local S=1";
        assert_eq!(parse(line), Some(bounce));
    }

    #[test]
    fn ends_and_the_unknown() {
        let removed = Event::Removed {
            queue_id: ID,
            how: None,
        };
        for line in [
            "1tAbCd-000000005vi-0000 Completed",
            "[1234] 1tAbCd-000000005vi-0000 Completed QT=1s",
            "2024-11-19 22:00:00.123 1tAbCd-000000005vi-0000 Completed",
        ] {
            assert_eq!(parse(line), Some(removed.clone()), "{line}");
        }
        let check = |text: &str, action| {
            let line = format!("1tAbCd-000000005vi-0000 {text}");
            let wanted = Event::Superuser {
                queue_id: ID,
                action,
            };
            assert_eq!(parse(&line), Some(wanted), "{text}");
        };
        check("Frozen", SuperuserAction::Held);
        check("unfrozen by root", SuperuserAction::Released);
        check("removed by root", SuperuserAction::Removed);
        check(
            "cancelled by timeout_frozen_after",
            SuperuserAction::Removed,
        );
        assert_eq!(parse("an arbitrary sentence"), None);
        assert_eq!(parse("1tAbCd-000000005vi-0000 an arbitrary sentence"), None);
    }
}

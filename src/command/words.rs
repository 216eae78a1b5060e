//! What a line says, in plain words: for timelines that a person reads.

use crate::event::{Delivery, Event, NotificationKind, Reject, SuperuserAction};
use crate::mail::{Client, Relay};

/// Characters of a remote server's reply or a refusal's reason.
const MAX_REASON: usize = 200;

/// One sentence without an end; empty where the line has nothing for a message's reader.
pub(super) fn words(event: &Event<'_>) -> String {
    match event {
        Event::Client(submission) => {
            let mut text = format!("accepted from {}", client(&submission.client));
            if let Some(login) = submission.sasl_username {
                let method = submission.sasl_method.unwrap_or("unknown method");
                text.push_str(&format!(", login {login} ({method})"));
            }
            if let Some(before) = submission.orig_queue_id {
                text.push_str(&format!(", was {} before the filter", before.0));
            }
            text
        }
        Event::Pickup { uid, from, .. } => {
            format!(
                "handed in on this host by uid {uid} as <{}> (sendmail)",
                from.0
            )
        }
        Event::MessageId { message_id, .. } => format!("message-id <{message_id}>"),
        Event::Queued {
            from, size, nrcpt, ..
        } => {
            let size = size.map_or(String::new(), |size| format!(", {size} bytes"));
            let nrcpt = nrcpt.map_or(String::new(), |n| {
                format!(", {n} recipient{} to go", if n == 1 { "" } else { "s" })
            });
            format!("in the queue: from <{}>{size}{nrcpt}", from.0)
        }
        Event::Delivery(delivery) => delivered(delivery),
        Event::Expired { status, .. } => format!("given up ({status}), returned to the sender"),
        Event::Removed { how, .. } => match how {
            Some(how) => format!("left the queue ({how})"),
            None => "left the queue".to_owned(),
        },
        Event::Notification { kind, child, .. } => {
            let what = match kind {
                NotificationKind::Bounce => "bounce",
                NotificationKind::Delay => "delay notification",
                NotificationKind::Success => "delivery notification",
                NotificationKind::Postmaster => "notification to the postmaster",
            };
            match child {
                Some(child) => format!("{what} to the sender: {}", child.0),
                None => format!("{what} to the sender failed"),
            }
        }
        Event::Reject(reject) => rejected(reject),
        Event::RemoteTrouble { reason, .. } => shorten(reason),
        Event::Superuser { action, .. } => match action {
            SuperuserAction::Removed => "deleted by the administrator (postsuper)".to_owned(),
            SuperuserAction::Held => "put on hold by the administrator (postsuper)".to_owned(),
            SuperuserAction::Released => "released by the administrator (postsuper)".to_owned(),
            SuperuserAction::Requeued => "queued anew by the administrator (postsuper)".to_owned(),
            SuperuserAction::Expired => "expired by the administrator (postsuper)".to_owned(),
        },
        Event::ProxyAccept { reply, .. } => format!("the filter took it: {}", shorten(reply)),
        Event::LostConnection { stage, reason, .. } => format!("{reason} after {stage}"),
        Event::Tls(tls) => format!("{} with {}", tls.tls_version, tls.tls_cipher),
        Event::Verdict(verdict) => shorten(verdict.text),
        Event::Warning { text, .. } | Event::Note { text, .. } => shorten(text),
        Event::Connect { .. }
        | Event::Disconnect(_)
        | Event::AuthFailure(_)
        | Event::Login(_)
        | Event::Stored { .. }
        | Event::Screening { .. }
        | Event::Statistics { .. }
        | Event::Service { .. }
        | Event::LinesLost { .. }
        | Event::Repeated { .. }
        | Event::Unknown
        | Event::Other => String::new(),
    }
}

fn delivered(delivery: &Delivery<'_>) -> String {
    let to = match delivery.orig_to {
        Some(before) => format!("<{}> (for <{}>)", delivery.to.0, before.0),
        None => format!("<{}>", delivery.to.0),
    };
    let relay = match relay(&delivery.relay) {
        Some(relay) => format!(" by {relay}"),
        None => String::new(),
    };
    format!(
        "{} {to}{relay}: {}",
        delivery.status,
        shorten(delivery.reason)
    )
}

fn rejected(reject: &Reject<'_>) -> String {
    let to = reject
        .to
        .map_or(String::new(), |to| format!(" for <{}>", to.0));
    let code = reject
        .reply_code
        .map_or(String::new(), |code| format!("{code} "));
    format!(
        "{} at {}{to}: {code}{}",
        reject.action,
        reject.stage,
        shorten(reject.reason)
    )
}

fn client(client: &Client<'_>) -> String {
    match (client.name, client.ip) {
        (Some(name), Some(ip)) => format!("{name} [{ip}]"),
        (Some(one), None) | (None, Some(one)) => format!("[{one}]"),
        (None, None) => "an unknown client".to_owned(),
    }
}

fn relay(relay: &Relay<'_>) -> Option<String> {
    match (relay.name, relay.ip) {
        (Some(name), Some(ip)) => Some(format!("{name} [{ip}]")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_REASON) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_in_words() {
        let check = |program: &str, text: &str, expected: &str| {
            assert_eq!(words(&crate::parse::event(program, text)), expected);
        };
        check(
            "postfix/smtpd",
            "A10F00DAA: client=unknown[192.0.2.6], sasl_method=LOGIN, sasl_username=root",
            "accepted from [192.0.2.6], login root (LOGIN)",
        );
        check(
            "postfix/smtp",
            "A10F00DAA: to=<a@example.com>, relay=mx.example.com[192.0.2.9]:25, delay=1, delays=1/0/0/0, dsn=4.7.0, status=deferred (host mx said: 421 busy)",
            "deferred <a@example.com> by mx.example.com [192.0.2.9]: host mx said: 421 busy",
        );
        check("postfix/qmgr", "A10F00DAA: removed", "left the queue");
        check(
            "postfix/anvil",
            "statistics: max cache size 1 at Jan  1 00:00:00",
            "",
        );
    }
}

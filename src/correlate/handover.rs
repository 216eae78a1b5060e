//! From one server to the next: the reply of the next one names the queue ID under which it took the message.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap};

use super::{Link, Relation, Symbol};

/// How far the clocks of two hosts, and the lines of one message, can be apart.
const APART_MICROS: i64 = 600 * 1_000_000;

/// What one host handed on and another took; only kept where the logs are of several hosts.
#[derive(Default)]
pub(super) struct Handovers {
    handed_on: Vec<HandedOn>,
    taken: HashMap<Key, Vec<Taken>>,
    hasher: DefaultHashBuilder,
}

/// Queue ID at the receiver and message-id: the one alone may be anybody's (L4), the other is not unique (P2).
type Key = u64;

struct HandedOn {
    key: Key,
    parent: u32,
    to: Symbol,
    host: Symbol,
    micros: i64,
}

struct Taken {
    child: u32,
    host: Symbol,
    micros: i64,
}

impl Handovers {
    /// A delivery was accepted under this queue ID.
    pub(super) fn hand_on(
        &mut self,
        queued_as: &str,
        message_id: &str,
        (parent, to): (u32, Symbol),
        (host, micros): (Symbol, i64),
    ) {
        let key = self.hasher.hash_one((queued_as, message_id));
        self.handed_on.push(HandedOn {
            key,
            parent,
            to,
            host,
            micros,
        });
    }

    /// A message came in over SMTP.
    pub(super) fn take(
        &mut self,
        queue_id: &str,
        message_id: &str,
        child: u32,
        (host, micros): (Symbol, i64),
    ) {
        let key = self.hasher.hash_one((queue_id, message_id));
        let taken = self.taken.entry(key).or_default();
        if taken.iter().all(|taken| taken.child != child) {
            taken.push(Taken {
                child,
                host,
                micros,
            });
        }
    }

    /// The links between what was handed on and what was taken, in the order in which it was handed on; and the
    /// deliveries (message, recipient) that are only steps therefore.
    pub(super) fn meet(self) -> (Vec<Link>, Vec<(u32, Symbol)>) {
        let mut links: Vec<Link> = Vec::new();
        let mut steps = Vec::new();
        for handed in &self.handed_on {
            let taken = self.taken.get(&handed.key).into_iter().flatten();
            let apart = |taken: &&Taken| (taken.micros - handed.micros).abs();
            let met = taken
                .filter(|taken| taken.host != handed.host && taken.child != handed.parent)
                .filter(|taken| apart(taken) <= APART_MICROS)
                .min_by_key(|taken| (apart(taken), taken.child));
            if let Some(taken) = met {
                links.push(Link {
                    child: taken.child,
                    parent: handed.parent,
                    relation: Relation::Relayed,
                });
                steps.push((handed.parent, handed.to));
            }
        }
        (links, steps)
    }
}

/// The queue ID in another server's reply: `250 2.0.0 Ok: queued as QID` of Postfix, `250 OK id=QID` of Exim,
/// `250 2.0.0 QID Message accepted for delivery` of Sendmail.
pub(super) fn queued_as(reply: &str) -> Option<&str> {
    let (before, last) = last_word(reply);
    let id = if let Some(front) = reply.strip_suffix(" Message accepted for delivery") {
        last_word(front).1
    } else if before.ends_with("queued as") {
        last
    } else {
        last.strip_prefix("id=")
            .filter(|_| before.ends_with("OK"))?
    };
    let id = id.trim_end_matches([')', ']', '>', '.']);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!id.is_empty() && id.len() <= 64 && id.bytes().all(plain)).then_some(id)
}

/// What stands before the last word, and that word. An ID is one: what has a space behind it is none.
fn last_word(text: &str) -> (&str, &str) {
    match memchr::memrchr(b' ', text.as_bytes()).and_then(|at| text.split_at_checked(at)) {
        Some((before, last)) => (before, last.strip_prefix(' ').unwrap_or(last)),
        None => ("", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::Strings;

    #[test]
    fn both_ids_and_the_time_must_fit() {
        let mut strings = Strings::default();
        let mut name = |text: &str| strings.intern(text);
        let (mx, store, to) = (name("mx"), name("store"), name("ann@example.com"));
        let second = 1_000_000;
        let mut handovers = Handovers::default();
        handovers.take("A1", "m@example.com", 1, (store, 100 * second));
        handovers.take("A2", "other@example.com", 2, (store, 100 * second));
        handovers.take("A3", "m@example.com", 3, (mx, 100 * second));
        handovers.take("A4", "m@example.com", 4, (store, 9000 * second));
        for id in ["A1", "A2", "A3", "A4", "A5"] {
            handovers.hand_on(id, "m@example.com", (0, to), (mx, 101 * second));
        }
        let (links, steps) = handovers.meet();
        let children: Vec<u32> = links.iter().map(|link| link.child).collect();
        assert_eq!(children, [1]);
        assert_eq!(steps, [(0, to)]);
    }

    #[test]
    fn replies_of_two_servers() {
        let said = [
            ("250 2.0.0 Ok: queued as 0A10F00DF5", Some("0A10F00DF5")),
            ("250 OK id=1rAbCd-0001Xy-2Z", Some("1rAbCd-0001Xy-2Z")),
            ("250 2.6.0 <m@example.com> [InternalId=1] Queued mail", None),
            ("250 queued as a b", None),
            (
                "250 2.0.0 w1S9L7lZ012346 Message accepted for delivery",
                Some("w1S9L7lZ012346"),
            ),
            (
                "w1S9L7lZ012346 Message accepted for delivery",
                Some("w1S9L7lZ012346"),
            ),
        ];
        for (reply, expected) in said {
            assert_eq!(queued_as(reply), expected, "{reply}");
        }
    }
}

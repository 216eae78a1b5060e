//! Links between messages, told by either of them, sometimes before the other is known.

use hashbrown::HashMap;

use super::life::DISORDER_MICROS;
use super::message::{EventSeen, Message, Origin, OriginKind};
use super::observe::Place;
use super::store::Slot;
use super::{Correlator, Link, Relation, Strings, Symbol};
use crate::mail::{QueueId, Status};
use crate::read::Record;

/// How long a named relative may take to have its first line, and how many are awaited at once.
const AWAITED_MICROS: i64 = 120 * 1_000_000;
const MAX_AWAITED: usize = 4096;

/// Relatives that were named before their own first line, by queue ID.
#[derive(Default)]
pub(super) struct Awaited {
    by_queue_id: HashMap<Box<str>, Vec<Expected>>,
    n: usize,
}

struct Expected {
    host: Symbol,
    role: Role,
    /// After this it is another message with the same queue ID.
    until_micros: i64,
}

/// What the expected message is to the one that named it, which is told by its place and number.
enum Role {
    ChildOf((Slot, u32), Relation),
    ParentOf((Slot, u32), Relation),
    /// What a proxy filter handed on, and who handed it in (P6).
    HandedOnFrom(Box<(Origin, EventSeen)>),
}

impl Awaited {
    fn push(&mut self, queue_id: &str, expected: Expected, now_micros: i64) {
        if self.n >= MAX_AWAITED {
            self.by_queue_id.retain(|_, list| {
                list.retain(|expected| expected.until_micros >= now_micros);
                !list.is_empty()
            });
            self.n = self.by_queue_id.values().map(Vec::len).sum();
        }
        // Only a hostile log names so many within two minutes.
        if self.n >= MAX_AWAITED {
            self.by_queue_id.clear();
            self.n = 0;
        }
        self.by_queue_id
            .entry(queue_id.into())
            .or_default()
            .push(expected);
        self.n += 1;
    }

    fn take(&mut self, host: Symbol, queue_id: &str, now_micros: i64) -> Vec<Expected> {
        let Some(list) = self.by_queue_id.get_mut(queue_id) else {
            return Vec::new();
        };
        let n_before = list.len();
        let met = |expected: &mut Expected| expected.host == host;
        let mut taken: Vec<Expected> = list.extract_if(.., met).collect();
        self.n -= n_before - list.len();
        if list.is_empty() {
            self.by_queue_id.remove(queue_id);
        }
        taken.retain(|expected| expected.until_micros >= now_micros);
        taken
    }
}

impl Correlator {
    /// Links the named child to its parent, now or at its first line.
    pub(super) fn link_named(
        &mut self,
        record: &Record<'_>,
        place: Place,
        child: QueueId<'_>,
        parent: Slot,
        relation: Relation,
    ) {
        match self.find_somewhere(place, child) {
            Some(child) if child == parent => {}
            // L1: a message that was there before its parent had the queue ID before.
            Some(child) if !self.is_older(child, parent) => {
                let parent = (parent, self.store.get(parent).number);
                self.link(child, parent, relation);
            }
            Some(_) | None => {
                let parent = (parent, self.store.get(parent).number);
                self.expect(record, place, child, Role::ChildOf(parent, relation));
            }
        }
    }

    /// XFORWARD: the child names its parent, whose lines may come later within the same second.
    pub(super) fn link_to_named(
        &mut self,
        record: &Record<'_>,
        place: Place,
        child: Slot,
        parent: QueueId<'_>,
        relation: Relation,
    ) {
        match self.find_somewhere(place, parent) {
            Some(parent) if parent == child => {}
            Some(parent) => {
                let parent = (parent, self.store.get(parent).number);
                self.link(child, parent, relation);
            }
            None => {
                let child = (child, self.store.get(child).number);
                self.expect(record, place, parent, Role::ParentOf(child, relation));
            }
        }
    }

    fn is_older(&self, child: Slot, parent: Slot) -> bool {
        let (child, parent) = (self.store.get(child), self.store.get(parent));
        let apart = parent.first_seen.micros - child.first_seen.micros;
        // In the log's order as well: a clock that was set proves nothing.
        child.number < parent.number
            && parent.origin.kind != OriginKind::Unknown
            && apart > DISORDER_MICROS
    }

    fn link(&mut self, child: Slot, parent: (Slot, u32), relation: Relation) {
        let message = self.store.get_mut(child);
        let kind = match relation {
            Relation::Reinjected => OriginKind::Reinjected,
            Relation::Forwarded => OriginKind::Forward,
            Relation::Resubmitted => OriginKind::Pickup,
            Relation::Relayed => OriginKind::Smtpd,
            Relation::Bounce | Relation::DelayNotification | Relation::SuccessNotification => {
                OriginKind::Bounce
            }
        };
        if matches!(message.origin.kind, OriginKind::Unknown | OriginKind::Smtpd) {
            message.origin.kind = kind;
        }
        self.told.links.push(Link {
            child: message.number,
            parent: parent.1,
            relation,
        });
        let child_id = message.queue_id.clone();
        if let Some(parent) = self.store.get_noted(parent.0, parent.1) {
            mark_hops(parent, relation, &child_id, &self.told.strings);
        }
    }

    /// P6: what the proxy handed on is the submission of the client before it.
    pub(super) fn handed_on(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queued_as: QueueId<'_>,
        origin: Origin,
    ) {
        match self.find_somewhere(place, queued_as) {
            Some(slot) => {
                self.touch(record, slot);
                self.store.get_mut(slot).origin = origin;
            }
            None => {
                let seen = EventSeen::of(record);
                let role = Role::HandedOnFrom(Box::new((origin, seen)));
                self.expect(record, place, queued_as, role);
            }
        }
    }

    fn expect(&mut self, record: &Record<'_>, place: Place, queue_id: QueueId<'_>, role: Role) {
        let now = record.timestamp.micros;
        let expected = Expected {
            host: place.host,
            role,
            until_micros: now + AWAITED_MICROS,
        };
        self.awaited.push(queue_id.0, expected, now);
    }

    /// R: Postfix 3.11 names a notification before its first line; a filter may answer before its child is told.
    pub(super) fn meet_awaited(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
        slot: Slot,
    ) {
        let now = record.timestamp.micros;
        for expected in self.awaited.take(place.host, queue_id.0, now) {
            match expected.role {
                Role::ChildOf(parent, relation) => self.link(slot, parent, relation),
                Role::ParentOf((child, number), relation) => {
                    if self.store.get_noted(child, number).is_some() {
                        let parent = (slot, self.store.get(slot).number);
                        self.link(child, parent, relation);
                    }
                }
                Role::HandedOnFrom(told) => {
                    let message = self.store.get_mut(slot);
                    message.origin = told.0;
                    if self.keep_events {
                        message.events.insert(0, told.1);
                    }
                }
            }
        }
    }
}

/// What went on as the child is a step, not an end. What a filter threw away did not go on (P5).
fn mark_hops(parent: &mut Message, relation: Relation, child: &str, strings: &Strings) {
    for recipient in &mut parent.recipients {
        let went_on = match relation {
            Relation::Forwarded => recipient.reason.strip_prefix("forwarded as ") == Some(child),
            Relation::Reinjected => {
                let ip = recipient.relay_ip.map(|ip| strings.get(ip));
                ip.is_some_and(is_loopback) && !is_thrown_away(&recipient.reason)
            }
            Relation::Bounce
            | Relation::DelayNotification
            | Relation::SuccessNotification
            | Relation::Relayed
            | Relation::Resubmitted => false,
        };
        recipient.is_hop |= went_on && recipient.status == Status::Sent;
    }
}

fn is_loopback(ip: &str) -> bool {
    ip.starts_with("127.") || ip == "::1"
}

/// P5: amavis accepts what it does not pass on: `254 2.7.0 Ok, discarded, id=00123-05 - spam`.
pub(super) fn is_thrown_away(reply: &str) -> bool {
    let mut words = reply.splitn(3, ' ');
    let code = words.next().unwrap_or_default();
    let text = words.nth(1).unwrap_or_default();
    code.starts_with("25") && text.starts_with("Ok, discarded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_filter_itself_says_that_it_throws_away() {
        let told = [
            ("254 2.7.0 Ok, discarded, id=00123-05 - spam", true),
            ("250 2.7.0 Ok, discarded, id=00123-05", true),
            ("250 2.0.0 Ok: queued as 0A10F00DF5", false),
            (
                "250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 Ok, discarded",
                false,
            ),
            ("550 5.7.1 Ok, discarded", false),
            ("", false),
        ];
        for (reply, expected) in told {
            assert_eq!(is_thrown_away(reply), expected, "{reply}");
        }
    }
}

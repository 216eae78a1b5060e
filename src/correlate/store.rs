//! The messages that are not yet told to their end, found by host, instance and queue ID.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::message::{Ending, Message};
use super::strings::Symbol;

/// How long an ended message stays, for lines that come late: T11 (a delivery after `removed`), T14 (a
/// notification that ends before its parent tells of it) and T8 (a cleanup up to ten minutes late).
const GRACE_MICROS: i64 = 600 * 1_000_000;
/// The same in lines, where time stands still or goes back (several hosts, one after the other).
const GRACE_LINES: u64 = 500_000;

/// T12: how long the queue manager may take to see a message.
const IDLE_MICROS: i64 = 12 * 3600 * 1_000_000;

/// Where a message is kept; valid until the message leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(u32);

/// Open messages and those in their grace period.
#[derive(Default)]
pub(super) struct Store {
    slots: Vec<Option<Message>>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    ended: VecDeque<Ended>,
}

struct Ended {
    slot: u32,
    number: u32,
    leaves_at_micros: i64,
    leaves_at_line: u64,
}

impl Store {
    /// The message that this queue ID means now.
    pub(super) fn find(&self, host: Symbol, instance: Symbol, queue_id: &str) -> Option<Slot> {
        let hash = self.hasher.hash_one((host, instance, queue_id));
        let is_it = |slot: &u32| match &self.slots[*slot as usize] {
            Some(m) => m.host == host && m.instance == instance && *m.queue_id == *queue_id,
            None => false,
        };
        self.index.find(hash, is_it).copied().map(Slot)
    }

    /// Takes a new message; one with the same queue ID must have left before.
    pub(super) fn insert(&mut self, message: Message) -> Slot {
        let hash = self.hash(&message);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                u32::try_from(self.slots.len() - 1)
                    .expect("four billion open messages do not fit into memory")
            }
        };
        self.slots[slot as usize] = Some(message);
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.index.insert_unique(hash, slot, |other| {
            slots[*other as usize]
                .as_ref()
                .map_or(0, |m| hasher.hash_one((m.host, m.instance, &*m.queue_id)))
        });
        Slot(slot)
    }

    pub(super) fn get(&self, slot: Slot) -> &Message {
        self.slots[slot.0 as usize]
            .as_ref()
            .expect("a slot is used only while its message is there")
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> &mut Message {
        self.slots[slot.0 as usize]
            .as_mut()
            .expect("a slot is used only while its message is there")
    }

    /// The message at a slot noted earlier, unless it has left meanwhile.
    pub(super) fn get_noted(&mut self, slot: Slot, number: u32) -> Option<&mut Message> {
        let message = self.slots.get_mut(slot.0 as usize)?.as_mut()?;
        (message.number == number).then_some(message)
    }

    /// Notes that a message has ended; it leaves after the grace period.
    pub(super) fn end(&mut self, slot: Slot, now_micros: i64, n_lines: u64) {
        self.ended.push_back(Ended {
            slot: slot.0,
            number: self.get(slot).number,
            leaves_at_micros: now_micros + GRACE_MICROS,
            leaves_at_line: n_lines + GRACE_LINES,
        });
    }

    /// Takes a message out at once.
    pub(super) fn take(&mut self, slot: Slot) -> Message {
        let message = self.slots[slot.0 as usize]
            .take()
            .expect("a slot is used only while its message is there");
        if let Ok(entry) = self
            .index
            .find_entry(self.hash(&message), |other| *other == slot.0)
        {
            entry.remove();
        }
        self.free.push(slot.0);
        message
    }

    /// Moves the messages whose grace period is over to `out`.
    pub(super) fn release(&mut self, now_micros: i64, n_lines: u64, out: &mut Vec<Message>) {
        while let Some(first) = self.ended.front() {
            if first.leaves_at_micros > now_micros && first.leaves_at_line > n_lines {
                break;
            }
            let slot = Slot(first.slot);
            let number = first.number;
            self.ended.pop_front();
            // A late line may have opened it again; then its next end brings it here once more.
            let has_ended = self
                .get_noted(slot, number)
                .is_some_and(|message| message.ending != Ending::Open);
            if has_ended {
                out.push(self.take(slot));
            }
        }
    }

    /// T12: what the queue manager did not see within twelve hours was broken off. It stays for its grace period.
    pub(super) fn abort_idle(&mut self, now_micros: i64, n_lines: u64) {
        for slot in 0..self.slots.len() {
            let Some(message) = &mut self.slots[slot] else {
                continue;
            };
            let idle = now_micros - message.last_seen.micros;
            if message.ending == Ending::Open && message.was_never_queued() && idle > IDLE_MICROS {
                message.ending = Ending::Untold;
                let slot = u32::try_from(slot).expect("slots are numbered with 32 bits");
                self.end(Slot(slot), now_micros, n_lines);
            }
        }
    }

    /// How many messages are kept.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Moves those that were silent for longest to `out`, until `keep` are left. A hostile log can begin any
    /// number of messages that never end.
    pub(super) fn evict(&mut self, keep: usize, out: &mut Vec<Message>) {
        let slots = self.slots.iter().zip(0..);
        let mut by_age: Vec<(i64, u32, u32)> = slots
            .filter_map(|(message, slot)| {
                let message = message.as_ref()?;
                Some((message.last_seen.micros, message.number, slot))
            })
            .collect();
        by_age.sort_unstable();
        let n_out = by_age.len().saturating_sub(keep);
        for (_, _, slot) in by_age.into_iter().take(n_out) {
            let mut message = self.take(Slot(slot));
            // T12: what the queue manager never saw is over, whoever ended it.
            if message.ending == Ending::Open && message.was_never_queued() {
                message.ending = Ending::Untold;
            }
            out.push(message);
        }
    }

    /// Moves all messages to `out`: the log ends here.
    pub(super) fn release_all(&mut self, out: &mut Vec<Message>) {
        out.extend(self.slots.drain(..).flatten());
        self.index.clear();
        self.free.clear();
        self.ended.clear();
    }

    fn hash(&self, message: &Message) -> u64 {
        self.hasher
            .hash_one((message.host, message.instance, &*message.queue_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::message::{Origin, OriginKind};
    use crate::correlate::proof::Proof;
    use crate::correlate::strings::Strings;
    use crate::mail::{LineRef, Timestamp};

    fn message(number: u32, strings: &mut Strings) -> Message {
        let moment = Timestamp {
            micros: i64::from(number) * 1_000_000,
            ..Timestamp::default()
        };
        Message {
            number,
            host: strings.intern("mail"),
            instance: strings.intern("postfix"),
            queue_id: format!("A{number:09}").into(),
            first_seen: moment,
            last_seen: moment,
            first_line: LineRef::default(),
            log_began_micros: 0,
            origin: Origin {
                kind: OriginKind::Smtpd,
                ..Origin::default()
            },
            message_id: None,
            from: None,
            proof: Proof::Unknown,
            size: None,
            nrcpt: None,
            queued_line: number.is_multiple_of(2).then(LineRef::default),
            recipients: Vec::new(),
            ending: Ending::Open,
            held: false,
            n_rejects: 0,
            n_bounces: 0,
            events: Vec::new(),
        }
    }

    #[test]
    fn the_oldest_leave_first_and_the_others_are_found() {
        let mut strings = Strings::default();
        let mut store = Store::default();
        let all: Vec<Message> = (0..10).map(|n| message(n, &mut strings)).collect();
        let (host, instance) = (all[0].host, all[0].instance);
        for message in &all {
            store.insert(message.clone());
        }
        let mut out = Vec::new();
        store.evict(4, &mut out);
        let left: Vec<(u32, Ending)> = out.iter().map(|m| (m.number, m.ending)).collect();
        // T12: the odd ones were never queued; the even ones wait, as far as the log tells.
        let ended = |n: u32| {
            if n.is_multiple_of(2) {
                Ending::Open
            } else {
                Ending::Untold
            }
        };
        assert_eq!(left, (0..6).map(|n| (n, ended(n))).collect::<Vec<_>>());
        assert_eq!(store.len(), 4);
        for message in &all {
            let found = store.find(host, instance, &message.queue_id).is_some();
            assert_eq!(found, message.number >= 6);
        }
    }
}

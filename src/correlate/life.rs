//! A message's beginning and end; a queue ID used again is another message.

use super::Correlator;
use super::message::{Ending, EventSeen, Message, Origin, OriginKind};
use super::observe::Place;
use super::store::Slot;
use crate::mail::QueueId;
use crate::read::Record;

/// T9, L15: lines of different daemons about one moment can be out of order by so much.
const DISORDER_MICROS: i64 = 10 * 1_000_000;
impl Correlator {
    /// Ends a message, unless it has ended before: T11 and T15 bring lines after the end.
    pub(super) fn end(&mut self, record: &Record<'_>, slot: Slot, ending: Ending) {
        let n_lines = self.n_records;
        let message = self.store.get_mut(slot);
        if message.ending == Ending::Open || message.ending == Ending::Aborted {
            message.ending = ending;
            self.store.end(slot, record.timestamp.micros, n_lines);
        }
    }

    /// A line that only the beginning of a message has. L1: it may be another with the same queue ID.
    pub(super) fn begin_with_origin(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
        origin: Origin,
    ) -> Slot {
        if let Some(slot) = self.store.find(place.host, place.instance, queue_id.0) {
            let message = self.store.get_mut(slot);
            let age = record.timestamp.micros - message.first_seen.micros;
            let unborn = message.origin.kind == OriginKind::Unknown
                && message.recipients.is_empty()
                && message.ending == Ending::Open;
            let replayed = message.origin
                == Origin {
                    line: message.origin.line,
                    ..origin
                }
                && message.first_seen == record.timestamp;
            if replayed || (unborn && age.abs() <= DISORDER_MICROS) {
                message.origin = origin;
                self.touch(record, slot);
                return slot;
            }
            self.supersede(slot);
        }
        let slot = self.begin(record, place, queue_id);
        self.store.get_mut(slot).origin = origin;
        slot
    }

    /// The message of this queue ID; an ended one is another message. For lines that come before the end.
    pub(super) fn get_or_begin_unended(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
    ) -> Slot {
        match self.store.find(place.host, place.instance, queue_id.0) {
            Some(slot) => {
                let ending = self.store.get(slot).ending;
                // T8: a cleanup that is late by minutes speaks of the transaction that was broken off.
                if matches!(ending, Ending::Open | Ending::Aborted) {
                    self.touch(record, slot);
                    return slot;
                }
                self.supersede(slot);
                self.begin(record, place, queue_id)
            }
            None => self.begin(record, place, queue_id),
        }
    }

    /// The message of this queue ID, ended or not (T11, T15).
    pub(super) fn get_or_begin(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
    ) -> Slot {
        match self.store.find(place.host, place.instance, queue_id.0) {
            Some(slot) => {
                self.touch(record, slot);
                slot
            }
            None => self.begin(record, place, queue_id),
        }
    }

    /// Another instance's message is meant where this one has none (C1): filters log apart.
    pub(super) fn find_somewhere(&self, place: Place, queue_id: QueueId<'_>) -> Option<Slot> {
        let own = self.store.find(place.host, place.instance, queue_id.0);
        own.or_else(|| {
            let mut others = self.programs.iter().map(|program| program.instance);
            others.find_map(|instance| self.store.find(place.host, instance, queue_id.0))
        })
    }

    pub(super) fn supersede(&mut self, slot: Slot) {
        let mut message = self.store.take(slot);
        if message.ending == Ending::Open {
            message.ending = Ending::Superseded;
        }
        self.finished.push(message);
    }

    pub(super) fn begin(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
    ) -> Slot {
        let number = self.told.n_messages;
        self.told.n_messages += 1;
        let slot = self.store.insert(Message {
            number,
            host: place.host,
            instance: place.instance,
            queue_id: queue_id.0.into(),
            first_seen: record.timestamp,
            last_seen: record.timestamp,
            first_line: record.at,
            origin: Origin::default(),
            message_id: None,
            from: None,
            size: None,
            nrcpt: None,
            queued_line: None,
            recipients: Vec::new(),
            ending: Ending::Open,
            held: false,
            n_rejects: 0,
            n_bounces: 0,
            events: Vec::new(),
        });
        self.touch(record, slot);
        self.meet_awaited(record, place, queue_id, slot);
        slot
    }

    /// Notes that a line spoke of the message.
    pub(super) fn touch(&mut self, record: &Record<'_>, slot: Slot) {
        let keep_events = self.keep_events;
        let message = self.store.get_mut(slot);
        message.last_seen = message.last_seen.max(record.timestamp);
        if keep_events {
            message.events.push(EventSeen {
                at: record.at,
                timestamp: record.timestamp,
                event: record.event.name(),
            });
        }
    }

    /// A transaction that the queue manager never saw is over with its connection: T5, T6, T7.
    pub(super) fn end_transaction(&mut self, record: &Record<'_>, message: Option<(Slot, u32)>) {
        let Some((slot, number)) = message else {
            return;
        };
        let Some(message) = self.store.get_noted(slot, number) else {
            return;
        };
        let never_queued = message.queued_line.is_none() && message.recipients.is_empty();
        if never_queued && message.message_id.is_none() && message.ending == Ending::Open {
            message.ending = Ending::Aborted;
            self.store
                .end(slot, record.timestamp.micros, self.n_records);
        }
    }
}

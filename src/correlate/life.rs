//! A message's beginning and end; a queue ID used again is another message.

use super::Correlator;
use super::message::{Ending, EventSeen, Message, Origin, OriginKind};
use super::observe::Place;
use super::proof::Proof;
use super::store::Slot;
use crate::mail::QueueId;
use crate::read::Record;

/// T9, L15: lines of different daemons about one moment can be out of order by so much.
pub(super) const DISORDER_MICROS: i64 = 10 * 1_000_000;

/// What a message knows already of the matter that a line tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Lacking,
    Same,
    /// Something else: the line speaks of another message.
    Different,
}

impl Correlator {
    /// Ends a message, unless it has ended before: T11 and T15 bring lines after the end.
    pub(super) fn end(&mut self, record: &Record<'_>, slot: Slot, ending: Ending) {
        let n_lines = self.n_records;
        let message = self.store.get_mut(slot);
        if message.is_open() {
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
            // T9, P7: within a second the first line can come after all others, the end included.
            let unborn = message.origin.line.is_none()
                && match message.origin.kind {
                    OriginKind::Unknown | OriginKind::Reinjected => true,
                    // It may only look like one: cleanup(8) gives its own message-id where a client gave none.
                    OriginKind::Bounce => message.ending == Ending::Open,
                    OriginKind::Smtpd | OriginKind::Pickup | OriginKind::Forward => false,
                };
            let replayed = message.origin
                == Origin {
                    line: message.origin.line,
                    ..origin
                }
                && message.first_seen == record.timestamp;
            // P6: who handed it to the proxy was told before; this is only the proxy.
            if message.was_handed_on() && age.abs() <= DISORDER_MICROS {
                self.touch(record, slot);
                return slot;
            }
            if replayed || (unborn && age.abs() <= DISORDER_MICROS) {
                message.begin_as(origin);
                self.touch(record, slot);
                return slot;
            }
            self.supersede(slot);
        }
        let slot = self.begin(record, place, queue_id);
        let message = self.store.get_mut(slot);
        if !message.was_handed_on() {
            message.begin_as(origin);
        }
        slot
    }

    /// The message that a line from before the end speaks of, or a new one: queue IDs are used again (L1).
    pub(super) fn get_or_begin_unended(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
        known: impl Fn(&Message) -> Known,
    ) -> Slot {
        let Some(slot) = self.store.find(place.host, place.instance, queue_id.0) else {
            return self.begin(record, place, queue_id);
        };
        let message = self.store.get(slot);
        let late = record.timestamp.micros - message.last_seen.micros;
        let is_this = match known(message) {
            // T8: a cleanup that is late by minutes speaks of the transaction that was broken off.
            _ if late < 0 => true,
            // L15, P7: a line from before the end can come after it.
            Known::Lacking => message.is_open() || late <= DISORDER_MICROS,
            Known::Same => message.is_open(),
            Known::Different => false,
        };
        if is_this {
            self.touch(record, slot);
            return slot;
        }
        self.supersede(slot);
        self.begin(record, place, queue_id)
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
            let mut others = self.instances.iter();
            others.find_map(|instance| self.store.find(place.host, *instance, queue_id.0))
        })
    }

    /// As [`Self::get_or_begin`], in any instance.
    pub(super) fn get_somewhere_or_begin(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
    ) -> Slot {
        match self.find_somewhere(place, queue_id) {
            Some(slot) => {
                self.touch(record, slot);
                slot
            }
            None => self.begin(record, place, queue_id),
        }
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
            log_began_micros: self.began_micros(record, place),
            origin: Origin::default(),
            message_id: None,
            from: None,
            proof: Proof::Unknown,
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

    /// The first moment at which a line of the host spoke of a message or a session.
    fn began_micros(&self, record: &Record<'_>, place: Place) -> i64 {
        let mut hosts = self.hosts_began.iter();
        let began = hosts.find(|(host, _)| *host == place.host);
        began.map_or(record.timestamp.micros, |(_, micros)| *micros)
    }

    /// Notes that a line spoke of the message.
    pub(super) fn touch(&mut self, record: &Record<'_>, slot: Slot) {
        let keep_events = self.keep_events;
        let message = self.store.get_mut(slot);
        message.last_seen = message.last_seen.max(record.timestamp);
        if keep_events {
            message.events.push(EventSeen::of(record));
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
        // With a message-id its content was on the way, and the queue manager may yet speak of it.
        if message.message_id.is_none() {
            self.break_off(record, slot);
        }
    }

    /// T7: the content did not come to its end. Should the queue manager see it all the same, it goes on.
    pub(super) fn break_off(&mut self, record: &Record<'_>, slot: Slot) {
        let message = self.store.get_mut(slot);
        if message.was_never_queued() && message.ending == Ending::Open {
            message.ending = Ending::Aborted;
            self.store
                .end(slot, record.timestamp.micros, self.n_records);
        }
    }
}

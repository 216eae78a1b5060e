//! The queue manager's lines, and what became of each recipient.

use super::handover::queued_as;
use super::kinship::is_thrown_away;
use super::life::Known;

use super::message::{Ending, Message, OriginKind, Recipient};
use super::observe::Place;
use super::proof::Proof;
use super::store::Slot;
use super::{Correlator, Relation};
use crate::event::Delivery;
use crate::mail::{Address, QueueId, Status};
use crate::read::Record;

impl Correlator {
    pub(super) fn queued(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
        from: Address<'_>,
        size: Option<u64>,
        nrcpt: Option<u32>,
    ) {
        let from = self.told.strings.intern(from.0);
        // L1: the sender of a message does not change.
        let known = |message: &Message| match message.from {
            Some(known) if known != from => Known::Different,
            _ if message.queued_line.is_some() => Known::Same,
            _ => Known::Lacking,
        };
        let slot = self.get_or_begin_unended(record, place, queue_id, known);
        let message = self.store.get_mut(slot);
        message.from = Some(from);
        message.size = size.or(message.size);
        // Later retries count the recipients that are left.
        message.nrcpt = message.nrcpt.max(nrcpt);
        message.queued_line.get_or_insert(record.at);
        message.held = false;
        if message.is_open() {
            message.ending = Ending::Open;
        }
        self.recognize_bounce(slot);
        let message = self.store.get(slot);
        let said = self.proof_of(message.origin.client_ip, message.from);
        let proof = &mut self.store.get_mut(slot).proof;
        if *proof == Proof::Unknown {
            *proof = said;
        }
    }

    /// T4: a notification without a line that tells of it has its own queue ID in its message-id.
    pub(super) fn recognize_bounce(&mut self, slot: Slot) {
        let message = self.store.get_mut(slot);
        let from = message.from.map(|from| self.told.strings.get(from));
        if from != Some("") {
            return;
        }
        let own_id = message.message_id.as_deref().is_some_and(|id| {
            let local_part = id.split('@').next().unwrap_or_default();
            local_part.rsplit('.').next() == Some(&*message.queue_id)
        });
        if own_id && message.origin.kind == OriginKind::Unknown {
            message.origin.kind = OriginKind::Bounce;
        }
    }

    pub(super) fn delivery(&mut self, record: &Record<'_>, place: Place, delivery: &Delivery<'_>) {
        let slot = self.get_or_begin(record, place, delivery.queue_id);
        // P5, L4: `queued as` tells of a child here only when the next hop is this host.
        let child = self.named_child(place, delivery);
        let filtered = delivery.relay.ip.is_some() && delivery.relay.is_loopback();
        let number = self.store.get(slot).number;
        let is_hop = filtered
            && delivery.status == "sent"
            && self.has_reinjected_child(number)
            && !is_thrown_away(delivery.reason);
        self.count_attempt(record, slot, delivery, is_hop);
        if place.ends_untold {
            self.end_when_all_is_told(record, slot);
        }
        if record.of_several_hosts && !delivery.relay.is_loopback() && delivery.status == "sent" {
            self.hand_on(record, place, slot, delivery);
        }
        if let Some((queue_id, relation)) = child {
            self.link_named(record, place, queue_id, slot, relation);
        }
    }

    /// Notes what the next server said, should it be one of those whose logs are read.
    fn hand_on(&mut self, record: &Record<'_>, place: Place, slot: Slot, delivery: &Delivery<'_>) {
        let message = self.store.get(slot);
        if let Some(id) = queued_as(delivery.reason)
            && let Some(message_id) = &message.message_id
        {
            let to = self.told.strings.intern(delivery.to.0);
            let moment = (place.host, record.timestamp.micros);
            self.handovers
                .hand_on(id, message_id, (message.number, to), moment);
        }
    }

    /// Adds an attempt to its recipient, new or known.
    fn count_attempt(
        &mut self,
        record: &Record<'_>,
        slot: Slot,
        delivery: &Delivery<'_>,
        is_hop: bool,
    ) {
        let strings = &mut self.told.strings;
        let to = strings.intern(delivery.to.0);
        let orig_to = delivery.orig_to.map(|address| strings.intern(address.0));
        let relay_name = delivery.relay.name.map(|name| strings.intern(name));
        let relay_ip = delivery.relay.ip.map(|ip| strings.intern(ip));
        let message = self.store.get_mut(slot);
        let known = message
            .recipients
            .iter()
            .position(|r| r.to == to && r.orig_to == orig_to);
        let index = known.unwrap_or_else(|| {
            message.recipients.push(Recipient {
                to,
                orig_to,
                relay_name: None,
                relay_ip: None,
                status: Status::Unknown,
                dsn: None,
                attempts: 0,
                first_attempt: record.timestamp,
                last_attempt: record.timestamp,
                delay: None,
                reason: Box::default(),
                first_line: record.at,
                last_line: record.at,
                is_hop: false,
                is_probe: false,
            });
            message.recipients.len() - 1
        });
        let recipient = &mut message.recipients[index];
        recipient.attempts += record.repeated;
        recipient.last_attempt = record.timestamp;
        recipient.last_line = record.at;
        recipient.status = match Status::from_log(delivery.status) {
            // P7: within a second the last attempt can come after the line that gives up.
            Status::Deferred if recipient.status == Status::Expired => Status::Expired,
            status => status,
        };
        recipient.dsn = delivery.dsn;
        recipient.delay = delivery.delay;
        recipient.reason = delivery.reason.into();
        recipient.relay_name = relay_name.or(recipient.relay_name);
        recipient.relay_ip = relay_ip.or(recipient.relay_ip);
        recipient.is_hop |= is_hop;
        recipient.is_probe = matches!(delivery.status, "deliverable" | "undeliverable");
    }

    /// `forwarded as QID` of local(8), `queued as QID` of a filter on this host.
    pub(super) fn named_child<'a>(
        &self,
        _place: Place,
        delivery: &Delivery<'a>,
    ) -> Option<(QueueId<'a>, Relation)> {
        let local = delivery.relay.ip.is_none() && delivery.relay.name.is_some();
        if local && let Some(id) = delivery.reason.strip_prefix("forwarded as ") {
            return Some((QueueId(id), Relation::Forwarded));
        }
        if !delivery.relay.is_loopback() {
            return None;
        }
        // The filter quotes the reply that it got from our own smtpd(8), whose last words are these.
        let id = queued_as(delivery.reason)?;
        Some((QueueId(id), Relation::Reinjected))
    }

    pub(super) fn has_reinjected_child(&self, parent: u32) -> bool {
        // A child comes back within seconds, so it is among the last links.
        let mut recent = self.told.links.iter().rev().take(64);
        recent.any(|link| link.parent == parent && link.relation == Relation::Reinjected)
    }

    pub(super) fn expired(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
        from: Address<'_>,
    ) {
        let slot = self.get_or_begin(record, place, queue_id);
        let from = self.told.strings.intern(from.0);
        let message = self.store.get_mut(slot);
        message.from.get_or_insert(from);
        for recipient in &mut message.recipients {
            if recipient.status == Status::Deferred {
                recipient.status = Status::Expired;
                recipient.last_line = record.at;
            }
        }
    }
}

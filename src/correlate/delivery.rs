//! The queue manager's lines, and what became of each recipient.

use super::message::{Ending, OriginKind, Recipient};
use super::observe::Place;
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
        let slot = self.get_or_begin_unended(record, place, queue_id);
        let from = self.told.strings.intern(from.0);
        let message = self.store.get_mut(slot);
        message.from = Some(from);
        message.size = size.or(message.size);
        // Later retries count the recipients that are left.
        message.nrcpt = message.nrcpt.max(nrcpt);
        message.queued_line.get_or_insert(record.at);
        message.held = false;
        if message.ending == Ending::Aborted {
            message.ending = Ending::Open;
        }
        if from == self.told.strings.intern("") {
            self.recognize_bounce(slot);
        }
    }

    /// T4: a notification without a line that tells of it has its own queue ID in its message-id.
    pub(super) fn recognize_bounce(&mut self, slot: Slot) {
        let message = self.store.get_mut(slot);
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
        let child = self.named_child(place, delivery);
        let message = self.store.get(slot);
        // P5, L4: `queued as` tells of a child here only when the next hop is this host.
        let filtered = delivery.relay.ip.is_some() && delivery.relay.is_loopback();
        let own_number = message.number;
        let mut is_hop = false;
        if let Some((queue_id, relation)) = child {
            match self.find_somewhere(place, queue_id) {
                Some(child) if child != slot => {
                    self.link(child, slot, relation);
                    is_hop = true;
                }
                Some(_) => {}
                None => self.await_child(record, place, queue_id, own_number, relation),
            }
        } else if filtered {
            is_hop = self.has_reinjected_child(own_number);
        }
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
        recipient.status = Status::from_log(delivery.status);
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
        let (_, id) = delivery.reason.rsplit_once("queued as ")?;
        let id = id.trim_end_matches([')', ']', '>', '.']);
        let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plain.then_some((QueueId(id), Relation::Reinjected))
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

//! Links between messages, told by either of them, sometimes before the other is known.

use super::message::OriginKind;
use super::observe::Place;
use super::store::Slot;
use super::{Awaited, Correlator, Link, Relation};
use crate::mail::QueueId;
use crate::read::Record;

/// How long a named child may take to have its first line, and how many are awaited at once.
const AWAITED_MICROS: i64 = 120 * 1_000_000;
const MAX_AWAITED: usize = 4096;

impl Correlator {
    pub(super) fn link(&mut self, child: Slot, parent: Slot, relation: Relation) {
        let parent = self.store.get(parent).number;
        let message = self.store.get_mut(child);
        let kind = match relation {
            Relation::Reinjected => OriginKind::Reinjected,
            Relation::Forwarded => OriginKind::Forward,
            Relation::Resubmitted => OriginKind::Pickup,
            Relation::Bounce | Relation::DelayNotification | Relation::SuccessNotification => {
                OriginKind::Bounce
            }
        };
        if matches!(message.origin.kind, OriginKind::Unknown | OriginKind::Smtpd) {
            message.origin.kind = kind;
        }
        let link = Link {
            child: message.number,
            parent,
            relation,
        };
        self.told.links.push(link);
    }

    /// R: Postfix 3.11 names a notification before its first line.
    pub(super) fn await_child(
        &mut self,
        record: &Record<'_>,
        place: Place,
        child: QueueId<'_>,
        parent: u32,
        relation: Relation,
    ) {
        let now = record.timestamp.micros;
        if self.awaited.len() >= MAX_AWAITED {
            self.awaited.retain(|awaited| awaited.until_micros >= now);
            self.awaited.truncate(MAX_AWAITED / 2);
        }
        self.awaited.push(Awaited {
            host: place.host,
            child: child.0.into(),
            parent,
            relation,
            until_micros: now + AWAITED_MICROS,
        });
    }

    pub(super) fn meet_awaited(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
        child: Slot,
    ) {
        let now = record.timestamp.micros;
        let met = self.awaited.iter().position(|awaited| {
            awaited.host == place.host
                && *awaited.child == *queue_id.0
                && awaited.until_micros >= now
        });
        if let Some(index) = met {
            let awaited = self.awaited.swap_remove(index);
            self.told.links.push(Link {
                child: self.store.get(child).number,
                parent: awaited.parent,
                relation: awaited.relation,
            });
            let origin = &mut self.store.get_mut(child).origin;
            if awaited.relation.same_submission() {
                origin.kind = OriginKind::Reinjected;
            } else {
                origin.kind = OriginKind::Bounce;
            }
        }
    }
}

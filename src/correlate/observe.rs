//! What each event means for the messages, sessions and links that are open.

use super::message::{Ending, EventSeen, Message, Origin, OriginKind, Recipient};
use super::store::Slot;
use super::{Awaited, Correlator, Link, LoginSeen, RejectionSeen, Relation, Symbol};
use crate::event::{
    AuthFailure, Delivery, Event, Login, NotificationKind, Reject, Submission, SuperuserAction,
};
use crate::mail::{Address, QueueId, Status};
use crate::read::Record;

/// T9, L15: lines of different daemons about one moment can be out of order by so much.
const DISORDER_MICROS: i64 = 10 * 1_000_000;
/// How long a named child may take to have its first line, and how many are awaited at once.
const AWAITED_MICROS: i64 = 120 * 1_000_000;
const MAX_AWAITED: usize = 4096;

/// Host, program and instance of the line at hand.
#[derive(Clone, Copy)]
struct Place {
    host: Symbol,
    program: Symbol,
    instance: Symbol,
}

impl Correlator {
    pub(super) fn observe_event(&mut self, record: &Record<'_>) {
        let (program, instance) = self.program(record.program);
        let place = Place {
            host: self.told.strings.intern(record.host),
            program,
            instance,
        };
        let last_failure = self.last_failure.take();
        let session_key = (place.host, place.program, record.pid.unwrap_or(0));
        match &record.event {
            Event::Connect { .. } => {
                if let Some(old) = self.sessions.connect(session_key) {
                    self.end_transaction(record, old.message);
                }
            }
            Event::Disconnect(_) => {
                if let Some(session) = self.sessions.disconnect(session_key) {
                    self.end_transaction(record, session.message);
                }
            }
            Event::Client(submission) => self.client(record, place, submission),
            Event::Tls(tls) if tls.inbound => {
                let version = self.told.strings.intern(tls.tls_version);
                self.sessions.get_or_begin(session_key).tls_version = Some(version);
            }
            Event::AuthFailure(failure) => self.auth_failure(record, failure),
            Event::Login(login) => self.login(record, login),
            Event::Pickup {
                queue_id,
                uid,
                orig_queue_id,
                ..
            } => self.pickup(record, place, *queue_id, *uid, *orig_queue_id),
            Event::MessageId {
                queue_id,
                message_id,
                resent,
            } => {
                let slot = self.get_or_begin_unended(record, place, *queue_id);
                let message = self.store.get_mut(slot);
                if !resent || message.message_id.is_none() {
                    message.message_id = Some((*message_id).into());
                }
            }
            Event::Queued {
                queue_id,
                from,
                size,
                nrcpt,
            } => self.queued(record, place, *queue_id, *from, *size, *nrcpt),
            Event::Delivery(delivery) => self.delivery(record, place, delivery),
            Event::Expired { queue_id, from, .. } => self.expired(record, place, *queue_id, *from),
            Event::Removed { queue_id, how } => {
                let slot = self.get_or_begin(record, place, *queue_id);
                let ending = match how {
                    Some("canceled") => Ending::Aborted,
                    Some("discarded") => Ending::Discarded,
                    Some(_) | None => Ending::Removed,
                };
                self.end(record, slot, ending);
            }
            Event::Notification {
                queue_id,
                kind,
                child,
            } => self.notification(record, place, *queue_id, *kind, *child),
            Event::Reject(reject) => self.reject(record, place, reject),
            Event::Superuser { queue_id, action } => {
                self.superuser(record, place, *queue_id, *action);
            }
            Event::ProxyAccept {
                queued_as: Some(queue_id),
                ..
            } => self.proxy_accept(record, place, *queue_id),
            Event::Repeated { n_times } => {
                if let Some(index) = last_failure {
                    self.told.logins[index].n_times += n_times;
                }
            }
            Event::LostConnection { .. }
            | Event::Tls(_)
            | Event::RemoteTrouble { .. }
            | Event::ProxyAccept { .. }
            | Event::Verdict(_)
            | Event::Warning { .. }
            | Event::Note { .. } => {
                if let Some(queue_id) = record.event.queue_id()
                    && let Some(slot) = self.find_somewhere(place, queue_id)
                {
                    self.touch(record, slot);
                }
            }
            Event::Stored { .. }
            | Event::Screening { .. }
            | Event::Statistics { .. }
            | Event::Service { .. }
            | Event::LinesLost { .. }
            | Event::Unknown
            | Event::Other => {}
        }
    }

    /// smtpd(8) has accepted the first recipient of a message.
    fn client(&mut self, record: &Record<'_>, place: Place, submission: &Submission<'_>) {
        let key = (place.host, place.program, record.pid.unwrap_or(0));
        let tls_version = self.sessions.get(key).and_then(|s| s.tls_version);
        let strings = &mut self.told.strings;
        let mut intern = |text: Option<&str>| text.map(|text| strings.intern(text));
        let origin = Origin {
            kind: OriginKind::Smtpd,
            line: Some(record.at),
            program: Some(place.program),
            client_name: intern(submission.client.name),
            client_ip: intern(submission.client.ip),
            client_port: submission.client.port,
            sasl_method: intern(submission.sasl_method),
            sasl_username: intern(submission.sasl_username),
            sasl_sender: intern(submission.sasl_sender),
            tls_version,
            uid: None,
        };
        self.smtp_login(record, &origin);
        let Some(queue_id) = submission.queue_id else {
            self.sessions.get_or_begin(key).proxied = Some(origin);
            return;
        };
        let slot = self.begin_with_origin(record, place, queue_id, origin);
        let number = self.store.get(slot).number;
        // T2, T5: the next message of a connection ends the one before, complete or not.
        let session = self.sessions.get_or_begin(key);
        let previous = session.message.replace((slot, number));
        self.end_transaction(record, previous.filter(|(_, other)| *other != number));
        if let Some(parent) = submission.orig_queue_id
            && let Some(parent) = self.find_somewhere(place, parent)
        {
            self.link(slot, parent, Relation::Reinjected);
        }
    }

    fn smtp_login(&mut self, record: &Record<'_>, origin: &Origin) {
        if origin.sasl_username.is_some() {
            let protocol = self.told.strings.intern("smtp");
            self.told.logins.push(LoginSeen {
                timestamp: record.timestamp,
                at: record.at,
                sasl_username: origin.sasl_username,
                client_ip: origin.client_ip,
                protocol,
                sasl_method: origin.sasl_method,
                succeeded: true,
                own_fault: false,
                n_times: record.repeated,
            });
        }
    }

    fn auth_failure(&mut self, record: &Record<'_>, failure: &AuthFailure<'_>) {
        let strings = &mut self.told.strings;
        let mut intern = |text: Option<&str>| text.map(|text| strings.intern(text));
        let seen = LoginSeen {
            timestamp: record.timestamp,
            at: record.at,
            sasl_username: intern(failure.sasl_username),
            client_ip: intern(failure.client.ip),
            sasl_method: intern(failure.sasl_method),
            protocol: strings.intern(failure.protocol),
            succeeded: false,
            own_fault: failure.own_fault,
            n_times: failure.attempts.max(1).saturating_mul(record.repeated),
        };
        self.last_failure = Some(self.told.logins.len());
        self.told.logins.push(seen);
    }

    fn login(&mut self, record: &Record<'_>, login: &Login<'_>) {
        let strings = &mut self.told.strings;
        let seen = LoginSeen {
            timestamp: record.timestamp,
            at: record.at,
            sasl_username: Some(strings.intern(login.sasl_username)),
            client_ip: login.client_ip.map(|ip| strings.intern(ip)),
            protocol: strings.intern(login.protocol),
            sasl_method: login.sasl_method.map(|method| strings.intern(method)),
            succeeded: true,
            own_fault: false,
            n_times: record.repeated,
        };
        self.told.logins.push(seen);
    }

    /// A transaction that the queue manager never saw is over with its connection: T5, T6, T7.
    fn end_transaction(&mut self, record: &Record<'_>, message: Option<(Slot, u32)>) {
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

    fn pickup(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
        uid: u32,
        orig_queue_id: Option<QueueId<'_>>,
    ) {
        let origin = Origin {
            kind: OriginKind::Pickup,
            line: Some(record.at),
            program: Some(place.program),
            uid: Some(uid),
            ..Origin::default()
        };
        let slot = self.begin_with_origin(record, place, queue_id, origin);
        // postsuper -r: the message went through the maildrop and got a new queue ID.
        if let Some(parent) = orig_queue_id
            && let Some(parent) = self.find_somewhere(place, parent)
            && parent != slot
        {
            self.link(slot, parent, Relation::Resubmitted);
        }
    }

    fn queued(
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
    fn recognize_bounce(&mut self, slot: Slot) {
        let message = self.store.get_mut(slot);
        let own_id = message.message_id.as_deref().is_some_and(|id| {
            let local_part = id.split('@').next().unwrap_or_default();
            local_part.rsplit('.').next() == Some(&*message.queue_id)
        });
        if own_id && message.origin.kind == OriginKind::Unknown {
            message.origin.kind = OriginKind::Bounce;
        }
    }

    fn delivery(&mut self, record: &Record<'_>, place: Place, delivery: &Delivery<'_>) {
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
    fn named_child<'a>(
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

    fn has_reinjected_child(&self, parent: u32) -> bool {
        // A child comes back within seconds, so it is among the last links.
        let mut recent = self.told.links.iter().rev().take(64);
        recent.any(|link| link.parent == parent && link.relation == Relation::Reinjected)
    }

    fn expired(
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

    fn notification(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
        kind: NotificationKind,
        child: Option<QueueId<'_>>,
    ) {
        let parent = self.get_or_begin(record, place, queue_id);
        let relation = match kind {
            NotificationKind::Bounce => Relation::Bounce,
            NotificationKind::Delay => Relation::DelayNotification,
            NotificationKind::Success => Relation::SuccessNotification,
            // A copy for the postmaster is nobody's child; the sender's notification is.
            NotificationKind::Postmaster => return,
        };
        let message = self.store.get_mut(parent);
        message.n_bounces += u32::from(kind == NotificationKind::Bounce && child.is_some());
        let number = message.number;
        let Some(child_id) = child else { return };
        match self.find_somewhere(place, child_id) {
            Some(child) if child != parent => self.link(child, parent, relation),
            Some(_) => {}
            None => self.await_child(record, place, child_id, number, relation),
        }
    }

    fn reject(&mut self, record: &Record<'_>, place: Place, reject: &Reject<'_>) {
        let strings = &mut self.told.strings;
        let seen = RejectionSeen {
            timestamp: record.timestamp,
            at: record.at,
            client_ip: reject.client.ip.map(|ip| strings.intern(ip)),
            class: reject.class,
            is_warning: !reject.action.ends_with("reject"),
            dnsbl: reject.dnsbl.map(|list| strings.intern(list)),
            from: reject.from.map(|address| strings.intern(address.0)),
            to: reject.to.map(|address| strings.intern(address.0)),
            helo: reject.helo.map(|helo| strings.intern(helo)),
            n_times: record.repeated,
        };
        self.told.rejections.push(seen);
        let Some(queue_id) = reject.queue_id else {
            return;
        };
        let Some(slot) = self.find_somewhere(place, queue_id) else {
            return;
        };
        self.touch(record, slot);
        let message = self.store.get_mut(slot);
        // C2: these end the message before the queue manager sees it, without `removed`.
        let whole = !matches!(reject.stage, "CONNECT" | "HELO" | "EHLO" | "MAIL" | "RCPT");
        match reject.action {
            "hold" | "milter-hold" | "quarantine" | "milter-quarantine" => message.held = true,
            "discard" | "milter-discard" => self.end(record, slot, Ending::Discarded),
            action if action.ends_with("reject") => {
                message.n_rejects += record.repeated;
                if whole {
                    self.end(record, slot, Ending::Rejected);
                }
            }
            // reject_warning, warn, info, redirect, filter, prepend, bcc: the message goes on.
            _ => {}
        }
    }

    fn superuser(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
        action: SuperuserAction,
    ) {
        // postsuper(1) logs as the default instance, whichever queue it works on.
        let slot = match self.find_somewhere(place, queue_id) {
            Some(slot) => slot,
            None => self.get_or_begin(record, place, queue_id),
        };
        self.touch(record, slot);
        match action {
            SuperuserAction::Removed => self.end(record, slot, Ending::Deleted),
            SuperuserAction::Held => self.store.get_mut(slot).held = true,
            SuperuserAction::Released => self.store.get_mut(slot).held = false,
            // The message goes through the maildrop and comes back under another queue ID.
            SuperuserAction::Requeued => self.end(record, slot, Ending::Superseded),
            SuperuserAction::Expired => {}
        }
    }

    /// P6: what the proxy handed on is the submission of the client before it.
    fn proxy_accept(&mut self, record: &Record<'_>, place: Place, queued_as: QueueId<'_>) {
        let key = (place.host, place.program, record.pid.unwrap_or(0));
        let origin = self.sessions.get(key).and_then(|session| session.proxied);
        if let Some(origin) = origin
            && let Some(slot) = self.find_somewhere(place, queued_as)
        {
            self.touch(record, slot);
            self.store.get_mut(slot).origin = origin;
        }
    }

    /// Ends a message, unless it has ended before: T11 and T15 bring lines after the end.
    fn end(&mut self, record: &Record<'_>, slot: Slot, ending: Ending) {
        let n_lines = self.n_records;
        let message = self.store.get_mut(slot);
        if message.ending == Ending::Open || message.ending == Ending::Aborted {
            message.ending = ending;
            self.store.end(slot, record.timestamp.micros, n_lines);
        }
    }

    /// A line that only the beginning of a message has. L1: it may be another with the same queue ID.
    fn begin_with_origin(
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
    fn get_or_begin_unended(
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
    fn get_or_begin(&mut self, record: &Record<'_>, place: Place, queue_id: QueueId<'_>) -> Slot {
        match self.store.find(place.host, place.instance, queue_id.0) {
            Some(slot) => {
                self.touch(record, slot);
                slot
            }
            None => self.begin(record, place, queue_id),
        }
    }

    /// Another instance's message is meant where this one has none (C1): filters log apart.
    fn find_somewhere(&self, place: Place, queue_id: QueueId<'_>) -> Option<Slot> {
        let own = self.store.find(place.host, place.instance, queue_id.0);
        own.or_else(|| {
            let mut others = self.programs.iter().map(|program| program.instance);
            others.find_map(|instance| self.store.find(place.host, instance, queue_id.0))
        })
    }

    fn supersede(&mut self, slot: Slot) {
        let mut message = self.store.take(slot);
        if message.ending == Ending::Open {
            message.ending = Ending::Superseded;
        }
        self.finished.push(message);
    }

    fn begin(&mut self, record: &Record<'_>, place: Place, queue_id: QueueId<'_>) -> Slot {
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
    fn touch(&mut self, record: &Record<'_>, slot: Slot) {
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

    fn link(&mut self, child: Slot, parent: Slot, relation: Relation) {
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
    fn await_child(
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

    fn meet_awaited(
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

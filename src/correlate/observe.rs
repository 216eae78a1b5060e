//! What each event means for the messages, sessions and links that are open.

use super::life::{DISORDER_MICROS, Known};
use super::message::{Ending, Message, Origin, OriginKind};
use super::session::SessionKey;
use super::whole::is_whole;
use super::{Correlator, RejectionSeen, Relation, Symbol};
use crate::event::{Delivery, Event, NotificationKind, Reject, Submission, SuperuserAction};
use crate::mail::QueueId;
use crate::parse;
use crate::read::Record;

/// Host, program and instance of the line at hand.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) host: Symbol,
    pub(super) program: Symbol,
    pub(super) instance: Symbol,
    /// No line ends a message of this server; its last delivery does.
    pub(super) ends_untold: bool,
}

/// Host, program and process; or the connection that the line names itself.
pub(super) fn session_key(record: &Record<'_>, place: Place) -> SessionKey {
    let connection = parse::session(record.program, record.text);
    let number = connection.or(record.pid).unwrap_or(0);
    (place.host, place.program, number)
}

impl Correlator {
    pub(super) fn observe_event(&mut self, record: &Record<'_>) {
        let last_failure = self.last_failure.take();
        // Lines without a message or a session give no text to remember: any host may have written them.
        if let Event::Stored { .. }
        | Event::Statistics { .. }
        | Event::Service { .. }
        | Event::LinesLost { .. }
        | Event::Unknown
        | Event::Other = record.event
        {
            return;
        }
        let program = self.program(record.program);
        let place = Place {
            host: self.host(record.host, record.timestamp.micros),
            program: program.symbol,
            instance: program.instance,
            ends_untold: program.ends_untold,
        };
        let session_key = session_key(record, place);
        match record.event {
            Event::Connect { client } => {
                if let Some(old) = self.sessions.connect(session_key) {
                    self.end_transaction(record, old.message);
                }
                self.said_client(record, session_key, client);
            }
            Event::Disconnect(disconnect) => {
                if let Some(session) = self.sessions.disconnect(session_key) {
                    if disconnect.auth.0 > 0 && session.is_whole && !session.has_login {
                        self.unnamed_login(record, disconnect);
                    }
                    self.probe(record, disconnect, &session);
                    self.end_transaction(record, session.message);
                }
            }
            Event::Client(submission) => self.client(record, place, submission),
            Event::Tls(tls) if tls.inbound => {
                let version = self.told.strings.intern(tls.tls_version);
                self.sessions.get_or_begin(session_key).tls_version = Some(version);
            }
            Event::AuthFailure(failure) => {
                self.auth_failure(record, failure);
                self.failed_in_session(session_key, record.repeated);
                self.name_client_of_login(record, session_key);
            }
            Event::Login(login) => {
                self.login(record, login);
                self.said_login(record, session_key, login);
                self.name_client_of_login(record, session_key);
            }
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
            } => self.message_id(record, place, *queue_id, message_id, *resent),
            Event::Queued {
                queue_id,
                from,
                size,
                nrcpt,
            } => self.queued(record, place, *queue_id, *from, *size, *nrcpt),
            Event::Delivery(delivery) => {
                self.delivery(record, place, delivery);
                for to in parse::also_to(delivery) {
                    let of_same_line = Delivery { to, ..**delivery };
                    self.delivery(record, place, &of_same_line);
                }
            }
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
            Event::Reject(reject) => {
                self.reject(record, place, reject);
                self.name_client_of_refusal(record, session_key);
            }
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
            Event::LostConnection {
                queue_id, stage, ..
            } => {
                if *stage == "AUTH" {
                    self.lost_in_auth(session_key);
                }
                self.lost_connection(record, place, *queue_id, stage);
            }
            Event::Screening {
                client,
                what,
                detail,
            } => self.screening(record, client, what, detail),
            Event::Warning {
                queue_id: Some(queue_id),
                text,
                ..
            } => self.warning(record, place, *queue_id, text),
            Event::Warning {
                queue_id: None,
                text,
                ..
            } => self.failed_lookup(record, text),
            Event::Verdict(verdict) => self.verdict(record, place, verdict),
            Event::Tls(_)
            | Event::RemoteTrouble { .. }
            | Event::ProxyAccept { .. }
            | Event::Note { .. } => {
                if let Some(queue_id) = record.event.queue_id()
                    && let Some(slot) = self.find_somewhere(place, queue_id)
                {
                    self.touch(record, slot);
                }
            }
            Event::Stored { .. }
            | Event::Statistics { .. }
            | Event::Service { .. }
            | Event::LinesLost { .. }
            | Event::Unknown
            | Event::Other => {}
        }
    }

    /// T7: a message whose content was cut off is none.
    fn lost_connection(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: Option<QueueId<'_>>,
        stage: &str,
    ) {
        let named = queue_id.and_then(|queue_id| self.find_somewhere(place, queue_id));
        if let Some(slot) = named {
            self.touch(record, slot);
        }
        // After `END-OF-MESSAGE` the content is complete; only the client missed the reply.
        if !stage.starts_with("DATA") && !stage.starts_with("BDAT") {
            return;
        }
        let key = session_key(record, place);
        let current = self.sessions.get(key).and_then(|session| session.message);
        if let Some((slot, number)) = current
            && self.store.get_noted(slot, number).is_some()
        {
            self.break_off(record, slot);
        }
    }

    fn warning(&mut self, record: &Record<'_>, place: Place, queue_id: QueueId<'_>, text: &str) {
        if let Some(slot) = self.find_somewhere(place, queue_id) {
            self.touch(record, slot);
            if text.ends_with("queue file size limit exceeded") {
                self.break_off(record, slot);
            }
        }
    }

    /// smtpd(8) has accepted the first recipient of a message.
    fn client(&mut self, record: &Record<'_>, place: Place, submission: &Submission<'_>) {
        let key = session_key(record, place);
        let tls_version = self.sessions.get(key).and_then(|s| s.tls_version);
        let strings = &mut self.told.strings;
        let mut intern = |text: Option<&str>| text.map(|text| strings.intern(text));
        let mut origin = Origin {
            kind: match submission.is_local {
                true => OriginKind::Pickup,
                false => OriginKind::Smtpd,
            },
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
        self.sessions.get_or_begin(key).has_login |= origin.sasl_username.is_some();
        if is_whole(submission) {
            if self.goes_on(record, key, submission) {
                return;
            }
            self.fill_in_what_was_said(record, key, &mut origin);
        }
        let Some(queue_id) = submission.queue_id else {
            self.sessions.get_or_begin(key).proxied = Some(origin);
            return;
        };
        let slot = self.begin_with_origin(record, place, queue_id, origin);
        self.arrived_whole(record, slot, submission);
        let number = self.store.get(slot).number;
        // T2, T5: the next message of a connection ends the one before, complete or not.
        let session = self.sessions.get_or_begin(key);
        let previous = session.message.replace((slot, number));
        self.end_transaction(record, previous.filter(|(_, other)| *other != number));
        if let Some(parent) = submission.orig_queue_id {
            self.link_to_named(record, place, slot, parent, Relation::Reinjected);
        }
    }

    /// cleanup(8) names the header of every message, and both when there are two.
    fn message_id(
        &mut self,
        record: &Record<'_>,
        place: Place,
        queue_id: QueueId<'_>,
        message_id: &str,
        resent: bool,
    ) {
        let known = |message: &Message| match &message.message_id {
            None => Known::Lacking,
            // L1: the queue manager is past it, and now there is another.
            Some(known)
                if **known != *message_id
                    && message.queued_line.is_some()
                    && record.timestamp.micros - message.last_seen.micros > DISORDER_MICROS =>
            {
                Known::Different
            }
            Some(_) => Known::Same,
        };
        let slot = self.get_or_begin_unended(record, place, queue_id, known);
        let message = self.store.get_mut(slot);
        if !resent || message.message_id.is_none() {
            message.message_id = Some(message_id.into());
        }
        if record.of_several_hosts {
            let number = message.number;
            let moment = (place.host, record.timestamp.micros);
            self.handovers.take(queue_id.0, message_id, number, moment);
        }
        self.recognize_bounce(slot);
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
        if let Some(parent) = orig_queue_id {
            self.link_to_named(record, place, slot, parent, Relation::Resubmitted);
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
        if let Some(child) = child {
            self.begin_notification(record, place, child);
            self.link_named(record, place, child, parent, relation);
        }
    }

    fn reject(&mut self, record: &Record<'_>, place: Place, reject: &Reject<'_>) {
        let strings = &mut self.told.strings;
        let seen = RejectionSeen {
            timestamp: record.timestamp,
            at: record.at,
            program: place.program,
            client_name: reject.client.name.map(|name| strings.intern(name)),
            client_ip: reject.client.ip.map(|ip| strings.intern(ip)),
            class: reject.class,
            reply_code: reject.reply_code.unwrap_or(0),
            sasl_username: reject.sasl_username.map(|login| strings.intern(login)),
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
        // C2: these end the message before the queue manager sees it, without `removed`.
        let whole = !matches!(reject.stage, "CONNECT" | "HELO" | "EHLO" | "MAIL" | "RCPT");
        // P7: cleanup(8) can come before the line of smtpd(8), which is the one that refuses recipients.
        if !whole && self.find_somewhere(place, queue_id).is_none() {
            return;
        }
        let slot = self.get_somewhere_or_begin(record, place, queue_id);
        let message = self.store.get_mut(slot);
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
        let slot = self.get_somewhere_or_begin(record, place, queue_id);
        match action {
            SuperuserAction::Removed => self.end(record, slot, Ending::Deleted),
            SuperuserAction::Held => self.store.get_mut(slot).held = true,
            SuperuserAction::Released => self.store.get_mut(slot).held = false,
            // The message goes through the maildrop and comes back under another queue ID.
            SuperuserAction::Requeued => self.end(record, slot, Ending::Superseded),
            SuperuserAction::Expired => {}
        }
    }

    /// P6: the reply of a proxy filter may name what it handed on.
    fn proxy_accept(&mut self, record: &Record<'_>, place: Place, queued_as: QueueId<'_>) {
        let key = session_key(record, place);
        let origin = self.sessions.get(key).and_then(|session| session.proxied);
        if let Some(origin) = origin {
            self.handed_on(record, place, queued_as, origin);
        }
    }
}

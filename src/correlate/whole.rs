//! Exim, Sendmail and OpenSMTPD: one line has what Postfix tells in three, or a connection tells once what holds for all its messages.

use super::Correlator;
use super::message::{Ending, Origin, OriginKind};
use super::observe::Place;
use super::session::{Said, SessionKey};
use super::store::Slot;
use crate::event::{Login, Submission};
use crate::mail::{Client, QueueId, Status};
use crate::parse;
use crate::read::Record;

/// Sendmail logs no end of a connection: what a process said so long ago, another with its number may have said.
const SAID_MICROS: i64 = 3600 * 1_000_000;

/// True for the line of a server that names sender or size where the client is named.
pub(super) fn is_whole(submission: &Submission<'_>) -> bool {
    submission.queue_id.is_some() && (submission.from.is_some() || submission.size.is_some())
}

impl Correlator {
    /// Takes what the line of a message has beyond its client.
    pub(super) fn arrived_whole(
        &mut self,
        record: &Record<'_>,
        slot: Slot,
        submission: &Submission<'_>,
    ) {
        let from = submission.from.map(|from| self.told.strings.intern(from.0));
        let message = self.store.get_mut(slot);
        if let Some(message_id) = submission.message_id {
            message.message_id = Some(message_id.into());
        }
        message.size = submission.size.or(message.size);
        message.nrcpt = submission.nrcpt.or(message.nrcpt);
        message.from = from.or(message.from);
        // What a server hands to itself without a sender is mail about mail.
        if submission.from.is_some_and(|from| from.is_null())
            && message.origin.kind == OriginKind::Pickup
        {
            message.origin.kind = OriginKind::Bounce;
        }
        // OpenSMTPD names the size when the content is there, and the sender with each recipient.
        if submission.size.is_some() && submission.nrcpt != Some(0) {
            message.queued_line.get_or_insert(record.at);
        }
        let (number, host) = (message.number, message.host);
        // Sendmail tells of every sender, also when all recipients were refused.
        if submission.nrcpt == Some(0) {
            self.end(record, slot, Ending::Aborted);
        }
        if record.of_several_hosts
            && let (Some(queue_id), Some(message_id)) = (submission.queue_id, submission.message_id)
        {
            let moment = (host, record.timestamp.micros);
            self.handovers.take(queue_id.0, message_id, number, moment);
        }
    }

    /// A further line about the message that the connection is handing in.
    pub(super) fn goes_on(
        &mut self,
        record: &Record<'_>,
        key: SessionKey,
        submission: &Submission<'_>,
    ) -> bool {
        let current = self.sessions.get(key).and_then(|session| session.message);
        let Some((slot, number)) = current else {
            return false;
        };
        let queue_id = submission.queue_id.map(|id| id.0);
        let is_same = self
            .store
            .get_noted(slot, number)
            .is_some_and(|message| Some(&*message.queue_id) == queue_id && message.is_open());
        if is_same {
            self.touch(record, slot);
            self.arrived_whole(record, slot, submission);
        }
        is_same
    }

    /// Exim and Sendmail: the line that tells of a notification is its first, and nearly its only one.
    pub(super) fn begin_notification(
        &mut self,
        record: &Record<'_>,
        place: Place,
        child: QueueId<'_>,
    ) {
        if record.program.contains('/') {
            return;
        }
        let slot = self.get_or_begin(record, place, child);
        let null_sender = self.told.strings.intern("");
        let message = self.store.get_mut(slot);
        message.from.get_or_insert(null_sender);
        message.queued_line.get_or_insert(record.at);
        if place.ends_untold {
            // It goes to the one who sent the message.
            message.nrcpt.get_or_insert(1);
        }
    }

    /// OpenSMTPD names the client of a connection once.
    pub(super) fn said_client(
        &mut self,
        record: &Record<'_>,
        key: SessionKey,
        client: &Client<'_>,
    ) {
        if parse::session(record.program, record.text).is_none() {
            return;
        }
        let strings = &mut self.told.strings;
        let said = Said {
            client_name: client.name.map(|name| strings.intern(name)),
            client_ip: client.ip.map(|ip| strings.intern(ip)),
            at_micros: record.timestamp.micros,
            ..Said::default()
        };
        self.sessions.get_or_begin(key).said = Some(said);
    }

    /// Sendmail and OpenSMTPD name the login when it succeeds, before any message.
    pub(super) fn said_login(&mut self, record: &Record<'_>, key: SessionKey, login: &Login<'_>) {
        if login.protocol != "smtp" {
            return;
        }
        let strings = &mut self.told.strings;
        let session = self.sessions.get_or_begin(key);
        let known = session.said.unwrap_or_default();
        let client_ip = login.client_ip.map(|ip| strings.intern(ip));
        session.said = Some(Said {
            client_ip: client_ip.or(known.client_ip),
            sasl_username: Some(strings.intern(login.sasl_username)),
            sasl_method: login.sasl_method.map(|method| strings.intern(method)),
            at_micros: record.timestamp.micros,
            ..known
        });
        session.has_login = true;
    }

    /// Client and login of the connection, where the line of the message has none.
    pub(super) fn fill_in_what_was_said(
        &self,
        record: &Record<'_>,
        key: SessionKey,
        origin: &mut Origin,
    ) {
        let Some(said) = self.sessions.get(key).and_then(|session| session.said) else {
            return;
        };
        let names_connection = parse::session(record.program, record.text).is_some();
        if names_connection && said.client_ip.is_none() && origin.client_ip.is_none() {
            // OpenSMTPD: `address=local`, sendmail(8) or the server itself.
            origin.kind = OriginKind::Pickup;
        }
        let is_recent = record.timestamp.micros - said.at_micros <= SAID_MICROS;
        let is_same = match origin.client_ip {
            Some(ip) => said.client_ip == Some(ip),
            None => names_connection,
        };
        if !is_same || !(is_recent || names_connection) || origin.kind == OriginKind::Pickup {
            return;
        }
        origin.client_name = origin.client_name.or(said.client_name);
        origin.client_ip = said.client_ip;
        if origin.sasl_username.is_none() {
            origin.sasl_username = said.sasl_username;
            origin.sasl_method = said.sasl_method;
        }
    }

    /// The login that a line has just told, of a connection that it only names.
    pub(super) fn name_client_of_login(&mut self, record: &Record<'_>, key: SessionKey) {
        if let Some(said) = self.said_before(record, key)
            && let Some(login) = self.told.logins.last_mut()
        {
            login.client_ip = login.client_ip.or(said.client_ip);
        }
    }

    /// The same for a refusal.
    pub(super) fn name_client_of_refusal(&mut self, record: &Record<'_>, key: SessionKey) {
        if let Some(said) = self.said_before(record, key)
            && let Some(refusal) = self.told.rejections.last_mut()
        {
            refusal.client_name = refusal.client_name.or(said.client_name);
            refusal.client_ip = refusal.client_ip.or(said.client_ip);
            refusal.sasl_username = refusal.sasl_username.or(said.sasl_username);
        }
    }

    fn said_before(&self, record: &Record<'_>, key: SessionKey) -> Option<Said> {
        parse::session(record.program, record.text)?;
        self.sessions.get(key)?.said
    }

    /// Sendmail and OpenSMTPD log no end: it is there when every recipient has been dealt with.
    pub(super) fn end_when_all_is_told(&mut self, record: &Record<'_>, slot: Slot) {
        let message = self.store.get(slot);
        let is_waiting = message
            .recipients
            .iter()
            .any(|recipient| matches!(recipient.status, Status::Deferred | Status::Unknown));
        if message.nrcpt.is_some() && message.n_untold() == 0 && !is_waiting {
            self.end(record, slot, Ending::Removed);
        }
    }
}

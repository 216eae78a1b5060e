//! A line of the log as a record, in Postfix's own words.

use serde::Serialize;

use crate::event::Event;
use crate::mail::{Address, Client, QueueId, Relay, Timestamp};
use crate::parse;
use crate::read::Record;

/// One line; a field that it does not have is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(default)]
pub struct EventRecord<'a> {
    pub timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub host: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub program: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<&'a str>,
    pub event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_sender: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proto: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orig_to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nrcpt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delays: Option<[f64; 4]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dsn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_code: Option<u16>,
    /// The queue ID of a notification that reports on `queue_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_queue_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orig_queue_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orig_client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cipher: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeated: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lossy: bool,
    pub file: &'a str,
    pub line: u32,
}

impl<'a> EventRecord<'a> {
    /// Takes a record of the log apart; `file` is the name of its source.
    pub fn new(record: &'a Record<'a>, file: &'a str) -> Self {
        let has_program = !record.program.is_empty();
        let queue_id = match record.event {
            Event::Unknown if record.program.contains('/') => parse::leading_queue_id(record.text),
            event => event.queue_id(),
        };
        let mut fields = Self {
            timestamp: record.has_stamp.then_some(record.timestamp),
            host: record.host,
            program: record.program,
            instance: record.program.split('/').next().filter(|_| has_program),
            service: record.program.rsplit('/').next().filter(|_| has_program),
            pid: record.pid,
            queue_id: queue_id.map(|id| id.0),
            event: record.event.name(),
            repeated: (record.repeated > 1).then_some(record.repeated),
            lossy: record.is_lossy,
            file,
            line: record.at.line,
            ..Self::default()
        };
        fields.add(record.event);
        fields
    }

    fn client(&mut self, client: &Client<'a>) {
        self.client_name = client.name;
        self.client_ip = client.ip;
        self.client_port = client.port;
    }

    fn relay(&mut self, relay: &Relay<'a>) {
        self.relay_name = relay.name;
        self.relay_ip = relay.ip;
        self.relay_port = relay.port;
    }

    fn sender(&mut self, from: Option<Address<'a>>) {
        self.from = from.map(|from| from.0);
    }

    fn add(&mut self, event: &'a Event<'a>) {
        let id = |id: QueueId<'a>| id.0;
        match event {
            Event::Connect { client } => self.client(client),
            Event::Disconnect(disconnect) => self.client(&disconnect.client),
            Event::Client(submission) => {
                self.client(&submission.client);
                self.sasl_method = submission.sasl_method;
                self.sasl_username = submission.sasl_username;
                self.sasl_sender = submission.sasl_sender;
                self.orig_queue_id = submission.orig_queue_id.map(id);
                self.orig_client = submission.orig_client.as_ref().map(client_text);
                self.sender(submission.from);
                self.message_id = submission.message_id;
                self.size = submission.size;
                self.nrcpt = submission.nrcpt;
                self.proto = submission.proto;
                self.helo = submission.helo;
            }
            Event::LostConnection {
                client,
                stage,
                reason,
                ..
            } => {
                self.client(client);
                self.stage = Some(stage);
                self.reason = Some(reason);
            }
            Event::Tls(tls) => {
                if tls.inbound {
                    self.client(&tls.peer);
                } else {
                    self.relay_name = tls.peer.name;
                    self.relay_ip = tls.peer.ip;
                    self.relay_port = tls.peer.port;
                }
                self.tls_version = Some(tls.tls_version);
                self.tls_cipher = Some(tls.tls_cipher);
            }
            Event::AuthFailure(failure) => {
                self.client(&failure.client);
                self.sasl_method = failure.sasl_method;
                self.sasl_username = failure.sasl_username;
                self.reason = Some(failure.reason).filter(|reason| !reason.is_empty());
            }
            Event::Login(login) => {
                self.client_ip = login.client_ip;
                self.sasl_method = login.sasl_method;
                self.sasl_username = Some(login.sasl_username);
            }
            Event::Pickup { uid, from, .. } => {
                self.uid = Some(*uid);
                self.sender(Some(*from));
            }
            Event::MessageId { message_id, .. } => self.message_id = Some(message_id),
            Event::Queued {
                from, size, nrcpt, ..
            } => {
                self.sender(Some(*from));
                self.size = *size;
                self.nrcpt = *nrcpt;
            }
            Event::Delivery(delivery) => {
                self.to = Some(delivery.to.0);
                self.orig_to = delivery.orig_to.map(|to| to.0);
                self.relay(&delivery.relay);
                self.delay = delivery.delay;
                self.delays = delivery.delays;
                self.dsn = delivery.dsn.map(|dsn| dsn.to_string());
                self.status = Some(delivery.status);
                self.reason = Some(delivery.reason);
            }
            Event::Expired { from, status, .. } => {
                self.sender(Some(*from));
                self.status = Some(status);
            }
            Event::Removed { how, .. } => self.reason = *how,
            Event::Notification { child, .. } => self.notification_queue_id = child.map(id),
            Event::Reject(reject) => {
                self.client(&reject.client);
                self.action = Some(reject.action);
                self.stage = Some(reject.stage);
                self.reply_code = reject.reply_code;
                self.dsn = reject.dsn.map(|dsn| dsn.to_string());
                self.reason = Some(reject.reason);
                self.sender(reject.from);
                self.to = reject.to.map(|to| to.0);
                self.proto = reject.proto;
                self.helo = reject.helo;
                self.sasl_method = reject.sasl_method;
                self.sasl_username = reject.sasl_username;
                self.sasl_sender = reject.sasl_sender;
            }
            Event::RemoteTrouble { relay, reason, .. } => {
                self.relay(relay);
                self.reason = Some(reason);
            }
            Event::Superuser { action, .. } => self.action = Some(superuser_word(*action)),
            Event::ProxyAccept {
                reply, from, to, ..
            } => {
                self.reason = Some(reply);
                self.sender(*from);
                self.to = to.map(|to| to.0);
            }
            Event::Stored {
                user,
                message_id,
                action,
            } => {
                self.to = Some(user);
                self.message_id = *message_id;
                self.action = Some(action);
            }
            Event::Verdict(verdict) => {
                self.message_id = verdict.message_id;
                self.reason = Some(verdict.text);
            }
            Event::Screening {
                client,
                what,
                detail,
            } => {
                self.client(client);
                self.action = Some(what);
                self.reason = Some(detail).filter(|detail| !detail.is_empty()).copied();
            }
            Event::Warning { client, text, .. } | Event::Note { client, text, .. } => {
                if let Some(client) = client {
                    self.client(client);
                }
                self.reason = Some(text);
            }
            Event::Statistics { text }
            | Event::Service { text }
            | Event::LinesLost { text, .. } => {
                self.reason = Some(text);
            }
            Event::Repeated { n_times } => self.repeated = Some(*n_times),
            Event::Unknown | Event::Other => {}
        }
    }
}

fn client_text(client: &Client<'_>) -> String {
    format!(
        "{}[{}]",
        client.name.unwrap_or("unknown"),
        client.ip.unwrap_or("unknown")
    )
}

fn superuser_word(action: crate::event::SuperuserAction) -> &'static str {
    match action {
        crate::event::SuperuserAction::Removed => "removed",
        crate::event::SuperuserAction::Held => "held",
        crate::event::SuperuserAction::Released => "released",
        crate::event::SuperuserAction::Requeued => "requeued",
        crate::event::SuperuserAction::Expired => "expired",
    }
}

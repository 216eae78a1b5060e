//! A message as a record: the shape of the contract's "A message".

use hashbrown::HashMap;
use serde::Serialize;

use crate::correlate::{Flaw, Lack, Lineage, Message, OriginKind, Recipient, Strings, Symbol};
use crate::incident::stable_id;
use crate::knowledge::postcat::QueueFile;
use crate::knowledge::providers::Providers;
use crate::knowledge::replies::classify;
use crate::mail::{Address, Relay, Timestamp};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageRecord {
    pub id: String,
    pub host: String,
    pub instance: String,
    pub queue_id: String,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub origin: OriginRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nrcpt: Option<u32>,
    pub state: &'static str,
    pub complete: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<&'static str>,
    /// Why its history cannot be: lines are missing that the log should hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impossible: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<RelativeRecord>,
    pub children: Vec<RelativeRecord>,
    pub recipients: Vec<RecipientRecord>,
    pub events: Vec<EventLine>,
    /// When it arrived, as its first delivery's delay tells, where the log begins later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Timestamp>,
    /// What its queue file says (`trace --postcat`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_file: Option<QueueFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OriginRecord {
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

/// Another message of the family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RelativeRecord {
    pub id: String,
    pub queue_id: String,
    pub relation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecipientRecord {
    pub to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orig_to: Option<String>,
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dsn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    pub attempts: u32,
    pub first_attempt: Timestamp,
    pub last_attempt: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<f64>,
    pub reason: String,
    /// What kept it from being delivered: `greylisted`, `unknown_user`, `spam`, ….
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_class: Option<&'static str>,
}

/// One recipient of one message (`messages --deliveries`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeliveryRecord {
    /// Of the message.
    pub id: String,
    pub host: String,
    pub queue_id: String,
    pub first_seen: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(flatten)]
    pub recipient: RecipientRecord,
}

/// A line of the message's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventLine {
    pub timestamp: Timestamp,
    pub event: &'static str,
    pub file: String,
    pub line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// All messages of a run, to be turned into records.
pub struct Messages {
    /// Sorted by number.
    pub list: Vec<Message>,
    pub lineage: Lineage,
    pub strings: Strings,
    ids: Vec<String>,
    providers: Providers,
}

impl Messages {
    /// Takes the messages with all that was told of them; gives each its id.
    pub fn new(mut list: Vec<Message>, lineage: Lineage, strings: Strings) -> Self {
        list.sort_unstable_by_key(|message| message.number);
        // Two lives of one queue ID within the same second are told apart by their order.
        let mut taken: HashMap<String, u32> = HashMap::new();
        let ids = list
            .iter()
            .map(|message| {
                let micros = message.first_seen.micros.to_string();
                let host = strings.get(message.host);
                let instance = strings.get(message.instance);
                let base = stable_id(&[host, instance, &message.queue_id, &micros]);
                let n_before = taken.entry(base.clone()).or_insert(0);
                *n_before += 1;
                match *n_before {
                    1 => base,
                    n => stable_id(&[&base, &n.to_string()]),
                }
            })
            .collect();
        let mut messages = Self {
            list,
            lineage,
            strings,
            ids,
            providers: Providers::embedded(),
        };
        messages.learn_providers();
        messages
    }

    fn learn_providers(&mut self) {
        for recipient in self.list.iter().flat_map(|message| &message.recipients) {
            let domain = Address(self.strings.get(recipient.to)).domain();
            let relay = relay(recipient, &self.strings);
            self.providers.learn(domain.unwrap_or_default(), &relay, 1);
        }
    }

    /// The message of a number; numbers are dense, but some may have been filtered out.
    pub fn find(&self, number: u32) -> Option<&Message> {
        let index = self
            .list
            .binary_search_by_key(&number, |message| message.number);
        index.ok().map(|index| &self.list[index])
    }

    pub fn id(&self, number: u32) -> Option<&str> {
        let index = self
            .list
            .binary_search_by_key(&number, |message| message.number);
        index.ok().map(|index| self.ids[index].as_str())
    }

    /// The record, without the texts of its lines.
    pub fn record(&self, message: &Message, file_names: &[String]) -> MessageRecord {
        let text = |symbol: Symbol| self.strings.get(symbol).to_owned();
        let relative = |(number, relation): (u32, crate::correlate::Relation)| {
            Some(RelativeRecord {
                id: self.id(number)?.to_owned(),
                queue_id: self.find(number)?.queue_id.to_string(),
                relation: relation.as_str(),
            })
        };
        let number = message.number;
        MessageRecord {
            id: self.id(number).unwrap_or_default().to_owned(),
            host: text(message.host),
            instance: text(message.instance),
            queue_id: message.queue_id.to_string(),
            first_seen: message.first_seen,
            last_seen: message.last_seen,
            origin: self.origin(message),
            message_id: message.message_id.as_deref().map(str::to_owned),
            from: message.from.map(text),
            size: message.size,
            nrcpt: message.nrcpt,
            state: message.state().as_str(),
            complete: message.is_complete(),
            incomplete: message.lacks().into_iter().map(Lack::as_str).collect(),
            impossible: self.impossible(message),
            parent: self.lineage.parent(number).and_then(relative),
            children: self.lineage.children(number).filter_map(relative).collect(),
            recipients: message
                .recipients
                .iter()
                .map(|r| self.recipient(r))
                .collect(),
            events: message
                .events
                .iter()
                .map(|seen| EventLine {
                    timestamp: seen.timestamp,
                    event: seen.event,
                    file: file_names
                        .get(seen.at.file as usize)
                        .cloned()
                        .unwrap_or_default(),
                    line: seen.at.line,
                    text: None,
                })
                .collect(),
            arrival: arrival(message),
            queue_file: None,
        }
    }

    fn impossible(&self, message: &Message) -> Option<&'static str> {
        let has_parent = self.lineage.parent(message.number).is_some();
        let flaw = message.flaw(has_parent, &self.strings);
        flaw.map(Flaw::as_str)
    }

    /// A record for each recipient; who handed the message in is told as of its submission.
    pub fn deliveries<'a>(
        &'a self,
        message: &'a Message,
    ) -> impl Iterator<Item = DeliveryRecord> + 'a {
        let text = |symbol: Symbol| self.strings.get(symbol).to_owned();
        let root = self
            .find(self.lineage.submission(message.number))
            .unwrap_or(message);
        message
            .recipients
            .iter()
            .map(move |recipient| DeliveryRecord {
                id: self.id(message.number).unwrap_or_default().to_owned(),
                host: text(message.host),
                queue_id: message.queue_id.to_string(),
                first_seen: message.first_seen,
                client_ip: root.origin.client_ip.map(text),
                sasl_username: root.origin.sasl_username.map(text),
                from: message.from.map(text),
                recipient: self.recipient(recipient),
            })
    }

    fn origin(&self, message: &Message) -> OriginRecord {
        let text =
            |symbol: Option<Symbol>| symbol.map(|symbol| self.strings.get(symbol).to_owned());
        let origin = &message.origin;
        let reinjected = self
            .lineage
            .parent(message.number)
            .is_some_and(|(_, relation)| relation == crate::correlate::Relation::Reinjected);
        let kind = if reinjected {
            OriginKind::Reinjected
        } else {
            origin.kind
        };
        OriginRecord {
            kind: kind.as_str(),
            program: text(origin.program),
            client_name: text(origin.client_name),
            client_ip: text(origin.client_ip),
            client_port: origin.client_port,
            sasl_method: text(origin.sasl_method),
            sasl_username: text(origin.sasl_username),
            sasl_sender: text(origin.sasl_sender),
            tls_version: text(origin.tls_version),
            uid: origin.uid,
        }
    }

    fn recipient(&self, recipient: &Recipient) -> RecipientRecord {
        let text = |symbol: Symbol| self.strings.get(symbol).to_owned();
        let to = self.strings.get(recipient.to);
        let relay = relay(recipient, &self.strings);
        let provider = self.providers.provider(Address(to).domain(), &relay);
        RecipientRecord {
            to: to.to_owned(),
            orig_to: recipient.orig_to.map(text),
            status: recipient.status.as_str(),
            dsn: recipient.dsn.map(|dsn| dsn.to_string()),
            relay_name: recipient.relay_name.map(text),
            relay_ip: recipient.relay_ip.map(text),
            provider: provider.map(|provider| provider.to_string()),
            attempts: recipient.attempts,
            first_attempt: recipient.first_attempt,
            last_attempt: recipient.last_attempt,
            delay: recipient.delay,
            reason: recipient.reason.to_string(),
            reason_class: classify(recipient.status, recipient.dsn, &recipient.reason).as_str(),
        }
    }
}

/// postcat(1) writes local times without their zone, which is at most so far from UTC.
const ZONE_MICROS: i64 = 15 * 3_600_000_000;

/// True when a queue file can be this message's: a queue ID is used again (L1), but not with the same sender at the
/// same time.
pub fn is_queue_file_of(file: &QueueFile, message: &Message, strings: &Strings) -> bool {
    if *file.queue_id != *message.queue_id {
        return false;
    }
    let from = message.from.map(|from| strings.get(from));
    let is_sender = match (&file.from, from) {
        (Some(file), Some(from)) => file.eq_ignore_ascii_case(from),
        _ => true,
    };
    // The log tells the arrival, or a delivery's delay does.
    let arrived = arrival(message).unwrap_or(message.first_seen);
    let told = message.origin.kind != OriginKind::Unknown || arrival(message).is_some();
    let apart = |micros: i64| (micros - arrived.micros).abs();
    let is_time = file
        .arrival_micros()
        .is_none_or(|micros| !told || apart(micros) <= ZONE_MICROS);
    is_sender && is_time
}

/// When it arrived, where no line of its beginning tells.
fn arrival(message: &Message) -> Option<Timestamp> {
    let is_untold = message.origin.kind == OriginKind::Unknown;
    message.arrival().filter(|_| is_untold)
}

/// What the log says of a recipient's next hop.
fn relay<'a>(recipient: &Recipient, strings: &'a Strings) -> Relay<'a> {
    Relay {
        name: recipient.relay_name.map(|name| strings.get(name)),
        ip: recipient.relay_ip.map(|ip| strings.get(ip)),
        port: None,
    }
}

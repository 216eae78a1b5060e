//! A message that waits in the queue, as a record: from the log, from postqueue(1), or from both.

use serde::Serialize;

use crate::knowledge::postqueue::Queued;
use crate::mail::Timestamp;
use crate::tables::{PutOff, StillQueued};

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct QueueRecord {
    pub queue_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// `active`, `deferred`, `hold`, …: only a list of postqueue(1) tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Timestamp>,
    /// Seconds from its arrival to the end of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<i64>,
    /// False for what only the list of postqueue(1) has.
    pub in_log: bool,
    pub recipients: Vec<WaitingRecord>,
    /// Recipients that no line of the log names.
    #[serde(skip_serializing_if = "is_zero")]
    pub n_untold: u32,
}

/// A recipient that waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WaitingRecord {
    pub to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// In the log's plain words, or as postqueue(1) quotes the other server.
    pub reason: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub attempts: u32,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl QueueRecord {
    /// What the log alone tells; `log_end_micros` is the moment of its last line.
    pub fn of_log(waiting: &StillQueued<'_>, log_end_micros: i64) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            queue_id: waiting.queue_id.to_owned(),
            host: Some(waiting.host.to_owned()),
            queue_name: None,
            sasl_username: text(waiting.sasl_username),
            client_ip: text(waiting.client_ip),
            from: text(waiting.from),
            size: waiting.size,
            arrival: Some(waiting.first_seen),
            age: Some((log_end_micros - waiting.first_seen.micros) / 1_000_000),
            in_log: true,
            recipients: waiting.recipients.iter().map(of_put_off).collect(),
            n_untold: waiting.n_untold,
        }
    }

    /// What the list says, with the login and client of the log's message if that is the same one.
    pub fn of_list(queued: &Queued, logged: Option<&Self>, log_end_micros: i64) -> Self {
        let arrival = queued.arrival_time.map(|seconds| Timestamp {
            micros: seconds.saturating_mul(1_000_000),
            ..Timestamp::default()
        });
        let age = arrival.map(|arrival| (log_end_micros - arrival.micros).max(0) / 1_000_000);
        let provider = |to: &str| {
            let known = logged?.recipients.iter().find(|r| r.to == to)?;
            known.provider.clone()
        };
        let recipients = queued.recipients.iter().map(|waiting| WaitingRecord {
            provider: provider(&waiting.address),
            to: waiting.address.clone(),
            reason: waiting.delay_reason.clone(),
            attempts: 0,
        });
        Self {
            queue_id: queued.queue_id.clone(),
            queue_name: Some(queued.queue_name.clone()),
            from: Some(queued.sender.clone()),
            size: queued.message_size,
            arrival: arrival.or(logged.and_then(|logged| logged.arrival)),
            age: age.or(logged.and_then(|logged| logged.age)),
            in_log: logged.is_some(),
            recipients: recipients.collect(),
            n_untold: 0,
            host: logged.and_then(|logged| logged.host.clone()),
            sasl_username: logged.and_then(|logged| logged.sasl_username.clone()),
            client_ip: logged.and_then(|logged| logged.client_ip.clone()),
        }
    }

    /// True when a message of the list can be this one: a short queue ID is used again, but not with the same
    /// sender at the same time.
    pub fn is_same(&self, queued: &Queued) -> bool {
        let is_sender = self
            .from
            .as_deref()
            .is_none_or(|from| from.eq_ignore_ascii_case(&queued.sender));
        let is_time = match (self.arrival, queued.arrival_time) {
            (Some(logged), Some(listed)) => (logged.seconds() - listed).abs() <= SAME_SECONDS,
            _ => true,
        };
        self.queue_id == queued.queue_id && is_sender && is_time
    }
}

/// smtpd(8) logs a message when its first recipient is accepted; the queue's time is that of its file.
const SAME_SECONDS: i64 = 3600;

fn of_put_off(waiting: &PutOff<'_>) -> WaitingRecord {
    WaitingRecord {
        to: waiting.to.to_owned(),
        provider: waiting.provider.map(str::to_owned),
        reason: waiting.reply.as_words().to_owned(),
        attempts: waiting.attempts,
    }
}

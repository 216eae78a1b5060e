//! One queue ID's life on one host: who handed it in, under which sender, to whom, and what became of it.

use super::proof::Proof;
use super::strings::Symbol;
use crate::mail::{EnhancedStatus, LineRef, Status, Timestamp};
use crate::read::Record;

/// A message, as far as the lines read so far tell it.
#[derive(Debug, Clone)]
pub struct Message {
    /// Counts messages in the order of their first lines.
    pub number: u32,
    pub host: Symbol,
    /// First part of the program's name: `postfix`, `postfix-out`.
    pub instance: Symbol,
    pub queue_id: Box<str>,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub first_line: LineRef,
    /// The first moment of its host's log; what arrived before has no beginning there.
    pub log_began_micros: i64,
    pub origin: Origin,
    pub message_id: Option<Box<str>>,
    /// Envelope sender; the empty text is the null sender.
    pub from: Option<Symbol>,
    /// What SPF or DMARC said of the sender, by a milter that names the queue ID.
    pub proof: Proof,
    pub size: Option<u64>,
    pub nrcpt: Option<u32>,
    /// The queue manager's first line.
    pub queued_line: Option<LineRef>,
    pub recipients: Vec<Recipient>,
    pub ending: Ending,
    pub held: bool,
    /// Recipients or content refused while the message was handed in.
    pub n_rejects: u32,
    /// Queue IDs of notifications that report on this message.
    pub n_bounces: u32,
    /// Its lines, when the command asks for them.
    pub events: Vec<EventSeen>,
}

/// A line of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSeen {
    pub at: LineRef,
    pub timestamp: Timestamp,
    /// [`crate::event::Event::name`].
    pub event: &'static str,
}

impl EventSeen {
    pub(super) fn of(record: &Record<'_>) -> Self {
        Self {
            at: record.at,
            timestamp: record.timestamp,
            event: record.event.name(),
        }
    }
}

/// How a message came into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin {
    pub kind: OriginKind,
    /// The line that told it.
    pub line: Option<LineRef>,
    /// `postfix/submission/smtpd`.
    pub program: Option<Symbol>,
    pub client_name: Option<Symbol>,
    pub client_ip: Option<Symbol>,
    pub client_port: Option<u16>,
    pub sasl_method: Option<Symbol>,
    pub sasl_username: Option<Symbol>,
    pub sasl_sender: Option<Symbol>,
    pub tls_version: Option<Symbol>,
    /// pickup(8): who called sendmail(1).
    pub uid: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum OriginKind {
    /// The log does not tell; its beginning may be missing.
    #[default]
    Unknown,
    Smtpd,
    /// sendmail(1) on this host: no login.
    Pickup,
    /// A notification that this server made.
    Bounce,
    /// Made by local(8) for an alias or a `.forward` file.
    Forward,
    /// Came back from a content filter.
    Reinjected,
}

impl OriginKind {
    /// The word of the records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Smtpd => "smtpd",
            Self::Pickup => "pickup",
            Self::Bounce => "bounce",
            Self::Forward => "forward",
            Self::Reinjected => "reinjected",
        }
    }
}

/// One recipient, with its last known status.
#[derive(Debug, Clone)]
pub struct Recipient {
    pub to: Symbol,
    pub orig_to: Option<Symbol>,
    /// The last relay that was reached; `relay=none` of a later attempt does not erase it.
    pub relay_name: Option<Symbol>,
    pub relay_ip: Option<Symbol>,
    pub status: Status,
    pub dsn: Option<EnhancedStatus>,
    pub attempts: u32,
    pub first_attempt: Timestamp,
    pub last_attempt: Timestamp,
    /// Seconds from arrival to the last attempt.
    pub delay: Option<f64>,
    /// Of the last attempt.
    pub reason: Box<str>,
    pub first_line: LineRef,
    pub last_line: LineRef,
    /// Not an end but a step: handed to a content filter or an alias whose own message is known.
    pub is_hop: bool,
    /// An address probe (`status=deliverable`): nothing was to be delivered.
    pub is_probe: bool,
}

/// How the log ends the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Ending {
    /// No line ends it.
    #[default]
    Open,
    /// `qmgr: removed`: nothing was left to do.
    Removed,
    /// `postsuper: removed`.
    Deleted,
    /// Refused or thrown away by a header check or a milter, before the queue manager saw it.
    Rejected,
    Discarded,
    /// The client left, or was refused, before the message was complete.
    Aborted,
    /// Never seen by the queue manager, and silent since (T12): broken off, though no line says so.
    Untold,
    /// The same queue ID began another message.
    Superseded,
}

/// Why a message is not complete; the words of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// No line tells how it came in: the log begins later, or has lost lines.
    Beginning,
    /// It still waited where the log ends, as far as the log tells.
    StillQueued,
    /// All its recipients were dealt with, and no line removes it.
    End,
    /// T12: handed in, and never seen by the queue manager.
    NeverQueued,
    /// L1: its queue ID began another message, and no line ended this one.
    UsedAgain,
}

impl Lack {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Beginning => "no_beginning",
            Self::StillQueued => "still_queued",
            Self::End => "no_end",
            Self::NeverQueued => "never_queued",
            Self::UsedAgain => "queue_id_used_again",
        }
    }
}

/// What became of a message as a whole; the words of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    Delivered,
    Deferred,
    Bounced,
    Expired,
    /// Delivered to some recipients, given up for others.
    Partial,
    Held,
    Rejected,
    Discarded,
    Queued,
    Unknown,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Deferred => "deferred",
            Self::Bounced => "bounced",
            Self::Expired => "expired",
            Self::Partial => "partial",
            Self::Held => "held",
            Self::Rejected => "rejected",
            Self::Discarded => "discarded",
            Self::Queued => "queued",
            Self::Unknown => "unknown",
        }
    }
}

impl Message {
    /// True when the server took responsibility for it (RFC 5321, 4.2.5): the queue manager saw it,
    /// or a delivery was tried. A transaction that the client broke off is no message.
    pub fn was_accepted(&self) -> bool {
        let ended_early = matches!(
            self.ending,
            Ending::Rejected | Ending::Discarded | Ending::Aborted | Ending::Untold
        );
        self.queued_line.is_some() || !self.recipients.is_empty() || !ended_early
    }

    /// Takes what the first line tells; that it came of another message may be known before.
    pub(super) fn begin_as(&mut self, origin: Origin) {
        let known = self.origin.kind;
        self.origin = origin;
        if known == OriginKind::Reinjected {
            self.origin.kind = known;
        }
    }

    /// True while a line of the queue manager may bring it back to life.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.ending, Ending::Open | Ending::Aborted | Ending::Untold)
    }

    /// True when the line of its client is older than all its own: a proxy filter handed it on.
    pub(super) fn was_handed_on(&self) -> bool {
        self.origin.line.is_some_and(|line| line < self.first_line)
    }

    /// True while no line shows that the queue manager saw it. What a check holds never reaches it.
    pub(super) fn was_never_queued(&self) -> bool {
        self.queued_line.is_none() && self.recipients.is_empty() && !self.held
    }

    /// True when the log shows its beginning and its end.
    pub fn is_complete(&self) -> bool {
        self.lacks().is_empty()
    }

    /// What the log does not show of it.
    pub fn lacks(&self) -> Vec<Lack> {
        let beginning = (self.origin.kind == OriginKind::Unknown).then_some(Lack::Beginning);
        let waits = self.held
            || self.n_untold() > 0
            || self.recipients.is_empty()
            || self.recipients.iter().any(|r| r.status == Status::Deferred);
        let end = match self.ending {
            Ending::Open if waits => Some(Lack::StillQueued),
            Ending::Open => Some(Lack::End),
            Ending::Untold => Some(Lack::NeverQueued),
            Ending::Superseded => Some(Lack::UsedAgain),
            Ending::Removed
            | Ending::Deleted
            | Ending::Rejected
            | Ending::Discarded
            | Ending::Aborted => None,
        };
        beginning.into_iter().chain(end).collect()
    }

    /// True while something of it waits in the queue, as far as the log tells.
    pub fn is_still_queued(&self) -> bool {
        self.ending == Ending::Open && self.was_accepted()
    }

    /// What became of it, from its ending and its recipients.
    pub fn state(&self) -> State {
        let has = |status| self.recipients.iter().any(|r| r.status == status);
        match self.ending {
            Ending::Rejected => return State::Rejected,
            Ending::Discarded => return State::Discarded,
            Ending::Aborted | Ending::Untold if self.n_rejects > 0 => return State::Rejected,
            Ending::Aborted | Ending::Untold => return State::Unknown,
            Ending::Open if self.held => return State::Held,
            Ending::Deleted if !has(Status::Sent) => return State::Discarded,
            Ending::Open | Ending::Removed | Ending::Deleted | Ending::Superseded => {}
        }
        let failed = has(Status::Bounced) || has(Status::Expired);
        if has(Status::Deferred) && self.ending == Ending::Open {
            State::Deferred
        } else if has(Status::Sent) && failed {
            State::Partial
        } else if has(Status::Expired) {
            State::Expired
        } else if has(Status::Bounced) {
            State::Bounced
        } else if has(Status::Sent) && (self.ending != Ending::Open || self.n_untold() == 0) {
            State::Delivered
        } else if self.queued_line.is_some() && self.ending == Ending::Open {
            State::Queued
        } else if has(Status::Deferred) {
            State::Deferred
        } else {
            State::Unknown
        }
    }

    /// Recipients that the queue manager counted and no line has named yet.
    pub fn n_untold(&self) -> u32 {
        let told = self.recipients.iter().filter(|r| !r.is_probe).count();
        let told = u32::try_from(told).unwrap_or(u32::MAX);
        self.nrcpt.unwrap_or(0).saturating_sub(told)
    }
}

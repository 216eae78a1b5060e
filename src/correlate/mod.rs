//! Events in log order -> messages, logins, refusals, and who came of whom.

mod delivery;
mod flaw;
mod handover;
mod kinship;
mod life;
mod lineage;
mod logins;
mod message;
mod observe;
mod probes;
mod proof;
mod session;
mod store;
mod strings;
mod whole;

pub use flaw::Flaw;
pub use lineage::{Lineage, Link, Relation};
pub use message::{Ending, EventSeen, Lack, Message, Origin, OriginKind, Recipient, State};
pub use proof::Proof;
pub use strings::{Strings, Symbol};

use hashbrown::HashMap;

use crate::mail::{LineRef, Timestamp};
use crate::parse;
use crate::read::Record;
use handover::Handovers;
use kinship::Awaited;
use proof::Proofs;
use session::Sessions;
use store::Store;

/// A password judged, or a mailbox opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginSeen {
    pub timestamp: Timestamp,
    pub at: LineRef,
    /// `None` where the log names nobody: a failure with Postfix before 3.9, a success without a message.
    pub sasl_username: Option<Symbol>,
    pub client_ip: Option<Symbol>,
    /// `smtp`, `imap`, `pop3`, ….
    pub protocol: Symbol,
    pub sasl_method: Option<Symbol>,
    pub succeeded: bool,
    /// The server's own fault; no guess was judged.
    pub own_fault: bool,
    /// Attempts that the line stands for.
    pub n_times: u32,
}

/// Something refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejectionSeen {
    pub timestamp: Timestamp,
    pub at: LineRef,
    /// `postfix/submission/smtpd`: which door it was.
    pub program: Symbol,
    pub client_name: Option<Symbol>,
    pub client_ip: Option<Symbol>,
    pub class: crate::event::RejectClass,
    /// 0 where the line has none.
    pub reply_code: u16,
    pub is_warning: bool,
    /// Only Postfix 3.2 and later say it, and not with every refusal.
    pub sasl_username: Option<Symbol>,
    pub dnsbl: Option<Symbol>,
    /// The empty text is the null sender.
    pub from: Option<Symbol>,
    pub to: Option<Symbol>,
    pub helo: Option<Symbol>,
    pub n_times: u32,
}

/// A connection that tried AUTH without a password being judged: no line tells a name or a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeSeen {
    pub timestamp: Timestamp,
    pub at: LineRef,
    pub client_ip: Option<Symbol>,
    /// AUTH commands refused or given up.
    pub n_times: u32,
}

/// What a block list says of a client, or that it says nothing; an hour's lines of a kind are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingSeen {
    pub timestamp: Timestamp,
    pub at: LineRef,
    pub kind: ListingKind,
    pub client_ip: Option<Symbol>,
    /// In lower case; `None` for a client that came.
    pub dnsbl: Option<Symbol>,
    pub n_times: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListingKind {
    /// A client connected to postscreen(8).
    Came,
    /// dnsblog(8): the list names the client.
    Listed,
    /// The list answers with a code by which it refuses to serve this resolver.
    Refused,
    /// The lookup failed.
    Failed,
}

impl ListingKind {
    /// All of them, in the order of their numbers in the table.
    pub const ALL: [Self; 4] = [Self::Came, Self::Listed, Self::Refused, Self::Failed];
}

/// What the lines told besides messages, once the log is read.
#[derive(Default)]
pub struct Told {
    pub strings: Strings,
    pub links: Vec<Link>,
    /// Deliveries (message, recipient) to the next server of this run, whose own log tells the rest.
    pub steps: Vec<(u32, Symbol)>,
    pub logins: Vec<LoginSeen>,
    pub rejections: Vec<RejectionSeen>,
    pub probes: Vec<ProbeSeen>,
    pub listings: Vec<ListingSeen>,
    /// Messages begun; their numbers are below this.
    pub n_messages: u32,
    /// Messages let go before their end, because too many were open at once.
    pub n_evicted: u64,
}

/// Messages kept at once; no queue is so long. Some hundred bytes each.
const MAX_OPEN: usize = 400_000;
/// What is left of them when there are more.
const KEEP_OPEN: usize = 300_000;

/// Log time between two looks at what was never queued.
const SWEEP_MICROS: i64 = 3600 * 1_000_000;

/// Rebuilds messages from events, one record after the other in log order.
#[derive(Default)]
pub struct Correlator {
    told: Told,
    store: Store,
    sessions: Sessions,
    listings: probes::Listings,
    programs: HashMap<Box<str>, Program>,
    /// The host of the last record: mostly that of the next one, too.
    host: Option<(Box<str>, Symbol)>,
    /// The distinct instances of the programs.
    instances: Vec<Symbol>,
    /// The first moment of each host's log.
    hosts_began: Vec<(Symbol, i64)>,
    finished: Vec<Message>,
    /// Links to messages of which no line was seen yet.
    awaited: Awaited,
    handovers: Handovers,
    proofs: Proofs,
    /// The last record was this failed login, which `last message repeated` speaks of.
    last_failure: Option<usize>,
    n_records: u64,
    /// The latest moment of any record, and where the store was last swept.
    latest_micros: i64,
    swept_at: SweptAt,
    keep_events: bool,
}

#[derive(Default)]
struct SweptAt {
    micros: i64,
    record: u64,
}

/// A program's name, taken apart once.
#[derive(Clone, Copy)]
struct Program {
    symbol: Symbol,
    instance: Symbol,
    ends_untold: bool,
}

impl Correlator {
    /// `keep_events`: every message keeps the places of its lines, for showing its timeline.
    pub fn new(keep_events: bool) -> Self {
        Self {
            keep_events,
            ..Self::default()
        }
    }

    /// Takes the next record of the log.
    pub fn observe(&mut self, record: &Record<'_>) {
        self.n_records += 1;
        let now = record.timestamp.micros;
        self.store.release(now, self.n_records, &mut self.finished);
        self.sweep(now);
        if self.store.len() > MAX_OPEN {
            let n_before = self.store.len();
            self.store.evict(KEEP_OPEN, &mut self.finished);
            self.told.n_evicted += (n_before - self.store.len()) as u64;
        }
        self.observe_event(record);
    }

    /// T12: every hour of log time; not more often than the store is long, whatever the times say.
    fn sweep(&mut self, now_micros: i64) {
        self.latest_micros = self.latest_micros.max(now_micros);
        let n_since = self.n_records - self.swept_at.record;
        let due = (now_micros - self.swept_at.micros).abs() >= SWEEP_MICROS;
        if due && n_since > self.store.len() as u64 {
            self.store.abort_idle(now_micros, self.n_records);
            self.swept_at = SweptAt {
                micros: now_micros,
                record: self.n_records,
            };
        }
    }

    /// The messages that ended, and whose grace period is over, since the last call; and their texts.
    pub fn take_finished(&mut self) -> (std::vec::Drain<'_, Message>, &Strings) {
        (self.finished.drain(..), &self.told.strings)
    }

    /// Ends the log: the rest of the messages, and all else that was told.
    pub fn finish(mut self) -> (Vec<Message>, Told) {
        self.store.abort_idle(self.latest_micros, self.n_records);
        self.store.release_all(&mut self.finished);
        let (links, steps) = self.handovers.meet();
        self.told.links.extend(links);
        self.told.steps = steps;
        (self.finished, self.told)
    }

    /// Only log text of a hostile host has hundreds of hosts; the log of the rest begins with each message.
    fn note_host(&mut self, host: Symbol, now_micros: i64) {
        let is_known = self.hosts_began.iter().any(|(known, _)| *known == host);
        if !is_known && self.hosts_began.len() < 256 {
            self.hosts_began.push((host, now_micros));
        }
    }

    fn program(&mut self, name: &str) -> Program {
        if let Some(known) = self.programs.get(name) {
            return *known;
        }
        let program = Program {
            symbol: self.told.strings.intern(name),
            instance: self.told.strings.intern(parse::instance(name)),
            ends_untold: parse::ends_untold(name),
        };
        // Only log text of a hostile host has hundreds of programs; they are interned again each time.
        if self.programs.len() < 256 {
            self.programs.insert(name.into(), program);
            if !self.instances.contains(&program.instance) {
                self.instances.push(program.instance);
            }
        }
        program
    }

    fn host(&mut self, name: &str, now_micros: i64) -> Symbol {
        match &self.host {
            Some((known, symbol)) if **known == *name => *symbol,
            Some(_) | None => {
                let symbol = self.told.strings.intern(name);
                self.host = Some((name.into(), symbol));
                self.note_host(symbol, now_micros);
                symbol
            }
        }
    }
}

//! Rows of the tables as what detectors reason about: a submission with its deliveries.

use std::net::IpAddr;
use std::num::NonZeroU32;

use anyhow::Result;
use hashbrown::HashMap;
use polars::prelude::*;

use crate::correlate::{Lineage, OriginKind, Strings, Symbol};
use crate::knowledge::replies::ReplyClass;
use crate::mail::{LineRef, Status, Timestamp};
use crate::tables::{Tables, columns};

/// A message as it was handed in, with what became of it after all filters and aliases.
#[derive(Debug, Clone)]
pub(super) struct Submission {
    pub(super) number: u32,
    pub(super) queue_id: String,
    pub(super) seen: Timestamp,
    pub(super) client_ip: Option<Symbol>,
    pub(super) from: Option<Symbol>,
    pub(super) sasl_method: Option<Symbol>,
    pub(super) tls_version: Option<Symbol>,
    /// The line that tells who handed it in, and the queue manager's first.
    pub(super) line: LineRef,
    pub(super) queued_line: LineRef,
    pub(super) deliveries: Vec<DeliverySeen>,
    /// Recipients that the log does not name.
    pub(super) n_untold: u32,
    /// Queue IDs of the family that still wait.
    pub(super) still_queued: Vec<String>,
    /// Notifications that this server made about it.
    pub(super) n_bounces: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct DeliverySeen {
    pub(super) to: Symbol,
    /// The recipient before aliases, where it was another.
    pub(super) orig_to: Option<Symbol>,
    /// Delivered on this host.
    pub(super) is_local: bool,
    /// An alias or a `.forward` of this host made it: no recipient of the submission itself.
    pub(super) is_forwarded: bool,
    /// `None` for a mailbox on this host.
    pub(super) provider: Option<Symbol>,
    pub(super) status: Status,
    pub(super) reply: ReplyClass,
    pub(super) last_attempt_micros: i64,
    pub(super) line: LineRef,
}

/// The accepted submissions of each login, by login name, each in the order of the log.
pub(super) fn by_account(tables: &Tables) -> Result<Vec<(Symbol, Vec<Submission>)>> {
    let mut submissions = Reader::new(&tables.messages)?.submissions(true)?;
    add_deliveries(&mut submissions, &tables.deliveries, &tables.lineage)?;
    let accounts = submissions.by_account.into_iter();
    let mut accounts: Vec<(Symbol, Vec<Submission>)> = accounts
        .filter_map(|(account, list)| Some((account?, list)))
        .collect();
    accounts.sort_by(|a, b| tables.strings.get(a.0).cmp(tables.strings.get(b.0)));
    Ok(accounts)
}

/// The accepted submissions with these numbers, in the order of the log.
pub(super) fn with_numbers(tables: &Tables, numbers: &[u32]) -> Result<Vec<Submission>> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let numbers = Series::new("numbers".into(), numbers);
    let mine = col(columns::SUBMISSION).is_in(lit(numbers).implode(true), false);
    let messages = tables.messages.clone().lazy().filter(mine.clone());
    let messages = messages
        .sort([columns::MESSAGE], SortMultipleOptions::default())
        .collect()?;
    let deliveries = tables.deliveries.clone().lazy().filter(mine).collect()?;
    let mut submissions = Reader::new(&messages)?.submissions(false)?;
    add_deliveries(&mut submissions, &deliveries, &tables.lineage)?;
    let lists = submissions.by_account.into_iter();
    let mut all: Vec<Submission> = lists.flat_map(|(_, list)| list).collect();
    all.sort_by_key(|submission| submission.number);
    Ok(all)
}

/// The address of a client, if the log did not mask it.
pub(super) fn ip_of(strings: &Strings, client_ip: Option<Symbol>) -> Option<IpAddr> {
    strings.get(client_ip?).parse().ok()
}

/// The submissions of each login, in the order in which the logins are met.
#[derive(Default)]
struct Submissions {
    by_account: Vec<(Option<Symbol>, Vec<Submission>)>,
    accounts: HashMap<Option<Symbol>, u32>,
    /// By message number: which of the logins, and which of its submissions.
    places: Vec<Option<(u32, NonZeroU32)>>,
}

impl Submissions {
    fn push(&mut self, account: Option<Symbol>, submission: Submission) {
        let by_account = &mut self.by_account;
        let which = *self.accounts.entry(account).or_insert_with(|| {
            by_account.push((account, Vec::new()));
            index(by_account.len() - 1)
        });
        let (_, list) = &mut by_account[which as usize];
        let number = submission.number as usize;
        list.push(submission);
        if self.places.len() <= number {
            self.places.resize(number + 1, None);
        }
        // Counted from 1.
        self.places[number] = NonZeroU32::new(index(list.len())).map(|place| (which, place));
    }

    fn get_mut(&mut self, number: u32) -> Option<&mut Submission> {
        let (which, place) = (*self.places.get(number as usize)?)?;
        let (_, list) = self.by_account.get_mut(which as usize)?;
        list.get_mut(place.get() as usize - 1)
    }
}

fn index(place: usize) -> u32 {
    u32::try_from(place).expect("messages are numbered with 32 bits")
}

/// Cells of the messages' table, by column: looked up by name once, not for each row.
struct Reader<'a> {
    table: &'a DataFrame,
    message: &'a UInt32Chunked,
    queue_id: &'a StringChunked,
    first_seen: &'a Int64Chunked,
    offset_minutes: &'a Int32Chunked,
    digits: &'a UInt32Chunked,
    client_ip: &'a UInt32Chunked,
    from: &'a UInt32Chunked,
    sasl_method: &'a UInt32Chunked,
    tls_version: &'a UInt32Chunked,
    line: (&'a UInt32Chunked, &'a UInt32Chunked),
    queued_line: (&'a UInt32Chunked, &'a UInt32Chunked),
}

impl<'a> Reader<'a> {
    fn new(table: &'a DataFrame) -> Result<Self> {
        let numbers = |name| -> Result<&'a UInt32Chunked> { Ok(table.column(name)?.u32()?) };
        Ok(Self {
            table,
            message: numbers(columns::MESSAGE)?,
            queue_id: table.column(columns::QUEUE_ID)?.str()?,
            first_seen: table.column(columns::FIRST_SEEN)?.i64()?,
            offset_minutes: table.column(columns::OFFSET_MINUTES)?.i32()?,
            digits: numbers(columns::DIGITS)?,
            client_ip: numbers(columns::CLIENT_IP)?,
            from: numbers(columns::FROM)?,
            sasl_method: numbers(columns::SASL_METHOD)?,
            tls_version: numbers(columns::TLS_VERSION)?,
            line: (numbers(columns::FILE)?, numbers(columns::LINE)?),
            queued_line: (
                numbers(columns::QUEUED_FILE)?,
                numbers(columns::QUEUED_LINE)?,
            ),
        })
    }

    fn u32s(&self, name: &str) -> Result<&'a UInt32Chunked> {
        Ok(self.table.column(name)?.u32()?)
    }

    fn submissions(&self, only_with_login: bool) -> Result<Submissions> {
        let numbers = self.u32s(columns::MESSAGE)?;
        let roots = self.u32s(columns::SUBMISSION)?;
        let accounts = self.u32s(columns::SASL_USERNAME)?;
        let origins = self.u32s(columns::ORIGIN)?;
        let accepted = self.table.column(columns::ACCEPTED)?.bool()?;
        let waiting = self.table.column(columns::STILL_QUEUED)?.bool()?;
        let queue_ids = self.table.column(columns::QUEUE_ID)?.str()?;
        let bounces = self.u32s(columns::BOUNCES)?;
        let untold = self.u32s(columns::UNTOLD)?;
        let mut found = Submissions::default();
        let n_rows = self.table.height();
        for row in 0..n_rows {
            let is_root = numbers.get(row) == roots.get(row)
                && origins.get(row) != Some(OriginKind::Bounce as u32);
            let account = accounts.get(row).and_then(Symbol::from_u32);
            let is_wanted = account.is_some() || !only_with_login;
            if is_root && accepted.get(row) == Some(true) && is_wanted {
                found.push(account, self.submission(row));
            }
        }
        // Where the log's head is cut off, a child can stand before its parent: hence a second round.
        for row in 0..n_rows {
            let Some(submission) = roots.get(row).and_then(|root| found.get_mut(root)) else {
                continue;
            };
            submission.n_bounces += bounces.get(row).unwrap_or(0);
            submission.n_untold += untold.get(row).unwrap_or(0);
            if waiting.get(row) == Some(true)
                && let Some(queue_id) = queue_ids.get(row)
            {
                submission.still_queued.push(queue_id.to_owned());
            }
        }
        Ok(found)
    }

    fn submission(&self, row: usize) -> Submission {
        let symbol = |cells: &UInt32Chunked| cells.get(row).and_then(Symbol::from_u32);
        let line = |(file, line): (&UInt32Chunked, &UInt32Chunked)| LineRef {
            file: file.get(row).unwrap_or(0),
            line: line.get(row).unwrap_or(0),
        };
        let offset = self.offset_minutes.get(row);
        Submission {
            number: self.message.get(row).unwrap_or(0),
            queue_id: self.queue_id.get(row).unwrap_or_default().to_owned(),
            seen: Timestamp {
                micros: self.first_seen.get(row).unwrap_or(0),
                offset_minutes: offset.and_then(|o| o.try_into().ok()).unwrap_or(0),
                digits: self
                    .digits
                    .get(row)
                    .and_then(|d| d.try_into().ok())
                    .unwrap_or(0),
            },
            client_ip: symbol(self.client_ip),
            from: symbol(self.from),
            sasl_method: symbol(self.sasl_method),
            tls_version: symbol(self.tls_version),
            line: line(self.line),
            queued_line: line(self.queued_line),
            deliveries: Vec::new(),
            n_untold: 0,
            still_queued: Vec::new(),
            n_bounces: 0,
        }
    }
}

fn add_deliveries(
    submissions: &mut Submissions,
    table: &DataFrame,
    lineage: &Lineage,
) -> Result<()> {
    let cells = |name| -> Result<&UInt32Chunked> { Ok(table.column(name)?.u32()?) };
    let roots = cells(columns::SUBMISSION)?;
    let messages = cells(columns::MESSAGE)?;
    let (to, orig_to) = (cells(columns::TO)?, cells(columns::ORIG_TO)?);
    let is_local = table.column(columns::IS_LOCAL)?.bool()?;
    let providers = cells(columns::PROVIDER)?;
    let statuses = cells(columns::STATUS)?;
    let replies = cells(columns::REPLY)?;
    let (files, lines) = (cells(columns::FILE)?, cells(columns::LINE)?);
    let last_attempts = table.column(columns::LAST_ATTEMPT)?.i64()?;
    for row in 0..table.height() {
        let submission = roots.get(row).and_then(|root| submissions.get_mut(root));
        let (Some(submission), Some(to)) = (submission, to.get(row).and_then(Symbol::from_u32))
        else {
            continue;
        };
        let status = statuses.get(row).unwrap_or(0) as usize;
        let reply = replies.get(row).unwrap_or(0) as usize;
        // Most have one recipient, and room for more is rarely used.
        if submission.deliveries.is_empty() {
            submission.deliveries.reserve_exact(1);
        }
        submission.deliveries.push(DeliverySeen {
            to,
            orig_to: orig_to.get(row).and_then(Symbol::from_u32),
            is_local: is_local.get(row) == Some(true),
            is_forwarded: messages
                .get(row)
                .is_some_and(|message| lineage.was_forwarded(message)),
            provider: providers.get(row).and_then(Symbol::from_u32),
            status: Status::ALL[status],
            reply: ReplyClass::ALL[reply],
            last_attempt_micros: last_attempts.get(row).unwrap_or(0),
            line: LineRef {
                file: files.get(row).unwrap_or(0),
                line: lines.get(row).unwrap_or(0),
            },
        });
    }
    Ok(())
}

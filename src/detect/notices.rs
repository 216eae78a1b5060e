//! Mail about mail: messages with the null sender, or from a mailer daemon, and whom they reached.

use anyhow::Result;
use hashbrown::HashMap;
use polars::prelude::*;

use super::rows::{line_of, moment_of};
use crate::correlate::{OriginKind, Symbol};
use crate::mail::{Address, LineRef, Timestamp};
use crate::tables::{Tables, columns};

/// A notification that arrived in a mailbox of this server.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    pub(super) number: u32,
    pub(super) queue_id: String,
    pub(super) seen: Timestamp,
    /// The mailbox.
    pub(super) to: Symbol,
    pub(super) client_name: Option<Symbol>,
    pub(super) client_ip: Option<Symbol>,
    /// True when this server made it itself.
    pub(super) is_ours: bool,
    pub(super) line: LineRef,
}

/// The notifications with a delivery to a mailbox here, in log order.
pub(super) fn read(tables: &Tables) -> Result<Vec<Notice>> {
    let senders: Vec<u32> = daemon_senders(tables)?;
    let senders = Series::new("senders".into(), senders);
    let wanted = col(columns::FROM).is_in(lit(senders).implode(true), false);
    let messages = tables
        .messages
        .clone()
        .lazy()
        .filter(wanted.and(col(columns::ACCEPTED)))
        .collect()?;
    let mailboxes = mailboxes(tables)?;

    let cells = |name| -> Result<&UInt32Chunked> { Ok(messages.column(name)?.u32()?) };
    let symbol = |name, row| -> Result<Option<Symbol>> {
        Ok(cells(name)?.get(row).and_then(Symbol::from_u32))
    };
    let moments = moment_of(&messages, columns::FIRST_SEEN)?;
    let lines = line_of(&messages)?;
    let queue_ids = messages.column(columns::QUEUE_ID)?.str()?;
    let mut notices = Vec::new();
    for row in 0..messages.height() {
        let number = cells(columns::MESSAGE)?.get(row).unwrap_or(0);
        let root = cells(columns::SUBMISSION)?.get(row).unwrap_or(0);
        // A filter's or an alias's copy is the same notification.
        let Some(to) = mailboxes.get(&number).filter(|_| number == root) else {
            continue;
        };
        // pickup(8): vacation replies of local programs have the null sender too, and are no bounces.
        let origin = cells(columns::ORIGIN)?.get(row).unwrap_or(0);
        let has_login = symbol(columns::SASL_USERNAME, row)?.is_some();
        if origin == OriginKind::Pickup as u32 || has_login {
            continue;
        }
        notices.push(Notice {
            number,
            queue_id: queue_ids.get(row).unwrap_or_default().to_owned(),
            seen: moments(row),
            to: *to,
            client_name: symbol(columns::CLIENT_NAME, row)?,
            client_ip: symbol(columns::CLIENT_IP, row)?,
            is_ours: origin == OriginKind::Bounce as u32 || tables.lineage.parent(number).is_some(),
            line: lines(row),
        });
    }
    Ok(notices)
}

/// True for the senders of notifications: RFC 5321 wants the null sender, many servers use a name.
pub(super) fn is_daemon(from: Address<'_>) -> bool {
    from.is_null() || from.local_part().eq_ignore_ascii_case("mailer-daemon")
}

fn daemon_senders(tables: &Tables) -> Result<Vec<u32>> {
    let from = tables.messages.column(columns::FROM)?.u32()?.unique()?;
    let is_wanted = |symbol: &u32| is_daemon(Address(tables.strings.cell(Some(*symbol))));
    Ok(from.iter().flatten().filter(is_wanted).collect())
}

/// By submission: the first mailbox here that got it, as the outside addressed it.
fn mailboxes(tables: &Tables) -> Result<HashMap<u32, Symbol>> {
    let delivered = tables
        .deliveries
        .clone()
        .lazy()
        .filter(col(columns::IS_LOCAL))
        .select([col(columns::SUBMISSION), col(columns::TO)])
        .collect()?;
    let submissions = delivered.column(columns::SUBMISSION)?.u32()?;
    let to = delivered.column(columns::TO)?.u32()?;
    let mut mailboxes = HashMap::new();
    for (submission, to) in submissions.iter().zip(to.iter()) {
        if let (Some(submission), Some(to)) = (submission, to.and_then(Symbol::from_u32)) {
            mailboxes.entry(submission).or_insert(to);
        }
    }
    Ok(mailboxes)
}

//! Mail from clients without a login that is of interest: under a sender of this site, or on its way elsewhere.

use std::net::IpAddr;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use polars::prelude::*;

use super::site::Site;
use super::submissions::{self, DeliverySeen, Submission, ip_of};
use crate::correlate::{OriginKind, Proof, Strings, Symbol};
use crate::mail::Address;
use crate::tables::{Tables, columns};

/// A message that a client handed in without a login.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) mail: Submission,
    pub(super) client_name: Option<Symbol>,
    /// Equal for equal message-ids.
    pub(super) message_id: Option<i64>,
    /// What SPF or DMARC said of the sender.
    pub(super) proof: Proof,
}

impl Arrival {
    pub(super) fn client_ip(&self, strings: &Strings) -> Option<IpAddr> {
        ip_of(strings, self.mail.client_ip)
    }

    /// Deliveries to other hosts that the message's own recipients ask for, not an alias or a `.forward` of ours.
    pub(super) fn outside(&self) -> impl Iterator<Item = &DeliverySeen> {
        let ways = self.mail.deliveries.iter();
        ways.filter(|way| !way.is_local && !way.is_forwarded && way.orig_to.is_none())
    }

    pub(super) fn goes_outside(&self) -> bool {
        self.outside().next().is_some()
    }
}

/// The arrivals, in log order.
pub(super) fn read(tables: &Tables, site: &Site) -> Result<Vec<Arrival>> {
    let numbers = interesting(tables, site)?;
    let found = submissions::with_numbers(tables, &numbers)?;
    let wanted: HashSet<u32> = found.iter().map(|submission| submission.number).collect();
    let table = &tables.messages;
    let cells = |name| -> Result<&UInt32Chunked> { Ok(table.column(name)?.u32()?) };
    let names = cells(columns::CLIENT_NAME)?;
    let proofs = cells(columns::PROOF)?;
    let ids = table.column(columns::MESSAGE_ID_HASH)?.i64()?;
    let messages = cells(columns::MESSAGE)?;
    let rows: HashMap<u32, usize> = messages
        .iter()
        .enumerate()
        .filter_map(|(row, number)| Some((number?, row)))
        .filter(|(number, _)| wanted.contains(number))
        .collect();
    let arrival = |mail: Submission| {
        let row = *rows.get(&mail.number)?;
        Some(Arrival {
            client_name: names.get(row).and_then(Symbol::from_u32),
            message_id: ids.get(row).filter(|id| *id != 0),
            proof: Proof::ALL[proofs.get(row).unwrap_or(0) as usize],
            mail,
        })
    };
    Ok(found.into_iter().filter_map(arrival).collect())
}

/// The numbers of the submissions, in order.
fn interesting(tables: &Tables, site: &Site) -> Result<Vec<u32>> {
    let outside: HashSet<u32> = outside(tables)?;
    let messages = &tables.messages;
    let cells = |name| -> Result<&UInt32Chunked> { Ok(messages.column(name)?.u32()?) };
    let (numbers, roots) = (cells(columns::MESSAGE)?, cells(columns::SUBMISSION)?);
    let (origins, logins) = (cells(columns::ORIGIN)?, cells(columns::SASL_USERNAME)?);
    let senders = cells(columns::FROM)?;
    let accepted = messages.column(columns::ACCEPTED)?.bool()?;
    // Each sender is looked at once.
    let mut own: HashMap<u32, bool> = HashMap::new();
    let mut is_own = |from: u32| {
        let of_site = || site.is_own_address(Address(tables.strings.cell(Some(from))));
        *own.entry(from).or_insert_with(of_site)
    };
    let mut found = Vec::new();
    for row in 0..messages.height() {
        let Some(number) = numbers
            .get(row)
            .filter(|number| Some(*number) == roots.get(row))
        else {
            continue;
        };
        let by_client = origins.get(row) == Some(OriginKind::Smtpd as u32);
        if by_client
            && logins.get(row).is_none()
            && accepted.get(row) == Some(true)
            && (outside.contains(&number) || senders.get(row).is_some_and(&mut is_own))
        {
            found.push(number);
        }
    }
    Ok(found)
}

/// Submissions without a login that go to other hosts.
fn outside(tables: &Tables) -> Result<HashSet<u32>> {
    let deliveries = &tables.deliveries;
    let submissions = deliveries.column(columns::SUBMISSION)?.u32()?;
    let logins = deliveries.column(columns::SASL_USERNAME)?.u32()?;
    let is_local = deliveries.column(columns::IS_LOCAL)?.bool()?;
    let rows = 0..deliveries.height();
    let rows = rows.filter(|row| logins.get(*row).is_none() && is_local.get(*row) == Some(false));
    Ok(rows.filter_map(|row| submissions.get(row)).collect())
}

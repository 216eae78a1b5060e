//! Where the mail went: providers with what became of it, and why not.

use anyhow::Result;
use polars::prelude::*;

use super::TOP;
use crate::answer::{Document, Table};
use crate::knowledge::replies::ReplyClass;
use crate::mail::Status;
use crate::tables::{Tables, columns};

/// Adds the providers with most deliveries, and the reasons for what was not delivered.
pub(super) fn section(document: &mut Document, tables: &Tables) -> Result<()> {
    let with = |status: Status| col(columns::STATUS).eq(lit(status as u32)).sum();
    let most_first = || SortMultipleOptions::default().with_order_descending_multi([true, false]);
    let providers = tables
        .deliveries
        .clone()
        .lazy()
        .filter(col(columns::PROVIDER).is_not_null())
        .group_by([col(columns::PROVIDER)])
        .agg([
            len().alias("deliveries"),
            with(Status::Sent).alias("sent"),
            with(Status::Deferred).alias("deferred"),
            (with(Status::Bounced) + with(Status::Expired)).alias("bounced"),
        ])
        .sort(["deliveries", columns::PROVIDER], most_first())
        .collect()?;
    let names = ["deliveries", "sent", "deferred", "bounced"];
    let labels = providers.column(columns::PROVIDER)?.u32()?;
    let mut rows = Vec::new();
    for row in 0..providers.height().min(TOP) {
        let mut cells = vec![tables.strings.cell(labels.get(row)).to_owned()];
        for name in names {
            cells.push(providers.column(name)?.get(row)?.to_string());
        }
        rows.push(cells);
    }
    if !rows.is_empty() {
        document.section(format!(
            "Deliveries to other servers, by provider ({})",
            providers.height()
        ));
        document.table(Table {
            head: vec!["provider", "deliveries", "sent", "deferred", "bounced"],
            rows,
            numbers: (1..=names.len()).collect(),
        });
    }
    reasons(document, tables)
}

fn reasons(document: &mut Document, tables: &Tables) -> Result<()> {
    let undelivered = [Status::Deferred, Status::Bounced, Status::Expired];
    let is_undelivered = undelivered
        .into_iter()
        .map(|status| col(columns::STATUS).eq(lit(status as u32)))
        .reduce(Expr::or);
    let counts = tables
        .deliveries
        .clone()
        .lazy()
        .filter(is_undelivered.unwrap_or_else(|| lit(false)))
        .group_by([col(columns::STATUS), col(columns::REPLY)])
        .agg([len().alias("deliveries")])
        .sort(
            ["deliveries", columns::STATUS, columns::REPLY],
            SortMultipleOptions::default().with_order_descending_multi([true, false, false]),
        )
        .collect()?;
    let statuses = counts.column(columns::STATUS)?.u32()?;
    let replies = counts.column(columns::REPLY)?.u32()?;
    let mut rows = Vec::new();
    for row in 0..counts.height().min(TOP) {
        let status = Status::ALL[statuses.get(row).unwrap_or(0) as usize];
        let reply = ReplyClass::ALL[replies.get(row).unwrap_or(0) as usize];
        rows.push(vec![
            status.as_str().to_owned(),
            reply.as_words().to_owned(),
            counts.column("deliveries")?.get(row)?.to_string(),
        ]);
    }
    if !rows.is_empty() {
        document.heading("What was not delivered, and why");
        document.table(Table {
            head: vec!["status", "reason", "deliveries"],
            rows,
            numbers: vec![2],
        });
    }
    Ok(())
}

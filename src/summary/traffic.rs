//! The grand totals: messages by what became of them, and how much mail there was.

use anyhow::Result;
use polars::prelude::*;

use super::timeline;
use crate::answer::{Document, Table};
use crate::correlate::OriginKind;
use crate::mail::Status;
use crate::tables::{Tables, columns};

/// Adds the totals. A message that passed a content filter counts once.
pub(super) fn section(document: &mut Document, tables: &Tables) -> Result<()> {
    let is_submission = col(columns::MESSAGE).eq(col(columns::SUBMISSION));
    let submissions = tables
        .messages
        .clone()
        .lazy()
        .filter(is_submission.and(col(columns::ACCEPTED)))
        .select([
            len().alias("messages"),
            col(columns::SASL_USERNAME)
                .is_not_null()
                .sum()
                .alias("with_login"),
            col(columns::ORIGIN)
                .eq(lit(OriginKind::Pickup as u32))
                .sum()
                .alias("local"),
            col(columns::ORIGIN)
                .eq(lit(OriginKind::Bounce as u32))
                .sum()
                .alias("notifications"),
            col(columns::SIZE).sum().alias("bytes"),
        ])
        .collect()?;
    let queued = tables
        .messages
        .column(columns::STILL_QUEUED)?
        .bool()?
        .sum()
        .unwrap_or(0);
    let cell = |name: &str| -> Result<String> { Ok(submissions.column(name)?.get(0)?.to_string()) };
    let statuses = tables.deliveries.column(columns::STATUS)?.u32()?;
    let mut by_status = [0u64; Status::ALL.len()];
    for status in statuses.iter().flatten() {
        by_status[status as usize] += 1;
    }
    let mut rows = vec![
        vec!["messages accepted".to_owned(), cell("messages")?],
        vec!["  with a login".to_owned(), cell("with_login")?],
        vec!["  from this host (sendmail)".to_owned(), cell("local")?],
        vec![
            "  notifications made here".to_owned(),
            cell("notifications")?,
        ],
        vec!["bytes accepted".to_owned(), cell("bytes")?],
        vec!["queue IDs still waiting".to_owned(), queued.to_string()],
        vec!["deliveries".to_owned(), statuses.len().to_string()],
    ];
    for (status, count) in Status::ALL.iter().zip(by_status) {
        if count > 0 {
            rows.push(vec![format!("  {}", status.as_str()), count.to_string()]);
        }
    }
    document.section("Traffic");
    document.table(Table {
        head: vec!["", "count"],
        rows,
        numbers: vec![1],
    });
    document.chart(timeline::of_all(tables)?);
    Ok(())
}

//! SASL logins: who sent how much, from how many addresses, with what success.

use anyhow::Result;
use polars::prelude::*;

use super::TOP;
use crate::answer::{Document, Table};
use crate::mail::Status;
use crate::tables::{Tables, columns};

/// Adds the logins with most recipients.
pub(super) fn section(document: &mut Document, tables: &Tables) -> Result<()> {
    let has_login = col(columns::SASL_USERNAME).is_not_null();
    let is_submission = col(columns::MESSAGE).eq(col(columns::SUBMISSION));
    let messages = tables
        .messages
        .clone()
        .lazy()
        .filter(
            has_login
                .clone()
                .and(is_submission)
                .and(col(columns::ACCEPTED)),
        )
        .group_by([col(columns::SASL_USERNAME)])
        .agg([
            len().alias("messages"),
            col(columns::CLIENT_IP).n_unique().alias("addresses"),
            col(columns::FROM).n_unique().alias("senders"),
        ]);
    let with = |status: Status| col(columns::STATUS).eq(lit(status as u32)).sum();
    let deliveries = tables
        .deliveries
        .clone()
        .lazy()
        .filter(has_login)
        .group_by([col(columns::SASL_USERNAME)])
        .agg([
            col(columns::TO).n_unique().alias("recipients"),
            with(Status::Sent).alias("sent"),
            with(Status::Deferred).alias("deferred"),
            (with(Status::Bounced) + with(Status::Expired)).alias("bounced"),
        ]);
    let on = || [col(columns::SASL_USERNAME)];
    let by_recipients = SortMultipleOptions::default()
        .with_order_descending_multi([true, true, false])
        .with_nulls_last(true);
    let table = messages
        .join(deliveries, on(), on(), JoinArgs::new(JoinType::Left))
        .sort(
            ["recipients", "messages", columns::SASL_USERNAME],
            by_recipients,
        )
        .collect()?;
    if table.height() == 0 {
        return Ok(());
    }
    let names = [
        "messages",
        "recipients",
        "sent",
        "deferred",
        "bounced",
        "addresses",
        "senders",
    ];
    let logins = table.column(columns::SASL_USERNAME)?.u32()?;
    let mut rows = Vec::new();
    for row in 0..table.height().min(TOP) {
        let mut cells = vec![tables.strings.cell(logins.get(row)).to_owned()];
        for name in names {
            let count = table.column(name)?.cast(&DataType::Int64)?;
            cells.push(count.i64()?.get(row).unwrap_or(0).to_string());
        }
        rows.push(cells);
    }
    document.section(format!("SASL logins ({})", table.height()));
    document.table(Table {
        head: vec![
            "login", "msgs", "rcpts", "sent", "defer", "bounce", "IPs", "from",
        ],
        rows,
        numbers: (1..=names.len()).collect(),
    });
    Ok(())
}

//! What was refused at the door, by kind of reason.

use anyhow::Result;
use polars::prelude::*;

use crate::answer::{Document, Table};
use crate::event::RejectClass;
use crate::tables::{Tables, columns};

/// Adds the refusals, and the logins that failed.
pub(super) fn section(document: &mut Document, tables: &Tables) -> Result<()> {
    let counts = tables
        .rejections
        .clone()
        .lazy()
        .filter(col(columns::IS_WARNING).not())
        .group_by([col(columns::CLASS)])
        .agg([
            col(columns::TIMES).sum().alias("times"),
            col(columns::CLIENT_IP).n_unique().alias("addresses"),
        ])
        .sort(
            ["times", columns::CLASS],
            SortMultipleOptions::default().with_order_descending_multi([true, false]),
        )
        .collect()?;
    let classes = counts.column(columns::CLASS)?.u32()?;
    let mut rows = Vec::new();
    for row in 0..counts.height() {
        let class = RejectClass::ALL[classes.get(row).unwrap_or(0) as usize];
        let count =
            |name: &str| -> Result<String> { Ok(counts.column(name)?.get(row)?.to_string()) };
        rows.push(vec![
            class.as_words().to_owned(),
            count("times")?,
            count("addresses")?,
        ]);
    }
    let failed = tables
        .logins
        .clone()
        .lazy()
        .filter(col(columns::SUCCEEDED).not())
        .select([
            col(columns::TIMES).sum().alias("times"),
            col(columns::CLIENT_IP).n_unique().alias("addresses"),
        ])
        .collect()?;
    let n_failed = failed.column("times")?.get(0)?.to_string();
    if n_failed != "0" {
        let addresses = failed.column("addresses")?.get(0)?.to_string();
        rows.push(vec!["login failed".to_owned(), n_failed, addresses]);
    }
    if !rows.is_empty() {
        document.section("Refused");
        document.table(Table {
            head: vec!["reason", "times", "addresses"],
            rows,
            numbers: vec![1, 2],
        });
    }
    Ok(())
}

//! The table of refusals, by whichever restriction, list, check or milter.

use anyhow::Result;
use polars::prelude::*;

use super::{columns, flags, numbers, symbols, wide_numbers};
use crate::correlate::RejectionSeen;

pub(super) fn table(rejections: &[RejectionSeen]) -> Result<DataFrame> {
    let each = || rejections.iter();
    let offsets: Vec<i32> = each()
        .map(|seen| i32::from(seen.timestamp.offset_minutes))
        .collect();
    let table = DataFrame::new(
        rejections.len(),
        vec![
            wide_numbers(columns::TIMESTAMP, each().map(|seen| seen.timestamp.micros)),
            Column::new(columns::OFFSET_MINUTES.into(), offsets),
            numbers(
                columns::DIGITS,
                each().map(|seen| u32::from(seen.timestamp.digits)),
            ),
            symbols(columns::PROGRAM, each().map(|seen| Some(seen.program))),
            symbols(columns::CLIENT_NAME, each().map(|seen| seen.client_name)),
            symbols(columns::CLIENT_IP, each().map(|seen| seen.client_ip)),
            symbols(
                columns::SASL_USERNAME,
                each().map(|seen| seen.sasl_username),
            ),
            numbers(columns::CLASS, each().map(|seen| seen.class as u32)),
            numbers(
                columns::REPLY_CODE,
                each().map(|seen| u32::from(seen.reply_code)),
            ),
            flags(columns::IS_WARNING, each().map(|seen| seen.is_warning)),
            symbols(columns::DNSBL, each().map(|seen| seen.dnsbl)),
            symbols(columns::FROM, each().map(|seen| seen.from)),
            symbols(columns::TO, each().map(|seen| seen.to)),
            symbols(columns::HELO, each().map(|seen| seen.helo)),
            numbers(columns::TIMES, each().map(|seen| seen.n_times)),
            numbers(columns::FILE, each().map(|seen| seen.at.file)),
            numbers(columns::LINE, each().map(|seen| seen.at.line)),
        ],
    )?;
    Ok(table)
}

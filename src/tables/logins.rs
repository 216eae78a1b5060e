//! The table of logins, successful or not, over SMTP, IMAP, POP3 and the rest.

use anyhow::Result;
use polars::prelude::*;

use super::{columns, flags, numbers, symbols, wide_numbers};
use crate::correlate::LoginSeen;

pub(super) fn table(logins: &[LoginSeen]) -> Result<DataFrame> {
    let each = || logins.iter();
    let table = DataFrame::new(
        logins.len(),
        vec![
            wide_numbers(
                columns::TIMESTAMP,
                each().map(|login| login.timestamp.micros),
            ),
            symbols(
                columns::SASL_USERNAME,
                each().map(|login| login.sasl_username),
            ),
            symbols(columns::CLIENT_IP, each().map(|login| login.client_ip)),
            symbols(columns::PROTOCOL, each().map(|login| Some(login.protocol))),
            symbols(columns::SASL_METHOD, each().map(|login| login.sasl_method)),
            flags(columns::SUCCEEDED, each().map(|login| login.succeeded)),
            flags(columns::OWN_FAULT, each().map(|login| login.own_fault)),
            numbers(columns::TIMES, each().map(|login| login.n_times)),
            numbers(columns::FILE, each().map(|login| login.at.file)),
            numbers(columns::LINE, each().map(|login| login.at.line)),
        ],
    )?;
    Ok(table)
}

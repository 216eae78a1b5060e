//! The table of logins, successful or not, over SMTP, IMAP, POP3 and the rest.

use anyhow::Result;
use hashbrown::HashMap;
use polars::prelude::*;

use super::{columns, flags, numbers, symbols, wide_numbers};
use crate::correlate::{LoginSeen, Strings, Symbol};

/// dovecot(1) judges a password at once, and the SMTP or IMAP server tells of it after a pause.
const PAUSE_MICROS: i64 = 60 * 1_000_000;

pub(super) fn table(mut logins: Vec<LoginSeen>, strings: &Strings) -> Result<DataFrame> {
    count_once(&mut logins, strings);
    let each = || logins.iter();
    let offsets: Vec<i32> = each()
        .map(|login| i32::from(login.timestamp.offset_minutes))
        .collect();
    let table = DataFrame::new(
        logins.len(),
        vec![
            wide_numbers(
                columns::TIMESTAMP,
                each().map(|login| login.timestamp.micros),
            ),
            Column::new(columns::OFFSET_MINUTES.into(), offsets),
            numbers(
                columns::DIGITS,
                each().map(|login| u32::from(login.timestamp.digits)),
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

/// One wrong password can have two lines: `auth: passwd-file(user,ip): Password mismatch` of Dovecot's
/// authentication server, and the refusal of the server that asked it. The latter is what was tried.
fn count_once(logins: &mut Vec<LoginSeen>, strings: &Strings) {
    let Some(judge) = strings.find("auth") else {
        return;
    };
    let mut judged: HashMap<Symbol, Vec<usize>> = HashMap::new();
    for index in 0..logins.len() {
        let login = logins[index];
        let Some(client_ip) = login.client_ip.filter(|_| !login.succeeded) else {
            continue;
        };
        let waiting = judged.entry(client_ip).or_default();
        if login.protocol == judge {
            waiting.push(index);
            continue;
        }
        waiting.retain(|at| login.timestamp.micros - logins[*at].timestamp.micros <= PAUSE_MICROS);
        for _ in 0..login
            .n_times
            .min(u32::try_from(waiting.len()).unwrap_or(u32::MAX))
        {
            let at = waiting.remove(0);
            logins[at].n_times = 0;
            logins[index].sasl_username = login.sasl_username.or(logins[at].sasl_username);
        }
    }
    logins.retain(|login| login.n_times > 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{LineRef, Timestamp};

    #[test]
    fn a_wrong_password_counts_once() {
        let mut strings = Strings::default();
        let ip = strings.intern("192.0.2.1");
        let name = strings.intern("test");
        let mut failed = |seconds: i64, protocol: &str, named: bool, n_times: u32| LoginSeen {
            timestamp: Timestamp {
                micros: seconds * 1_000_000,
                ..Timestamp::default()
            },
            at: LineRef::default(),
            sasl_username: named.then_some(name),
            client_ip: Some(ip),
            protocol: strings.intern(protocol),
            sasl_method: None,
            succeeded: false,
            own_fault: false,
            n_times,
        };
        let mut logins = vec![
            failed(0, "auth", true, 1),
            failed(2, "smtp", false, 1),
            failed(100, "auth", true, 1),
            failed(105, "auth", true, 1),
            failed(110, "imap", true, 2),
            // Nobody asked on behalf of this one, as far as the log tells.
            failed(200, "auth", true, 1),
            failed(300, "smtp", false, 1),
        ];
        count_once(&mut logins, &strings);
        let left: Vec<_> = logins
            .iter()
            .map(|login| {
                (
                    login.timestamp.seconds(),
                    login.n_times,
                    login.sasl_username,
                )
            })
            .collect();
        let expected = [
            (2, 1, Some(name)),
            (110, 2, Some(name)),
            (200, 1, Some(name)),
            (300, 1, None),
        ];
        assert_eq!(left, expected);
    }
}

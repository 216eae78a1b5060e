//! What is known of clients besides mail and logins: AUTH refused unjudged, and what block lists say of them.

use hashbrown::HashMap;

use super::session::{Session, SessionKey};
use super::{Correlator, ListingKind, ListingSeen, ProbeSeen, Symbol};
use crate::event::Disconnect;
use crate::mail::Client;
use crate::parse::dnsbl;
use crate::read::Record;

/// Lines of one hour that say the same of one client are one row.
const HOUR_MICROS: i64 = 3600 * 1_000_000;

/// The rows of the hour at hand.
#[derive(Default)]
pub(super) struct Listings {
    hour: i64,
    rows: HashMap<(ListingKind, Option<Symbol>, Option<Symbol>), usize>,
}

impl Correlator {
    /// One guess of this connection was judged and told.
    pub(super) fn failed_in_session(&mut self, key: SessionKey, n_times: u32) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.n_failures = session.n_failures.saturating_add(n_times);
        }
    }

    /// `lost connection after AUTH`: before Postfix 3.0 there are no counters, and this is all that tells.
    pub(super) fn lost_in_auth(&mut self, key: SessionKey) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.lost_in_auth = true;
        }
    }

    /// `disconnect from … auth=0/3` without a line about a wrong password: AUTH is not offered, or not without
    /// TLS, or too fast, or the client did not wait for the answer.
    pub(super) fn probe(&mut self, record: &Record<'_>, found: &Disconnect<'_>, of: &Session) {
        let (accepted, tried) = found.auth;
        let refused = tried
            .saturating_sub(accepted)
            .max(u32::from(of.lost_in_auth));
        let n_times = refused.saturating_sub(of.n_failures);
        if of.is_whole && n_times > 0 {
            let strings = &mut self.told.strings;
            self.told.probes.push(ProbeSeen {
                timestamp: record.timestamp,
                at: record.at,
                client_ip: found.client.ip.map(|ip| strings.intern(ip)),
                n_times: n_times.saturating_mul(record.repeated),
            });
        }
    }

    /// postscreen(8) and dnsblog(8): who came, and which lists name him.
    pub(super) fn screening(
        &mut self,
        record: &Record<'_>,
        client: &Client<'_>,
        what: &str,
        detail: &str,
    ) {
        match what {
            "listed" => {
                if let Some((list, answer)) = dnsbl::listed(detail) {
                    // 127.255.255.0/24 is how lists tell that they do not serve this resolver.
                    let kind = match answer.starts_with("127.255.255.") {
                        true => ListingKind::Refused,
                        false => ListingKind::Listed,
                    };
                    self.listing(record, kind, client.ip, Some(list));
                }
            }
            // tlsproxy(8) says the same without the server's address.
            "CONNECT" if detail.starts_with("from ") => {
                self.listing(record, ListingKind::Came, client.ip, None);
            }
            _ => {}
        }
    }

    /// A list that did not answer.
    pub(super) fn failed_lookup(&mut self, record: &Record<'_>, text: &str) {
        if let Some(list) = dnsbl::failed_lookup(text) {
            self.listing(record, ListingKind::Failed, None, Some(list));
        }
    }

    fn listing(
        &mut self,
        record: &Record<'_>,
        kind: ListingKind,
        client_ip: Option<&str>,
        dnsbl: Option<&str>,
    ) {
        let strings = &mut self.told.strings;
        let client_ip = client_ip.map(|ip| strings.intern(ip));
        let dnsbl = dnsbl.map(|list| strings.intern(&list.to_ascii_lowercase()));
        let hour = record.timestamp.micros.div_euclid(HOUR_MICROS);
        if hour != self.listings.hour {
            self.listings.rows.clear();
            self.listings.hour = hour;
        }
        let rows = &mut self.told.listings;
        let key = (kind, client_ip, dnsbl);
        // A failure names no client: each is a lookup of its own.
        let index = match kind {
            ListingKind::Failed => rows.len(),
            ListingKind::Came | ListingKind::Listed | ListingKind::Refused => {
                *self.listings.rows.entry(key).or_insert(rows.len())
            }
        };
        match rows.get_mut(index) {
            Some(row) => row.n_times = row.n_times.saturating_add(record.repeated),
            None => rows.push(ListingSeen {
                timestamp: record.timestamp,
                at: record.at,
                kind,
                client_ip,
                dnsbl,
                n_times: record.repeated,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::Told;
    use crate::mail::{LineRef, Timestamp};

    /// Lines of one process, a second apart.
    fn told(program: &str, lines: &[&str]) -> Told {
        let mut correlator = Correlator::new(false);
        for (number, text) in (1..).zip(lines) {
            correlator.observe(&Record {
                at: LineRef {
                    file: 0,
                    line: number,
                },
                timestamp: Timestamp {
                    micros: i64::from(number) * 1_000_000,
                    ..Timestamp::default()
                },
                has_stamp: true,
                host: "mx",
                program,
                pid: Some(7),
                text,
                event: &crate::parse::event(program, text),
                repeated: 1,
                is_lossy: false,
                of_several_hosts: false,
            });
        }
        correlator.finish().1
    }

    #[test]
    fn a_wrong_password_that_is_told_is_no_probe() {
        let connect = "connect from h[192.0.2.1]";
        let failure =
            "warning: h[192.0.2.1]: SASL LOGIN authentication failed: authentication failure";
        let lost = "lost connection after AUTH from h[192.0.2.1]";
        let check = |lines: &[&str], wanted: &[u32]| {
            let told = told("postfix/smtpd", lines);
            let times: Vec<u32> = told.probes.iter().map(|probe| probe.n_times).collect();
            assert_eq!(times, wanted, "{lines:?}");
        };
        let counted = "disconnect from h[192.0.2.1] ehlo=1 auth=0/2 commands=1/3";
        check(&[connect, counted], &[2]);
        check(&[connect, failure, counted], &[1]);
        check(&[connect, failure, failure, counted], &[]);
        // The log begins in the middle: lines may be missing.
        check(&[counted], &[]);
        let uncounted = "disconnect from h[192.0.2.1]";
        check(&[connect, lost, uncounted], &[1]);
        check(&[connect, failure, lost, uncounted], &[]);
        check(&[connect, lost, counted], &[2]);
        check(&[connect, uncounted], &[]);
    }

    #[test]
    fn what_lists_say_is_one_row_an_hour() {
        let listed = "addr 192.0.2.1 listed by domain bl.example.org as 127.0.0.3";
        let refused = "addr 192.0.2.1 listed by domain bl.example.org as 127.255.255.254";
        let told = told("postfix/dnsblog", &[listed, refused, listed]);
        let rows: Vec<_> = told.listings.iter().map(|l| (l.kind, l.n_times)).collect();
        assert_eq!(rows, [(ListingKind::Listed, 2), (ListingKind::Refused, 1)]);
    }
}

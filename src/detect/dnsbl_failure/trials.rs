//! Who from outside was named by a block list, and who got past all of them.

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use polars::prelude::*;

use crate::correlate::{ListingKind, OriginKind, Symbol};
use crate::detect::Context;
use crate::detect::refusals;
use crate::detect::rows::{line_of, moment_of};
use crate::detect::submissions::ip_of;
use crate::event::RejectClass;
use crate::knowledge::places::Network;
use crate::knowledge::providers::registrable_domain;
use crate::mail::{LineRef, Timestamp};
use crate::tables::columns;

const HOUR_MICROS: i64 = 3_600_000_000;

/// Domains whose hosts send other people's mail and do nothing else: no customer's telephone is among them.
const LARGE_SENDERS: &[&str] = &[
    "google.com",
    "outlook.com",
    "yahoo.com",
    "gmx.net",
    "apple.com",
    "amazonses.com",
    "sendgrid.net",
    "mailgun.net",
    "mcsv.net",
    "rsgsv.net",
    "mcdlv.net",
    "mtasv.net",
    "sparkpostmail.com",
    "linkedin.com",
    "facebook.com",
    "github.com",
    "paypal.com",
    "ebay.com",
    "amazon.com",
    "booking.com",
];

/// A sender as other servers know it: its domain, or its network where the log has no name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Sender {
    Domain(String),
    Net(Network),
    Masked(Symbol),
}

/// Why a client is not just any stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Stranger,
    /// It delivered mail here before.
    Known,
    Large,
    /// Somebody logs in from there.
    OwnUser,
}

/// A client that a list named.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) seen: Timestamp,
    pub(super) at: LineRef,
    pub(super) client_ip: Symbol,
    pub(super) sender: Sender,
    pub(super) standing: Standing,
    pub(super) from: Option<Symbol>,
    pub(super) to: Option<Symbol>,
    pub(super) n_times: u64,
    /// Its mail was refused for it; else dnsblog(8) only heard the answer.
    pub(super) is_refused: bool,
    /// The answer was that the list does not serve this resolver.
    pub(super) is_error_code: bool,
}

/// A client that handed in mail from outside, without a login.
#[derive(Debug, Clone)]
pub(super) struct Passed {
    pub(super) micros: i64,
    pub(super) client_ip: Symbol,
    pub(super) sender: Sender,
}

/// A list that was asked.
#[derive(Default)]
pub(super) struct List {
    /// In log order.
    pub(super) named: Vec<Named>,
    /// Lookups that failed: moment, line, how often.
    pub(super) failed: Vec<(Timestamp, LineRef, u64)>,
}

/// All lists, and who passed them.
#[derive(Default)]
pub(super) struct Trials {
    pub(super) lists: Vec<(String, List)>,
    /// In log order.
    pub(super) passed: Vec<Passed>,
}

impl Trials {
    /// # Errors
    /// When a table lacks a column, which is a fault of this program.
    pub(super) fn read(context: &Context<'_>) -> Result<Self> {
        let is_dnsbl = col(columns::CLASS).eq(lit(RejectClass::Dnsbl as u32));
        let wanted = is_dnsbl.and(col(columns::IS_WARNING).not());
        let refusals = refusals::read(context.tables, wanted)?;
        // Where no list was asked, nobody's mail is to be compared with its answers.
        if refusals.is_empty() && context.tables.listings.height() == 0 {
            return Ok(Self::default());
        }
        let passed = passed(context)?;
        let standings = Standings::new(context, &passed);
        let mut lists: HashMap<String, List> = HashMap::new();
        for refusal in refusals {
            let (Some(list), Some(client_ip)) = (refusal.dnsbl, refusal.client_ip) else {
                continue;
            };
            let (sender, standing) =
                standings.of(context, client_ip, refusal.client_name, refusal.seen.micros);
            let list = context.tables.strings.get(list).to_ascii_lowercase();
            lists.entry(list).or_default().named.push(Named {
                seen: refusal.seen,
                at: refusal.at,
                client_ip,
                sender,
                standing,
                from: refusal.from,
                to: refusal.to,
                n_times: refusal.n_times,
                is_refused: true,
                is_error_code: false,
            });
        }
        read_listings(context, &standings, &mut lists)?;
        let mut lists: Vec<_> = lists.into_iter().collect();
        lists.sort_by(|a, b| a.0.cmp(&b.0));
        for (_, list) in &mut lists {
            list.named
                .sort_by_key(|named| (named.seen.micros, named.at));
        }
        Ok(Self { lists, passed })
    }
}

fn passed(context: &Context<'_>) -> Result<Vec<Passed>> {
    let from_outside = col(columns::ORIGIN)
        .eq(lit(OriginKind::Smtpd as u32))
        .and(col(columns::SASL_USERNAME).is_null())
        .and(col(columns::CLIENT_IP).is_not_null());
    let messages = &context.tables.messages;
    let seen = [
        columns::FIRST_SEEN,
        columns::CLIENT_IP,
        columns::CLIENT_NAME,
    ];
    let table = messages
        .clone()
        .lazy()
        .filter(from_outside)
        .select(seen.map(col))
        .collect()?;
    let moments = table.column(columns::FIRST_SEEN)?.i64()?;
    let ips = table.column(columns::CLIENT_IP)?.u32()?;
    let names = table.column(columns::CLIENT_NAME)?.u32()?;
    let mut passed: Vec<Passed> = Vec::new();
    for row in 0..table.height() {
        let Some(client_ip) = ips.get(row).and_then(Symbol::from_u32) else {
            continue;
        };
        let ip = ip_of(&context.tables.strings, Some(client_ip));
        if ip.is_none_or(|ip| !context.site.is_own_client(ip)) {
            let name = names.get(row).and_then(Symbol::from_u32);
            passed.push(Passed {
                micros: moments.get(row).unwrap_or(0),
                client_ip,
                sender: sender(context, client_ip, name),
            });
        }
    }
    passed.sort_by_key(|passed| passed.micros);
    Ok(passed)
}

fn sender(context: &Context<'_>, client_ip: Symbol, name: Option<Symbol>) -> Sender {
    let strings = &context.tables.strings;
    let host = name.map(|name| strings.get(name).to_ascii_lowercase());
    if let Some(domain) = host.as_deref().and_then(registrable_domain) {
        return Sender::Domain(domain.to_owned());
    }
    match ip_of(strings, Some(client_ip)) {
        Some(ip) => Sender::Net(Network::of(ip)),
        None => Sender::Masked(client_ip),
    }
}

/// What is known of clients.
struct Standings {
    /// First mail of each sender, and of each network.
    first_mail: HashMap<Sender, i64>,
    login_ips: HashSet<Symbol>,
}

impl Standings {
    fn new(context: &Context<'_>, passed: &[Passed]) -> Self {
        let mut first_mail = HashMap::new();
        for mail in passed {
            let network = sender(context, mail.client_ip, None);
            for sender in [mail.sender.clone(), network] {
                first_mail.entry(sender).or_insert(mail.micros);
            }
        }
        let logins = context.passwords.iter().filter(|tried| tried.succeeded);
        Self {
            first_mail,
            login_ips: logins.filter_map(|login| login.client_ip).collect(),
        }
    }

    fn of(
        &self,
        context: &Context<'_>,
        client_ip: Symbol,
        name: Option<Symbol>,
        micros: i64,
    ) -> (Sender, Standing) {
        let found = sender(context, client_ip, name);
        let network = sender(context, client_ip, None);
        let is_large =
            matches!(&found, Sender::Domain(domain) if LARGE_SENDERS.contains(&domain.as_str()));
        let delivered = [&found, &network].into_iter().any(|sender| {
            self.first_mail
                .get(sender)
                .is_some_and(|first| *first < micros)
        });
        let standing = if self.login_ips.contains(&client_ip) {
            Standing::OwnUser
        } else if is_large {
            Standing::Large
        } else if delivered {
            Standing::Known
        } else {
            Standing::Stranger
        };
        (found, standing)
    }
}

/// What dnsblog(8) heard, and lookups that failed.
fn read_listings(
    context: &Context<'_>,
    standings: &Standings,
    lists: &mut HashMap<String, List>,
) -> Result<()> {
    let table = &context.tables.listings;
    let moments = moment_of(table, columns::TIMESTAMP)?;
    let lines = line_of(table)?;
    let kinds = table.column(columns::KIND)?.u32()?;
    let ips = table.column(columns::CLIENT_IP)?.u32()?;
    let names = table.column(columns::DNSBL)?.u32()?;
    let times = table.column(columns::TIMES)?.u32()?;
    for row in 0..table.height() {
        let Some(name) = names.get(row).and_then(Symbol::from_u32) else {
            continue;
        };
        let list = lists.entry(context.tables.strings.get(name).to_owned());
        let list = list.or_default();
        let kind = ListingKind::ALL[kinds.get(row).unwrap_or(0) as usize];
        let (seen, at) = (moments(row), lines(row));
        let n_times = u64::from(times.get(row).unwrap_or(1));
        match (kind, ips.get(row).and_then(Symbol::from_u32)) {
            (ListingKind::Failed, _) => list.failed.push((seen, at, n_times)),
            (ListingKind::Listed | ListingKind::Refused, Some(client_ip)) => {
                let (sender, standing) = standings.of(context, client_ip, None, seen.micros);
                list.named.push(Named {
                    seen,
                    at,
                    client_ip,
                    sender,
                    standing,
                    from: None,
                    to: None,
                    n_times,
                    is_refused: false,
                    is_error_code: kind == ListingKind::Refused,
                });
            }
            (ListingKind::Listed | ListingKind::Refused | ListingKind::Came, _) => {}
        }
    }
    Ok(())
}

/// The hour of a moment: the same client counts once in it, however often it comes back.
pub(super) fn hour(micros: i64) -> i64 {
    micros.div_euclid(HOUR_MICROS)
}

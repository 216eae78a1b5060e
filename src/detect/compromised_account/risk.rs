//! Every login with what it did and what speaks for misuse, also where that is too little for a finding.

use hashbrown::HashMap;
use serde::Serialize;

use super::account::Account;
use super::misuse::{self, Misuse};
use super::neighbourhood::Neighbourhood;
use super::{DETECTOR, claim, logins, signals};
use crate::correlate::Symbol;
use crate::detect::submissions::Submission;
use crate::detect::{Context, counting, score};
use crate::finding::{ClientSeen, Counts, Level, Mitigation, Signal};
use crate::mail::Timestamp;

/// A login without a finding stands below all that have one.
const MOST_WITHOUT_FINDING: f64 = score::SAY - 0.01;
/// Envelope senders named; all are counted.
const N_SENDERS: usize = 20;

/// A login that succeeded at least once. The shape of the JSON is the contract's, as far as it says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccountSeen {
    pub sasl_username: String,
    /// `None` where no detector has a finding about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// 0 to 1, and below all findings where there is none.
    pub score: f64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// As in a finding's `totals`; `auth_failures` are wrong passwords for this login from anywhere.
    pub counts: Counts,
    /// Wrong passwords among all tries.
    pub auth_failure_share: f64,
    /// Deliveries refused, bounced or stuck, and those bounced or expired.
    pub undelivered_share: f64,
    pub bounce_share: f64,
    pub countries: Vec<String>,
    /// Those with most messages first.
    pub envelope_senders: Vec<String>,
    pub clients: Vec<ClientSeen>,
    pub signals: Vec<Signal>,
    pub mitigations: Vec<Mitigation>,
    /// Ids of the findings about it.
    pub findings: Vec<String>,
}

/// All logins by name, judged as the detector judges them.
pub(in crate::detect) fn accounts(context: &Context<'_>) -> anyhow::Result<Vec<AccountSeen>> {
    let neighbourhood = Neighbourhood::new(context)?;
    let failures = failures_by_name(context);
    let logins = logins(context, &neighbourhood);
    let seen = logins.into_iter().map(|(login, submissions)| {
        let account = Account::new(context, &neighbourhood, login, submissions);
        let name = account.name.to_ascii_lowercase();
        seen(&account, failures.get(&name).copied().unwrap_or(0))
    });
    Ok(seen.collect())
}

fn failures_by_name(context: &Context<'_>) -> HashMap<String, u64> {
    let mut failures = HashMap::new();
    let failed = context.passwords.iter();
    for tried in failed.filter(|tried| !tried.succeeded && !tried.own_fault) {
        if let Some(login) = tried.sasl_username {
            let name = context.tables.strings.get(login).to_ascii_lowercase();
            *failures.entry(name).or_default() += u64::from(tried.n_times);
        }
    }
    failures
}

fn seen(account: &Account<'_>, n_failures: u64) -> AccountSeen {
    let whole = misuse::everything(account);
    let (first_seen, last_seen) = whole.span();
    let counts = Counts {
        auth_failures: Some(n_failures),
        ..claim::totals(account)
    };
    let n = |count: Option<u64>| count.unwrap_or(0);
    let bounced = n(counts.bounced) + n(counts.expired);
    let clients = clients(account, &whole);
    let mut countries: Vec<String> = clients.iter().filter_map(|c| c.country.clone()).collect();
    countries.sort_unstable();
    countries.dedup();
    let risk = risk(account);
    AccountSeen {
        sasl_username: account.name.to_owned(),
        level: risk.level,
        score: risk.score,
        first_seen,
        last_seen,
        auth_failure_share: share(n_failures, n_failures + n(counts.logins)),
        undelivered_share: share(bounced + n(counts.deferred), n(counts.deliveries)),
        bounce_share: share(bounced, n(counts.deliveries)),
        counts,
        countries,
        envelope_senders: senders(account),
        clients,
        signals: risk.signals,
        mitigations: risk.mitigations,
        findings: Vec::new(),
    }
}

/// In hundredths, as people read it.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    (part as f64 / whole as f64 * 100.0).round() / 100.0
}

fn clients(account: &Account<'_>, whole: &Misuse<'_>) -> Vec<ClientSeen> {
    let sent = whole.submissions.iter();
    let sent = sent.filter_map(|s: &&Submission| Some((s.client_ip?, s.seen, 1)));
    let opened = whole.logins.iter();
    let opened = opened.filter_map(|login| Some((login.client_ip?, login.seen, 0)));
    counting::clients(account.context, sent.chain(opened))
}

fn senders(account: &Account<'_>) -> Vec<String> {
    let mut counts: HashMap<Symbol, usize> = HashMap::new();
    for from in account.submissions.iter().filter_map(|s| s.from) {
        *counts.entry(from).or_default() += 1;
    }
    let counts = counts.into_iter();
    let mut senders: Vec<(&str, usize)> = counts
        .map(|(from, n)| (account.strings().get(from), n))
        .collect();
    senders.sort_unstable_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
    let senders = senders.into_iter().take(N_SENDERS);
    senders.map(|(sender, _)| sender.to_owned()).collect()
}

/// What speaks for misuse of a login.
struct Risk {
    level: Option<Level>,
    score: f64,
    signals: Vec<Signal>,
    mitigations: Vec<Mitigation>,
}

/// The worst of its incidents; where there is none, what is unusual about its use away from home.
fn risk(account: &Account<'_>) -> Risk {
    let incidents = misuse::incidents(account);
    let risks = incidents.iter().map(|misuse| weigh(account, misuse));
    let worst = risks.max_by(|a, b| a.score.total_cmp(&b.score));
    worst.unwrap_or_else(|| {
        let mut risk = weigh(account, &misuse::elsewhere(account));
        risk.level = None;
        risk.score = risk.score.min(MOST_WITHOUT_FINDING);
        risk
    })
}

fn weigh(account: &Account<'_>, misuse: &Misuse<'_>) -> Risk {
    let mut signals = signals::signals(account, misuse, None);
    let mitigations = signals::mitigations(account, misuse);
    signals.retain(|signal| signal.weight > 0.0);
    let judged = DETECTOR.judge(signals.clone(), mitigations.clone(), false);
    let score = score::score(&signals, &mitigations);
    match judged {
        Some(judged) => Risk {
            level: Some(judged.level),
            score,
            signals,
            mitigations,
        },
        None => Risk {
            level: None,
            score: score.min(MOST_WITHOUT_FINDING),
            signals,
            mitigations,
        },
    }
}

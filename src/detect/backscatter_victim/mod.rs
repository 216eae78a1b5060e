//! Is somebody here flooded with bounces for mail that this server never sent?

mod contacted;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use polars::prelude::*;
use serde_json::json;

use super::notices::{Notice, is_daemon};
use super::submissions::ip_of;
use super::{Context, Detector, SignalKind, Threshold, counting, refusals};
use crate::correlate::Symbol;
use crate::event::RejectClass;
use crate::finding::{Action, Counts, Evidence, Finding, LOGS, Mitigation, Signal, SubjectKind};
use crate::knowledge::places::Network;
use crate::mail::{Address, LineRef, Timestamp};
use crate::tables::columns;
use contacted::Contacted;

const MIN_NOTICES: Threshold = Threshold {
    name: "min-notices",
    value: 50.0,
    meaning: "notifications from outside to one address (or refused for one domain) within 24 hours",
};
const MIN_NETWORKS: Threshold = Threshold {
    name: "min-networks",
    value: 10.0,
    meaning: "different networks (/24 or /48) that they come from",
};
const TRICKLE_PER_WEEK: Threshold = Threshold {
    name: "trickle-per-week",
    value: 30.0,
    meaning: "notifications to one address within seven days that are no flood, and yet more than own mail brings home",
};
const TRICKLE_NETWORKS: Threshold = Threshold {
    name: "trickle-networks",
    value: 20.0,
    meaning: "different networks that such a trickle comes from",
};
const EXPLAINED_SHARE: Threshold = Threshold {
    name: "explained-share",
    value: 0.3,
    meaning: "share of them that answers mail which this address did send to those servers",
};
const DAY_MICROS: i64 = 24 * 3_600_000_000;
/// Lines quoted: the first ones, and the last.
const N_LINES: usize = 5;

/// The detector and its manual.
pub(super) const DETECTOR: Detector = Detector {
    id: "backscatter-victim",
    question: "Is somebody here flooded with bounces for mail that this server never sent?",
    subject: "address",
    signals: &[
        SignalKind {
            name: "notices",
            group: "flood",
            weight: 0.6,
            meaning: "many notifications from outside within a day",
        },
        SignalKind {
            name: "many-servers",
            group: "origin",
            weight: 0.5,
            meaning: "they come from many unrelated servers",
        },
        SignalKind {
            name: "trickle",
            group: "flood",
            weight: 0.25,
            meaning: "a few notifications from outside every day, for days",
        },
        SignalKind {
            name: "servers-over-days",
            group: "origin",
            weight: 0.25,
            meaning: "they come from many unrelated servers, to which the address sent nothing",
        },
        SignalKind {
            name: "no-submission",
            group: "lineage",
            weight: 0.4,
            meaning: "the address sent no mail through this server to those who return it",
        },
        SignalKind {
            name: "invented-recipients",
            group: "recipients",
            weight: 0.4,
            meaning: "they are for addresses of the domain that do not exist",
        },
    ],
    thresholds: &[
        MIN_NOTICES,
        MIN_NETWORKS,
        TRICKLE_PER_WEEK,
        TRICKLE_NETWORKS,
        EXPLAINED_SHARE,
    ],
    false_positives: "A mailing list or newsletter gets its bounces back from many servers: those that answer mail \
        which the address did send are counted apart. Bounces of mail that a stolen account sent belong to that \
        account's finding. Mail that was sent before the log begins, or past this server, cannot be seen.",
    remedies: "Nothing was stolen here; the forger uses another server. Publish SPF, DKIM and DMARC with a reject \
        policy so that receivers refuse instead of bouncing; refuse notifications that carry no tag of ours \
        (BATV, prvs=); refuse unknown recipients in the SMTP dialogue; for the time of the flood, limit or hold \
        null-sender mail to the address.",
    detect,
};

/// A flood against one address or one domain.
struct Flood {
    kind: SubjectKind,
    name: String,
    /// In log order.
    notices: Vec<Hit>,
    explained: usize,
    /// Distinct addresses refused, for a flood against a domain.
    n_invented: usize,
}

/// A notification delivered or refused.
#[derive(Clone)]
struct Hit {
    seen: Timestamp,
    client_ip: Option<Symbol>,
    line: LineRef,
    queue_id: Option<String>,
    n_times: u64,
}

fn detect(context: &Context<'_>) -> Result<Vec<Finding>> {
    let contacted = Contacted::read(context)?;
    let mut floods = delivered(context, &contacted);
    floods.extend(refused(context)?);
    floods.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(floods
        .iter()
        .filter_map(|flood| judge(context, flood))
        .collect())
}

/// Floods that reached a mailbox.
fn delivered(context: &Context<'_>, contacted: &Contacted) -> Vec<Flood> {
    let strings = &context.tables.strings;
    let mut by_mailbox: HashMap<Symbol, Vec<&Notice>> = HashMap::new();
    for notice in context.notices.iter().filter(|notice| !notice.is_ours) {
        by_mailbox.entry(notice.to).or_default().push(notice);
    }
    let mut mailboxes: Vec<_> = by_mailbox.into_iter().collect();
    mailboxes.sort_by_key(|(mailbox, _)| *mailbox);
    let flood = |(mailbox, notices): (Symbol, Vec<&Notice>)| Flood {
        kind: SubjectKind::Address,
        name: strings.get(mailbox).to_owned(),
        explained: notices
            .iter()
            .filter(|n| contacted.explains(context, n))
            .count(),
        n_invented: 0,
        notices: notices
            .iter()
            .map(|notice| Hit {
                seen: notice.seen,
                client_ip: notice.client_ip,
                line: notice.line,
                queue_id: Some(notice.queue_id.clone()),
                n_times: 1,
            })
            .collect(),
    };
    mailboxes.into_iter().map(flood).collect()
}

/// Floods for addresses that do not exist, refused in the SMTP dialogue.
fn refused(context: &Context<'_>) -> Result<Vec<Flood>> {
    let strings = &context.tables.strings;
    let unknown = col(columns::CLASS).eq(lit(RejectClass::UnknownRecipient as u32));
    let refusals = refusals::read(context.tables, unknown.and(col(columns::IS_WARNING).not()))?;
    let mut floods: HashMap<String, (Vec<Hit>, HashSet<Symbol>)> = HashMap::new();
    for refusal in refusals {
        let (Some(from), Some(to)) = (refusal.from, refusal.to) else {
            continue;
        };
        let is_notice = is_daemon(Address(strings.get(from)));
        let Some(domain) = Address(strings.get(to)).domain().filter(|_| is_notice) else {
            continue;
        };
        let (hits, recipients) = floods.entry(domain.to_ascii_lowercase()).or_default();
        recipients.insert(to);
        hits.push(Hit {
            seen: refusal.seen,
            client_ip: refusal.client_ip,
            line: refusal.at,
            queue_id: None,
            n_times: refusal.n_times,
        });
    }
    let mut floods: Vec<_> = floods.into_iter().collect();
    floods.sort_by(|a, b| a.0.cmp(&b.0));
    let flood = |(name, (notices, recipients)): (String, (Vec<Hit>, HashSet<Symbol>))| Flood {
        kind: SubjectKind::Domain,
        name,
        notices,
        explained: 0,
        n_invented: recipients.len(),
    };
    Ok(floods.into_iter().map(flood).collect())
}

fn judge(context: &Context<'_>, flood: &Flood) -> Option<Finding> {
    let strings = &context.tables.strings;
    let n_notices: u64 = flood.notices.iter().map(|hit| hit.n_times).sum();
    let peak = peak_within(&flood.notices, DAY_MICROS);
    let clients: HashSet<Symbol> = flood.notices.iter().filter_map(|h| h.client_ip).collect();
    let networks: HashSet<Network> = clients
        .iter()
        .filter_map(|ip| ip_of(strings, Some(*ip)))
        .map(Network::of)
        .collect();
    let explained = flood.explained as f64 / flood.notices.len() as f64;
    let is_flood = peak as f64 >= context.threshold(&MIN_NOTICES)
        && networks.len() as f64 >= context.threshold(&MIN_NETWORKS);
    let signals = if is_flood {
        signals(context, flood, peak, networks.len(), explained)
    } else {
        trickle(context, flood, networks.len(), explained)
    };
    let mitigations: Vec<Mitigation> = (explained >= context.threshold(&EXPLAINED_SHARE))
        .then(|| Mitigation {
            name: "answers-own-mail",
            weight: explained.min(0.9),
            detail: format!(
                "{} of them come from servers to which the address did write",
                flood.explained
            ),
        })
        .into_iter()
        .collect();
    let judged = DETECTOR.judge(signals, mitigations, false)?;
    let first = flood.notices.iter().map(|hit| hit.seen).min()?;
    let last = flood.notices.iter().map(|hit| hit.seen).max()?;
    let uses = flood.notices.iter();
    let uses = uses.filter_map(|hit| Some((hit.client_ip?, hit.seen, hit.n_times)));
    let counts = counts(flood, n_notices, clients.len(), networks.len());
    Some(Finding {
        title: format!(
            "{} gets bounces of mail that this server never sent",
            flood.name
        ),
        summary: summary(flood, n_notices, clients.len(), first, last),
        first_seen: first,
        last_seen: last,
        totals: counts.clone(),
        counts,
        clients: counting::clients(context, uses),
        queue_ids: flood
            .notices
            .iter()
            .filter_map(|hit| hit.queue_id.clone())
            .collect(),
        evidence: evidence(flood),
        actions: actions(flood),
        uncertain: vec![
            "Mail sent before the log begins, or past this server, cannot be seen here.".to_owned(),
        ],
        ..judged.about(flood.kind, &flood.name)
    })
}

fn signals(
    context: &Context<'_>,
    flood: &Flood,
    peak: usize,
    n_networks: usize,
    explained: f64,
) -> Vec<Signal> {
    let notices = DETECTOR.signal(
        "notices",
        format!("{peak} notifications from outside within 24 hours"),
        json!({ "within_a_day": peak }),
    );
    let servers = DETECTOR.signal(
        "many-servers",
        format!("they come from {n_networks} different networks"),
        json!({ "networks": n_networks }),
    );
    let lineage = (explained < context.threshold(&EXPLAINED_SHARE)
        && flood.kind == SubjectKind::Address)
        .then(|| {
            let detail = format!(
                "{} of {} come from servers to which the address sent nothing through this server",
                flood.notices.len() - flood.explained,
                flood.notices.len()
            );
            DETECTOR.signal(
                "no-submission",
                detail,
                json!({ "explained": flood.explained }),
            )
        });
    let invented = (flood.n_invented >= 10).then(|| {
        let detail = format!(
            "they are for {} different addresses that do not exist",
            flood.n_invented
        );
        DETECTOR.signal(
            "invented-recipients",
            detail,
            json!({ "addresses": flood.n_invented }),
        )
    });
    [notices, servers, lineage.flatten(), invented.flatten()]
        .into_iter()
        .flatten()
        .collect()
}

fn counts(flood: &Flood, n_notices: u64, n_clients: usize, n_networks: usize) -> Counts {
    let accepted = flood.kind == SubjectKind::Address;
    Counts {
        messages: accepted.then_some(n_notices),
        recipients: Some(flood.n_invented.max(1) as u64),
        client_ips: Some(n_clients as u64),
        networks: Some(n_networks as u64),
        bounces_received: Some(if accepted { n_notices } else { 0 }),
        ..Counts::default()
    }
}

fn summary(
    flood: &Flood,
    n_notices: u64,
    n_clients: usize,
    first: Timestamp,
    last: Timestamp,
) -> String {
    let what = match flood.kind {
        SubjectKind::Domain => format!(
            "{n_notices} notifications for {} addresses of {} that do not exist were refused",
            flood.n_invented, flood.name
        ),
        _ => format!("{n_notices} notifications reached {}", flood.name),
    };
    format!(
        "{what}, from {n_clients} servers, between {} and {}; no submission of this server is behind them: somebody forges the sender elsewhere.",
        first.for_people(),
        last.for_people()
    )
}

fn evidence(flood: &Flood) -> Vec<Evidence> {
    let hits = &flood.notices;
    let quoted = hits.iter().take(N_LINES).chain(hits.last());
    let mut lines: Vec<Evidence> = quoted.map(|hit| Evidence::at(hit.line, hit.seen)).collect();
    lines.sort_by_key(|line| line.at);
    lines.dedup_by_key(|line| line.at);
    lines
}

fn actions(flood: &Flood) -> Vec<Action> {
    let command = match flood.kind {
        SubjectKind::Domain => {
            "postconf -n smtpd_recipient_restrictions local_recipient_maps".to_owned()
        }
        _ => format!("mailsleuth trace --from '<>' --limit 3 {LOGS}"),
    };
    vec![
        Action {
            why: "No password needs changing: tell the owner, and see what the bounces return"
                .to_owned(),
            command,
        },
        Action {
            why: "Let receivers refuse the forgeries instead of bouncing them: SPF, DKIM, DMARC"
                .to_owned(),
            command: format!(
                "dig +short TXT _dmarc.{}",
                Address(&flood.name).domain().unwrap_or(&flood.name)
            ),
        },
    ]
}

/// What is no flood, and still not the echo of the address's own mail; refused ones are nobody's burden.
fn trickle(context: &Context<'_>, flood: &Flood, n_networks: usize, explained: f64) -> Vec<Signal> {
    let peak = peak_within(&flood.notices, 7 * DAY_MICROS);
    let is_trickle = flood.kind == SubjectKind::Address
        && peak as f64 >= context.threshold(&TRICKLE_PER_WEEK)
        && n_networks as f64 >= context.threshold(&TRICKLE_NETWORKS)
        && explained < context.threshold(&EXPLAINED_SHARE);
    if !is_trickle {
        return Vec::new();
    }
    let few = DETECTOR.signal(
        "trickle",
        format!("{peak} notifications from outside within seven days"),
        json!({ "within_a_week": peak }),
    );
    let servers = DETECTOR.signal(
        "servers-over-days",
        format!("they come from {n_networks} different networks"),
        json!({ "networks": n_networks }),
    );
    few.into_iter().chain(servers).collect()
}

/// The most notifications within any span of this length.
fn peak_within(hits: &[Hit], span_micros: i64) -> usize {
    let uses = hits.iter().map(|hit| {
        (
            hit.seen.micros,
            usize::try_from(hit.n_times).unwrap_or(usize::MAX),
        )
    });
    counting::peak_within(uses, span_micros)
}

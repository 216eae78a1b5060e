//! Who writes from outside, without a login, under a sender of this site?

mod claim;
mod excuse;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use polars::prelude::{col, lit};
use serde_json::json;

use super::arrivals::Arrival;
use super::refusals::{self, Refusal};
use super::site::sender;
use super::submissions::ip_of;
use super::{Context, Detector, Judged, SignalKind, Threshold};
use crate::correlate::Proof;
use crate::event::RejectClass;
use crate::finding::{Finding, Level, Signal};
use crate::mail::Address;
use crate::tables::columns;
use excuse::Excuses;

const MIN_MESSAGES: Threshold = Threshold {
    name: "min-messages",
    value: 5.0,
    meaning: "accepted messages within 24 hours from which on it is more than the spam that every server gets; fewer are told at low",
};
const MIN_REFUSED: Threshold = Threshold {
    name: "min-refused",
    value: 5.0,
    meaning: "refused attempts from which on the restriction's success is told, for information",
};
const PAUSE_DAYS: Threshold = Threshold {
    name: "pause-days",
    value: 7.0,
    meaning: "days of silence after which it is another incident",
};
const ROUTINE_DAYS: Threshold = Threshold {
    name: "routine-days",
    value: 3.0,
    meaning: "days on which the same network sends for the same domain from which on it is a service that may",
};

const DAY_MICROS: i64 = 24 * 3_600_000_000;

/// The detector and its manual.
pub(super) const DETECTOR: Detector = Detector {
    id: "spoofed-local-sender",
    question: "Who writes from outside, without a login, under a sender of this site?",
    subject: "domain",
    signals: &[
        SignalKind {
            name: "own-sender",
            group: "sender",
            weight: 0.3,
            meaning: "accepted from a strange host, without a login, under a sender of this site",
        },
        SignalKind {
            name: "to-itself",
            group: "form",
            weight: 0.15,
            meaning: "sender and recipient are the same address",
        },
        SignalKind {
            name: "no-name",
            group: "form",
            weight: 0.15,
            meaning: "the hosts have no name in the DNS; a mail server has one",
        },
        SignalKind {
            name: "repeated",
            group: "volume",
            weight: 0.3,
            meaning: "more than the single spam that every server gets",
        },
        SignalKind {
            name: "owner-logs-in",
            group: "owner",
            weight: 0.12,
            meaning: "the senders are people who log in here when they write",
        },
        SignalKind {
            name: "proof-failed",
            group: "proof",
            weight: 0.3,
            meaning: "SPF or DMARC says that the hosts may not send for the domain",
        },
    ],
    thresholds: &[MIN_MESSAGES, MIN_REFUSED, PAUSE_DAYS, ROUTINE_DAYS],
    false_positives: "Mail of our own users that a list or a forwarder sends back: the same message-id was submitted here \
        before. Services that send for us: SPF or DMARC says pass, a host of a service that checks its \
        users' senders, or the same network day after day. Own hosts by network or name, a second mail server, a \
        user's machine that also logs in. The null sender is backscatter's business.",
    remedies: "No account is stolen: nobody logged in. Refuse own senders without a login \
        (reject_unauthenticated_sender_login_mismatch with smtpd_sender_login_maps, or a sender access table behind \
        permit_mynetworks and permit_sasl_authenticated), or let SPF and DMARC decide at the door; publish both for \
        the domain.",
    detect,
};

/// What came under senders of one domain, without a long pause.
struct Incident<'a> {
    domain: String,
    arrivals: Vec<&'a Arrival>,
    /// Attempts that were refused in the same time.
    refused: Vec<Refusal>,
}

impl Incident<'_> {
    /// The most messages within any 24 hours.
    fn peak_per_day(&self) -> usize {
        let times: Vec<i64> = self
            .arrivals
            .iter()
            .map(|arrival| arrival.mail.seen.micros)
            .collect();
        let mut start = 0;
        let mut most = 0;
        for (index, micros) in times.iter().enumerate() {
            while times[start] < micros - DAY_MICROS {
                start += 1;
            }
            most = most.max(index + 1 - start);
        }
        most
    }
}

fn detect(context: &Context<'_>) -> Result<Vec<Finding>> {
    let mut refused = refused(context)?;
    let mut findings = Vec::new();
    for incident in incidents(context, &mut refused)? {
        let signals = signals(context, &incident);
        let judged = DETECTOR.judge(signals, Vec::new(), false);
        findings.extend(judged.map(|mut judged| {
            // Nobody's account is in danger: it is never a matter of hours.
            let is_many = incident.peak_per_day() as f64 >= context.threshold(&MIN_MESSAGES);
            let (level, score) = if is_many {
                (Level::Medium, 0.69)
            } else {
                (Level::Low, 0.45)
            };
            judged.level = judged.level.min(level);
            judged.score = judged.score.min(score);
            claim::finding(context, &incident, judged)
        }));
    }
    // What is left was refused, and nothing of the kind was accepted.
    let mut rest: Vec<(String, Vec<Refusal>)> = refused.into_iter().collect();
    rest.sort_by(|a, b| a.0.cmp(&b.0));
    for (domain, refused) in rest {
        let n_times: u64 = refused.iter().map(|refusal| refusal.n_times).sum();
        if n_times as f64 >= context.threshold(&MIN_REFUSED) {
            findings.push(claim::refused(context, &domain, &refused, success(n_times)));
        }
    }
    Ok(findings)
}

/// A restriction at work is no alarm.
fn success(n_times: u64) -> Judged {
    let detail = format!("{n_times} attempts under senders of this site were refused");
    let signal = DETECTOR.signal("own-sender", detail, json!({ "refused": n_times }));
    Judged {
        detector: DETECTOR.id,
        level: Level::Info,
        score: 0.1,
        signals: signal.into_iter().collect(),
        mitigations: Vec::new(),
    }
}

/// The incidents by domain and time; takes the refusals of their domains out of the map.
fn incidents<'a>(
    context: &'a Context<'_>,
    refused: &mut HashMap<String, Vec<Refusal>>,
) -> Result<Vec<Incident<'a>>> {
    let strings = &context.tables.strings;
    let excuses = Excuses::read(context)?;
    let mut by_domain: HashMap<String, Vec<&Arrival>> = HashMap::new();
    for arrival in &context.arrivals {
        let from = arrival.mail.from.map_or("", |from| strings.get(from));
        let own = Address(from);
        let domain = own.domain().filter(|_| context.site.is_own_address(own));
        if let Some(domain) = domain.filter(|_| !excuses.excuse(context, arrival)) {
            by_domain
                .entry(domain.to_ascii_lowercase())
                .or_default()
                .push(arrival);
        }
    }
    let mut domains: Vec<_> = by_domain.into_iter().collect();
    domains.sort_by(|a, b| a.0.cmp(&b.0));
    let pause_micros = (context.threshold(&PAUSE_DAYS) * 86_400e6) as i64;
    let mut incidents: Vec<Incident<'a>> = Vec::new();
    for (domain, arrivals) in domains {
        let first = incidents.len();
        let mut last_micros = i64::MIN;
        for arrival in arrivals {
            let micros = arrival.mail.seen.micros;
            if incidents.len() == first || micros.saturating_sub(last_micros) > pause_micros {
                incidents.push(Incident {
                    domain: domain.clone(),
                    arrivals: Vec::new(),
                    refused: Vec::new(),
                });
            }
            last_micros = micros;
            if let Some(incident) = incidents.last_mut() {
                incident.arrivals.push(arrival);
            }
        }
        if let Some(incident) = incidents.last_mut() {
            incident.refused = refused.remove(&domain).unwrap_or_default();
        }
    }
    Ok(incidents)
}

/// By domain: attempts under own senders that a rule about senders refused.
fn refused(context: &Context<'_>) -> Result<HashMap<String, Vec<Refusal>>> {
    let classes = [
        RejectClass::SenderRefused,
        RejectClass::SenderLoginMismatch,
        RejectClass::Policy,
    ];
    let is_class = classes
        .into_iter()
        .map(|class| col(columns::CLASS).eq(lit(class as u32)))
        .fold(lit(false), |any, one| any.or(one));
    let no_login = col(columns::SASL_USERNAME).is_null();
    let wanted = is_class.and(no_login).and(col(columns::IS_WARNING).not());
    let strings = &context.tables.strings;
    let mut by_domain: HashMap<String, Vec<Refusal>> = HashMap::new();
    for refusal in refusals::read(context.tables, wanted)? {
        let from = Address(refusal.from.map_or("", |from| strings.get(from)));
        let strange =
            ip_of(strings, refusal.client_ip).is_none_or(|ip| !context.site.is_own_client(ip));
        let domain = from
            .domain()
            .filter(|_| strange && context.site.is_own_address(from));
        if let Some(domain) = domain {
            by_domain
                .entry(domain.to_ascii_lowercase())
                .or_default()
                .push(refusal);
        }
    }
    Ok(by_domain)
}

fn signals(context: &Context<'_>, incident: &Incident<'_>) -> Vec<Signal> {
    let strings = &context.tables.strings;
    let arrivals = &incident.arrivals;
    let n_all = arrivals.len();
    let count = |wanted: &dyn Fn(&Arrival) -> bool| arrivals.iter().filter(|a| wanted(a)).count();
    let base = |arrival: &Arrival| sender::base(Address(strings.get(arrival.mail.from?)));
    let to_itself = count(&|arrival| {
        let from = base(arrival);
        let mut ways = arrival.mail.deliveries.iter();
        ways.any(|way| sender::base(Address(strings.get(way.orig_to.unwrap_or(way.to)))) == from)
    });
    let no_name = count(&|arrival| arrival.client_name.is_none());
    let failed = count(&|arrival| arrival.proof == Proof::Fail);
    let owners: HashSet<String> = arrivals
        .iter()
        .filter_map(|arrival| context.site.login_of(&base(arrival)?))
        .collect();
    let said = |name, n: usize, what: &str| {
        let detail = format!("{n} of {n_all} {what}");
        (n * 2 > n_all).then(|| DETECTOR.signal(name, detail, json!({ "messages": n })))?
    };
    let own_sender = DETECTOR.signal(
        "own-sender",
        format!(
            "{n_all} messages came from strange hosts, without a login, under senders in {}",
            incident.domain
        ),
        json!({ "messages": n_all }),
    );
    let peak = incident.peak_per_day();
    let many = peak as f64 >= context.threshold(&MIN_MESSAGES);
    let repeated = many.then(|| {
        let detail = format!("{peak} messages within 24 hours");
        DETECTOR.signal("repeated", detail, json!({ "within_a_day": peak }))
    });
    let owner = (!owners.is_empty()).then(|| {
        let detail = format!(
            "{} of the senders are people who log in here when they write",
            owners.len()
        );
        DETECTOR.signal("owner-logs-in", detail, json!({ "logins": owners.len() }))
    });
    [
        own_sender,
        said("to-itself", to_itself, "are addressed to their own sender"),
        said("no-name", no_name, "come from hosts without a name"),
        repeated.flatten(),
        owner.flatten(),
        said("proof-failed", failed, "failed SPF or DMARC"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

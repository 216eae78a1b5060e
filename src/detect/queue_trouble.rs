//! Is mail to a provider stuck, why, and is it this server's fault?

use std::collections::BTreeMap;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use serde_json::json;

use super::mails::{self, Ended, MailSeen};
use super::words::n_of;
use super::{Context, Detector, SignalKind, Threshold};
use crate::correlate::Symbol;
use crate::finding::{Action, Evidence, Finding, Mitigation, ProviderSeen, Signal, SubjectKind};
use crate::knowledge::replies::ReplyClass;
use crate::mail::{Status, Timestamp};

const MIN_STUCK: Threshold = Threshold {
    name: "min-stuck",
    value: 5.0,
    meaning: "recipients at one provider, of at least three messages, that are stuck or were refused",
};
const STUCK_SHARE: Threshold = Threshold {
    name: "stuck-share",
    value: 0.5,
    meaning: "their share of all recipients there since the first of them",
};
const MANY_STUCK: Threshold = Threshold {
    name: "many-stuck",
    value: 10.0,
    meaning: "such recipients, of more than one sender, from which on a provider's objection is not a few letters' matter",
};
const BLOCKED: Threshold = Threshold {
    name: "blocked",
    value: 20.0,
    meaning: "recipients refused as spam, of three senders or more, that mean the server and not a sender",
};
const LONG_OUTAGE: Threshold = Threshold {
    name: "long-outage",
    value: 50.0,
    meaning: "recipients that wait for a day or longer for a provider that does not answer",
};
const DOWN_PROVIDERS: Threshold = Threshold {
    name: "down-providers",
    value: 5.0,
    meaning: "providers that all fail, and nobody else succeeds, from which on this server's own network is meant",
};
const MIN_DOWN: usize = 10;
const MIN_MESSAGES: usize = 3;
const DAY_MICROS: i64 = 24 * 3_600_000_000;
/// Lines quoted: the first ones, and the last.
const N_LINES: usize = 5;

/// The detector and its manual.
pub(super) const DETECTOR: Detector = Detector {
    id: "queue-trouble",
    question: "Is mail to a provider stuck, and whose fault is it?",
    subject: "provider or host",
    signals: &[
        SignalKind {
            name: "blocked",
            group: "queue",
            weight: 0.7,
            meaning: "the provider refuses mail of many senders here as spam: this server's name is bad there",
        },
        SignalKind {
            name: "slowed-down",
            group: "queue",
            weight: 0.55,
            meaning: "the provider puts off or refuses mail for its amount, its content or missing proof of origin",
        },
        SignalKind {
            name: "network-down",
            group: "queue",
            weight: 0.55,
            meaning: "no provider can be reached: the fault is this server's network or name service",
        },
        SignalKind {
            name: "long-outage",
            group: "queue",
            weight: 0.5,
            meaning: "much mail waits for a day or longer for a provider that does not answer",
        },
        SignalKind {
            name: "unreachable",
            group: "queue",
            weight: 0.42,
            meaning: "the provider does not answer, or its name servers do not",
        },
    ],
    thresholds: &[
        MIN_STUCK,
        STUCK_SHARE,
        MANY_STUCK,
        BLOCKED,
        LONG_OUTAGE,
        DOWN_PROVIDERS,
    ],
    false_positives: "Greylisting, full mailboxes, unknown recipients and notifications to forged senders are not \
        counted. A domain that was mistyped fails for one or two letters only. What waits at the end of the log may \
        have been delivered a minute later.",
    remedies: "If the provider objects: find out whose mail it is (compromised-account, a newsletter), stop it, check \
        SPF, DKIM, DMARC and reverse DNS, ask the provider's postmaster pages for delisting, slow down \
        (smtp_destination_rate_delay, a transport of its own). If it does not answer: wait; the queue tries for five \
        days. If nobody answers: look at the own network, firewall and resolver.",
    detect,
};

/// Mail to one provider that does not get through.
struct Stuck<'a> {
    provider: Symbol,
    recipients: Vec<&'a Ended>,
    since_micros: i64,
}

fn detect(context: &Context<'_>) -> Result<Vec<Finding>> {
    let abroad = mails::ended(context.tables, |ended| ended.provider.is_some())?;
    let wanted: HashSet<u32> = abroad
        .iter()
        .filter(|ended| is_stuck(ended))
        .map(|ended| ended.submission)
        .collect();
    let mut letters = mails::read(context.tables, |number, _| wanted.contains(&number))?;
    // Notifications to forged senders are another detector's matter.
    letters.retain(|_, mail| {
        mail.from
            .is_some_and(|from| !context.tables.strings.get(from).is_empty())
    });
    let stuck = abroad.iter().filter(|ended| is_stuck(ended));
    let stuck: Vec<&Ended> = stuck
        .filter(|ended| letters.contains_key(&ended.submission))
        .collect();
    let last_sent = abroad.iter().filter(|ended| ended.status == Status::Sent);
    let last_sent = last_sent.map(|ended| ended.last_attempt_micros).max();
    let down = network_down(context, &stuck, &letters, last_sent);
    let covered: HashSet<(u32, Symbol)> = down
        .iter()
        .flat_map(|down| {
            down.recipients
                .iter()
                .map(|ended| (ended.submission, ended.to))
        })
        .collect();
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(down.and_then(|down| host_finding(context, &down, &letters)));
    let rest = stuck
        .iter()
        .filter(|ended| !covered.contains(&(ended.submission, ended.to)));
    for stuck in by_provider(context, rest.copied(), &letters) {
        let there = || {
            abroad
                .iter()
                .filter(|ended| ended.provider == Some(stuck.provider))
        };
        let there: Vec<&Ended> = there().collect();
        findings.extend(judge(context, &stuck, &there, &letters));
    }
    Ok(findings)
}

/// What does not get through, for a reason that concerns more than the recipient.
fn is_stuck(ended: &Ended) -> bool {
    let is_objection = matches!(
        ended.reply,
        ReplyClass::Spam | ReplyClass::Rate | ReplyClass::Authentication
    );
    match ended.status {
        Status::Deferred | Status::Expired => is_objection || is_silent(ended),
        Status::Bounced => is_objection,
        Status::Sent | Status::Unknown => false,
    }
}

fn is_silent(ended: &Ended) -> bool {
    matches!(
        ended.reply,
        ReplyClass::Unreachable | ReplyClass::Dns | ReplyClass::Other
    )
}

/// By provider's name.
fn by_provider<'a>(
    context: &Context<'_>,
    stuck: impl Iterator<Item = &'a Ended>,
    letters: &HashMap<u32, MailSeen>,
) -> Vec<Stuck<'a>> {
    let mut providers: BTreeMap<&str, Stuck<'a>> = BTreeMap::new();
    for ended in stuck {
        let (Some(provider), Some(mail)) = (ended.provider, letters.get(&ended.submission)) else {
            continue;
        };
        let name = context.tables.strings.get(provider);
        let entry = providers.entry(name).or_insert(Stuck {
            provider,
            recipients: Vec::new(),
            since_micros: i64::MAX,
        });
        entry.recipients.push(ended);
        entry.since_micros = entry.since_micros.min(mail.seen.micros);
    }
    providers.into_values().collect()
}

/// What came in after the last success anywhere, if it is for many providers and none of them answers.
fn network_down<'a>(
    context: &Context<'_>,
    stuck: &[&'a Ended],
    letters: &HashMap<u32, MailSeen>,
    last_sent: Option<i64>,
) -> Option<Stuck<'a>> {
    let last_sent = last_sent.unwrap_or(i64::MIN);
    let since: Vec<&Ended> = stuck
        .iter()
        .copied()
        .filter(|ended| is_silent(ended) && letters[&ended.submission].seen.micros > last_sent)
        .collect();
    let providers: HashSet<Symbol> = since.iter().filter_map(|ended| ended.provider).collect();
    let is_down =
        providers.len() as f64 >= context.threshold(&DOWN_PROVIDERS) && since.len() >= MIN_DOWN;
    let since_micros = since
        .iter()
        .map(|ended| letters[&ended.submission].seen.micros)
        .min()?;
    is_down.then_some(Stuck {
        provider: since.first()?.provider?,
        recipients: since,
        since_micros,
    })
}

fn host_finding(
    context: &Context<'_>,
    down: &Stuck<'_>,
    letters: &HashMap<u32, MailSeen>,
) -> Option<Finding> {
    let providers: HashSet<Symbol> = down.recipients.iter().filter_map(|e| e.provider).collect();
    let host = letters[&down.recipients.first()?.submission].host?;
    let name = context.tables.strings.get(host);
    let n = down.recipients.len();
    let signal = DETECTOR.signal(
        "network-down",
        format!(
            "{n} recipients at {} providers, and no success since",
            providers.len()
        ),
        json!({ "recipients": n, "providers": providers.len() }),
    );
    let told = Told::of(context, down, letters)?;
    let judged = DETECTOR.judge_each(signal.into_iter().collect(), Vec::new())?;
    let summary = format!(
        "Since {} {n} recipients at {} providers could not be reached, and nobody else was: {}. The fault is near \
         {name}, not there.",
        told.first.for_people(),
        providers.len(),
        told.reasons
    );
    Some(told.finding(Finding {
        title: format!("{name} reaches nobody"),
        summary,
        actions: vec![Action {
            why: "See whether the network and the name service work".to_owned(),
            command: "postqueue -p | tail -n 1; dig +short MX gmail.com; nc -vz -w 5 gmail-smtp-in.l.google.com 25".to_owned(),
        }],
        ..judged.about(SubjectKind::Host, name)
    }))
}

fn judge(
    context: &Context<'_>,
    stuck: &Stuck<'_>,
    there: &[&Ended],
    letters: &HashMap<u32, MailSeen>,
) -> Option<Finding> {
    let n = stuck.recipients.len();
    let messages: HashSet<u32> = stuck.recipients.iter().map(|e| e.submission).collect();
    let n_through = there
        .iter()
        .filter(|e| e.status == Status::Sent && e.last_attempt_micros >= stuck.since_micros)
        .count();
    let share = n as f64 / (n + n_through) as f64;
    if (n as f64) < context.threshold(&MIN_STUCK)
        || messages.len() < MIN_MESSAGES
        || share < context.threshold(&STUCK_SHARE)
    {
        return None;
    }
    let told = Told::of(context, stuck, letters)?;
    let name = context.tables.strings.get(stuck.provider);
    let judged = DETECTOR.judge_each(
        signal(context, stuck, &told).into_iter().collect(),
        mitigations(context, stuck, &told),
    )?;
    let fault = if told.is_ours {
        "the provider objects to what this server sends"
    } else {
        "the fault is the provider's, as far as the log tells"
    };
    let summary = format!(
        "{n} recipients at {name} of {}, handed in by {} since {}, did not get their mail ({}); {n_through} did: {fault}.",
        n_of(messages.len(), "message", "messages"),
        n_of(told.n_senders, "sender", "senders"),
        told.first.for_people(),
        told.reasons
    );
    let totals = mails::counts(there.iter().copied());
    let finding = told.finding(Finding {
        title: format!("Mail to {name} is stuck"),
        summary,
        totals,
        actions: vec![Action {
            why: "See what waits for it, and of whom".to_owned(),
            command: format!(
                "postqueue -j | grep -F {}",
                crate::finding::shell_word(name)
            ),
        }],
        providers: vec![ProviderSeen {
            provider: name.to_owned(),
            recipients: stuck
                .recipients
                .iter()
                .map(|e| e.to)
                .collect::<HashSet<_>>()
                .len() as u64,
            sent: 0,
            deferred: stuck
                .recipients
                .iter()
                .filter(|e| e.status == Status::Deferred)
                .count() as u64,
            bounced: stuck
                .recipients
                .iter()
                .filter(|e| e.status != Status::Deferred)
                .count() as u64,
        }],
        ..judged.about(SubjectKind::Provider, name)
    });
    Some(finding)
}

fn signal(context: &Context<'_>, stuck: &Stuck<'_>, told: &Told) -> Option<Signal> {
    let n = stuck.recipients.len();
    let n_spam = stuck
        .recipients
        .iter()
        .filter(|e| e.reply == ReplyClass::Spam)
        .count();
    let waited = told.last.micros - told.first.micros;
    let name =
        if n_spam as f64 >= context.threshold(&BLOCKED) && 2 * n_spam >= n && told.n_senders >= 3 {
            "blocked"
        } else if told.is_ours {
            "slowed-down"
        } else if n as f64 >= context.threshold(&LONG_OUTAGE) && waited >= DAY_MICROS {
            "long-outage"
        } else {
            "unreachable"
        };
    DETECTOR.signal(
        name,
        format!("{n} recipients: {}", told.reasons),
        json!({ "recipients": n, "senders": told.n_senders, "called_spam": n_spam }),
    )
}

fn mitigations(context: &Context<'_>, stuck: &Stuck<'_>, told: &Told) -> Vec<Mitigation> {
    let is_few = (stuck.recipients.len() as f64) < context.threshold(&MANY_STUCK);
    let mitigation = |name, detail: &str| Mitigation {
        name,
        weight: 0.25,
        detail: detail.to_owned(),
    };
    if told.is_ours && told.n_senders == 1 {
        vec![mitigation("one-sender", "all of it is of one sender")]
    } else if told.is_ours && is_few {
        vec![mitigation("few", "few letters, as yet")]
    } else {
        Vec::new()
    }
}

/// What a finding says of stuck mail, whoever is at fault.
struct Told {
    first: Timestamp,
    last: Timestamp,
    /// Most of it was put off or refused because of what this server sends.
    is_ours: bool,
    n_senders: usize,
    reasons: String,
    counts: crate::finding::Counts,
    queue_ids: Vec<String>,
    still_queued: Vec<String>,
    evidence: Vec<Evidence>,
}

impl Told {
    fn of(
        context: &Context<'_>,
        stuck: &Stuck<'_>,
        letters: &HashMap<u32, MailSeen>,
    ) -> Option<Self> {
        let recipients = &stuck.recipients;
        let mails = || recipients.iter().map(|ended| &letters[&ended.submission]);
        let first = mails().map(|mail| mail.seen).min()?;
        let attempt = |ended: &Ended| Timestamp {
            micros: ended.last_attempt_micros,
            ..first
        };
        let last = recipients.iter().map(|ended| attempt(ended)).max()?;
        let senders = mails().map(|mail| mail.sasl_username.or(mail.from));
        let senders: HashSet<Option<Symbol>> = senders.collect();
        let n_silent = recipients.iter().filter(|ended| is_silent(ended)).count();
        let mut letters: Vec<&MailSeen> = mails().collect();
        letters.sort_by_key(|mail| mail.line);
        letters.dedup_by_key(|mail| mail.line);
        let mut lines: Vec<&&Ended> = recipients.iter().collect();
        lines.sort_by_key(|ended| ended.line);
        let quoted = lines.iter().take(N_LINES).chain(lines.last());
        let evidence = quoted.map(|ended| Evidence::at(ended.line, attempt(ended)));
        let mut evidence: Vec<Evidence> = evidence.collect();
        evidence.dedup_by_key(|line| line.at);
        let waiting = letters.iter().filter(|mail| mail.still_queued);
        Some(Self {
            first,
            last: last.min(Timestamp {
                micros: context.tables.log_end_micros,
                ..first
            }),
            is_ours: 2 * n_silent < recipients.len(),
            n_senders: senders.len(),
            reasons: reasons(recipients),
            counts: mails::counts(recipients.iter().copied()),
            still_queued: waiting.map(|mail| mail.queue_id.clone()).collect(),
            queue_ids: letters.iter().map(|mail| mail.queue_id.clone()).collect(),
            evidence,
        })
    }

    fn finding(self, finding: Finding) -> Finding {
        let totals = if finding.totals.deliveries.is_some() {
            finding.totals.clone()
        } else {
            self.counts.clone()
        };
        Finding {
            first_seen: self.first,
            last_seen: self.last,
            counts: self.counts,
            totals,
            queue_ids: self.queue_ids,
            still_queued: self.still_queued,
            evidence: self.evidence,
            uncertain: vec![
                "What waits at the end of the log may have been delivered since.".to_owned(),
            ],
            ..finding
        }
    }
}

/// `12 server does not answer, 3 no answer from the DNS`, the most frequent first.
fn reasons(recipients: &[&Ended]) -> String {
    let mut by_reply: BTreeMap<ReplyClass, usize> = BTreeMap::new();
    for ended in recipients {
        *by_reply.entry(ended.reply).or_default() += 1;
    }
    let mut by_reply: Vec<(ReplyClass, usize)> = by_reply.into_iter().collect();
    by_reply.sort_by_key(|(reply, n)| (std::cmp::Reverse(*n), *reply));
    let words = by_reply
        .iter()
        .map(|(reply, n)| format!("{n} {}", reply.as_words()));
    words.collect::<Vec<String>>().join(", ")
}

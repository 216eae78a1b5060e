//! Does this server send bounces to people who never wrote?

use std::collections::BTreeMap;

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use serde_json::json;

use super::mails::{self, Ended, MailSeen};
use super::submissions::ip_of;
use super::words::n_of;
use super::{Context, Detector, SignalKind, Threshold};
use crate::correlate::{OriginKind, Relation, Symbol};
use crate::finding::{Action, Counts, Evidence, Finding, Signal, SubjectKind};
use crate::knowledge::replies::ReplyClass;
use crate::mail::{Address, LineRef, Status, Timestamp};

const SOME: Threshold = Threshold {
    name: "some-per-day",
    value: 10.0,
    meaning: "notifications to outsiders within 24 hours; a forwarded mailbox makes a few",
};
const MANY: Threshold = Threshold {
    name: "many-per-day",
    value: 30.0,
    meaning: "the same, from which on block lists and providers take notice",
};
const MANY_DOMAINS: Threshold = Threshold {
    name: "many-domains",
    value: 10.0,
    meaning: "different domains that many notifications go to: one correspondent's broken list is not backscatter",
};
const LEFT_OVER: Threshold = Threshold {
    name: "left-over",
    value: 2.0,
    meaning: "notifications to outsiders that wait in the queue, because their senders' servers do not take them",
};
/// Lines quoted: the first ones, and the last.
const N_LINES: usize = 5;

/// The detector and its manual.
pub(super) const DETECTOR: Detector = Detector {
    id: "backscatter-source",
    question: "Does this server send bounces to people who never wrote?",
    subject: "host",
    signals: &[
        SignalKind {
            name: "many-notifications",
            group: "notifications",
            weight: 0.55,
            meaning: "many notifications a day to outsiders in many domains, about mail that came without a login",
        },
        SignalKind {
            name: "some-notifications",
            group: "notifications",
            weight: 0.42,
            meaning: "some such notifications a day",
        },
        SignalKind {
            name: "left-over",
            group: "notifications",
            weight: 0.3,
            meaning: "such notifications wait in the queue: their senders were probably forged",
        },
    ],
    thresholds: &[SOME, MANY, MANY_DOMAINS, LEFT_OVER],
    false_positives: "Bounces of own users' mail to themselves are not counted, nor delay and success notifications. A \
        real correspondent who mistypes an address gets one or two.",
    remedies: "Refuse in the SMTP dialogue instead of bouncing: let Postfix know every valid recipient \
        (local_recipient_maps, virtual_mailbox_maps, relay_recipient_maps, or reject_unverified_recipient for a \
        backup MX and for mailbox servers behind LMTP); remove aliases that lead to dead mailboxes; filter before the \
        queue (smtpd_proxy_filter, milters) or discard spam, never bounce it; check quotas at RCPT time.",
    detect,
};

/// A notification to somebody outside.
struct Notification {
    queue_id: String,
    seen: Timestamp,
    line: LineRef,
    still_queued: bool,
    /// Of the notification itself; none while no delivery was tried.
    victim: Option<Ended>,
    cause: Cause,
}

/// Why this server had to bounce what it had accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    UnknownHere,
    Quota,
    RefusedHere,
    UnknownElsewhere,
    CalledSpam,
    RefusedElsewhere,
    Untold,
}

impl Cause {
    fn of(failed: Option<&Ended>) -> Self {
        let Some(failed) = failed else {
            return Self::Untold;
        };
        match (failed.is_local, failed.reply) {
            (_, ReplyClass::MailboxFull) => Self::Quota,
            (true, ReplyClass::UnknownUser) => Self::UnknownHere,
            (true, _) => Self::RefusedHere,
            (false, ReplyClass::UnknownUser) => Self::UnknownElsewhere,
            (false, ReplyClass::Spam | ReplyClass::Authentication) => Self::CalledSpam,
            (false, _) => Self::RefusedElsewhere,
        }
    }

    fn as_words(self) -> &'static str {
        match self {
            Self::UnknownHere => "the mailbox server knows no such recipient",
            Self::Quota => "the mailbox is full",
            Self::RefusedHere => "the mailbox server or a filter here refused it",
            Self::UnknownElsewhere => {
                "an alias, a forward or a relayed domain leads to a mailbox that does not exist"
            }
            Self::CalledSpam => {
                "the server behind an alias, a forward or a relayed domain calls it spam"
            }
            Self::RefusedElsewhere => {
                "the server behind an alias, a forward or a relayed domain did not take it"
            }
            Self::Untold => "the log does not tell why",
        }
    }
}

fn detect(context: &Context<'_>) -> Result<Vec<Finding>> {
    let mut by_host: BTreeMap<&str, Vec<Notification>> = BTreeMap::new();
    for (host, notification) in notifications(context)? {
        let name = context.tables.strings.get(host);
        by_host.entry(name).or_default().push(notification);
    }
    let judged = by_host.into_iter();
    let judged = judged.filter_map(|(host, list)| judge(context, host, list));
    Ok(judged.collect())
}

/// Notifications that went, or wait to go, to outsiders about mail from outside; in log order.
fn notifications(context: &Context<'_>) -> Result<Vec<(Symbol, Notification)>> {
    let tables = context.tables;
    let is_null =
        |from: Option<Symbol>| from.is_some_and(|from| tables.strings.get(from).is_empty());
    let made = [OriginKind::Bounce as u32, OriginKind::Unknown as u32];
    let made = mails::read(tables, |_, key| {
        is_null(key.from) && made.contains(&key.origin)
    })?;
    let parent = |number: u32| tables.lineage.parent(number);
    let roots = made.keys().filter_map(|number| parent(*number));
    let roots: HashSet<u32> = roots
        .map(|(parent, _)| tables.lineage.submission(parent))
        .collect();
    let originals = mails::read(tables, |number, _| roots.contains(&number))?;
    let mut victims: HashMap<u32, Ended> = HashMap::new();
    let mut failures: HashMap<u32, Ended> = HashMap::new();
    mails::ended(tables, |ended| {
        if made.contains_key(&ended.message) {
            victims.entry(ended.message).or_insert(*ended);
        } else if matches!(ended.status, Status::Bounced | Status::Expired)
            && roots.contains(&ended.submission)
        {
            failures.entry(ended.submission).or_insert(*ended);
        }
        false
    })?;
    let mut made: Vec<(u32, MailSeen)> = made.into_iter().collect();
    made.sort_by_key(|(number, _)| *number);
    let told = made.into_iter().filter_map(|(number, mail)| {
        let victim = victims.get(&number).copied();
        let original = match parent(number) {
            Some((parent, Relation::Bounce)) => Some(tables.lineage.submission(parent)),
            Some(_) => return None,
            None => None,
        };
        let is_theirs = match original {
            Some(original) => originals
                .get(&original)
                .is_some_and(|mail| is_from_outside(context, mail)),
            None => true,
        };
        let goes_out = match victim {
            Some(victim) => victim.provider.is_some() && !is_own(context, victim.to),
            None => original.is_some(),
        };
        let notification = Notification {
            queue_id: mail.queue_id,
            seen: mail.seen,
            line: mail.line,
            still_queued: mail.still_queued,
            victim,
            cause: Cause::of(original.and_then(|original| failures.get(&original))),
        };
        (is_theirs && goes_out).then_some((mail.host?, notification))
    });
    Ok(told.collect())
}

/// True for what came without a login from a client that is not of this network, under a foreign sender.
fn is_from_outside(context: &Context<'_>, mail: &MailSeen) -> bool {
    let strings = &context.tables.strings;
    let is_near = ip_of(strings, mail.client_ip).is_some_and(|ip| context.site.is_own_client(ip));
    let came_in =
        mail.origin == OriginKind::Smtpd as u32 || mail.origin == OriginKind::Unknown as u32;
    came_in
        && mail.sasl_username.is_none()
        && !is_near
        && mail.from.is_none_or(|from| !is_own(context, from))
}

fn is_own(context: &Context<'_>, address: Symbol) -> bool {
    let address = Address(context.tables.strings.get(address));
    context.site.takes_mail_for(address)
}

fn judge(context: &Context<'_>, host: &str, list: Vec<Notification>) -> Option<Finding> {
    let peak = mails::peak_per_day(list.iter().map(|notification| notification.seen.micros));
    let victims: Vec<Ended> = list.iter().filter_map(|n| n.victim).collect();
    let domains = domains(context, &victims);
    let signal = signal(context, &list, peak, domains.len())?;
    let judged = DETECTOR.judge_each(vec![signal], Vec::new())?;
    let first = list.iter().map(|n| n.seen).min()?;
    let last = list.iter().map(|n| n.seen).max()?;
    let waiting = list.iter().filter(|n| n.still_queued);
    let still_queued: Vec<String> = waiting.map(|n| n.queue_id.clone()).collect();
    let counts = counts(&list, &victims);
    let summary = format!(
        "{} about mail that came from outside went to {} in {} between {} and {}; {} wait in the queue. Why it was \
         bounced after it had been accepted: {}.",
        n_of(list.len(), "notification", "notifications"),
        n_of(
            counts.recipients.unwrap_or(0) as usize,
            "address",
            "addresses"
        ),
        n_of(domains.len(), "domain", "domains"),
        first.for_people(),
        last.for_people(),
        still_queued.len(),
        causes(&list)
    );
    let quoted = list.iter().take(N_LINES).chain(list.last());
    let mut evidence: Vec<Evidence> = quoted.map(|n| Evidence::at(n.line, n.seen)).collect();
    evidence.sort_by_key(|line| line.at);
    evidence.dedup_by_key(|line| line.at);
    Some(Finding {
        title: format!("{host} sends bounces to people who never wrote"),
        summary,
        first_seen: first,
        last_seen: last,
        totals: counts.clone(),
        counts,
        queue_ids: list.iter().map(|n| n.queue_id.clone()).collect(),
        still_queued,
        evidence,
        actions: actions(),
        uncertain: vec![
            "Whether a sender was forged, no log tells; spam, which most of what cannot be delivered is, has forged ones."
                .to_owned(),
        ],
        ..judged.about(SubjectKind::Host, host)
    })
}

fn signal(
    context: &Context<'_>,
    list: &[Notification],
    peak: usize,
    n_domains: usize,
) -> Option<Signal> {
    let n_waiting = list.iter().filter(|n| n.still_queued).count();
    let is_many = peak as f64 >= context.threshold(&MANY)
        && n_domains as f64 >= context.threshold(&MANY_DOMAINS);
    let name = if is_many {
        "many-notifications"
    } else if peak as f64 >= context.threshold(&SOME) {
        "some-notifications"
    } else if n_waiting as f64 >= context.threshold(&LEFT_OVER) {
        "left-over"
    } else {
        return None;
    };
    let detail = format!(
        "{} within a day at most, to {}; {n_waiting} wait in the queue",
        n_of(peak, "notification", "notifications"),
        n_of(n_domains, "domain", "domains")
    );
    let facts = json!({ "within_a_day": peak, "domains": n_domains, "waiting": n_waiting });
    DETECTOR.signal(name, detail, facts)
}

fn domains(context: &Context<'_>, victims: &[Ended]) -> HashSet<String> {
    let domain = |ended: &Ended| {
        let address = Address(context.tables.strings.get(ended.to));
        address.domain().map(str::to_ascii_lowercase)
    };
    victims.iter().filter_map(domain).collect()
}

fn counts(list: &[Notification], victims: &[Ended]) -> Counts {
    let untold = (list.len() - victims.len()) as u64;
    let counts = mails::counts(victims.iter());
    Counts {
        messages: Some(list.len() as u64),
        deliveries: counts.deliveries.map(|n| n + untold),
        unknown: counts.unknown.map(|n| n + untold),
        bounces_generated: Some(list.len() as u64),
        ..counts
    }
}

/// The causes with their numbers, the most frequent first.
fn causes(list: &[Notification]) -> String {
    let mut by_cause: BTreeMap<Cause, usize> = BTreeMap::new();
    for notification in list {
        *by_cause.entry(notification.cause).or_default() += 1;
    }
    let mut by_cause: Vec<(Cause, usize)> = by_cause.into_iter().collect();
    by_cause.sort_by_key(|(cause, n)| (std::cmp::Reverse(*n), *cause));
    let words = by_cause
        .iter()
        .map(|(cause, n)| format!("{} ({n})", cause.as_words()));
    words.collect::<Vec<String>>().join("; ")
}

fn actions() -> Vec<Action> {
    vec![
        Action {
            why: "See which recipients are accepted without being known".to_owned(),
            command: "postconf -n local_recipient_maps virtual_mailbox_maps virtual_alias_maps relay_recipient_maps \
                smtpd_recipient_restrictions"
                .to_owned(),
        },
        Action {
            why: "Look at what waits from the null sender; delete it only once you have seen one".to_owned(),
            command: r#"postqueue -j | jq -r 'select(.sender == "MAILER-DAEMON") | .queue_id'"#.to_owned(),
        },
    ]
}

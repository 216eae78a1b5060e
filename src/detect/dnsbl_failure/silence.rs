//! A list that answers no longer: mail waits for it, and then passes unjudged.

use serde_json::json;

use super::trials::List;
use super::{DETECTOR, FAILED_LOOKUPS};
use crate::detect::{Context, Judged};
use crate::finding::{Action, Counts, Evidence, Finding, LOGS, Level, SubjectKind, shell_word};
use crate::mail::{LineRef, Timestamp};

const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

pub(super) fn finding(context: &Context<'_>, name: &str, list: &List) -> Option<Finding> {
    let (first, _, _) = *list.failed.first()?;
    let (last, _, _) = *list.failed.last()?;
    let n_failed: u64 = list.failed.iter().map(|(.., n_times)| n_times).sum();
    let within = |at: i64| (first.micros..=last.micros).contains(&at);
    let n_answers = list.named.iter().filter(|n| within(n.seen.micros)).count() as u64;
    let is_enough = peak(&list.failed) as f64 >= context.threshold(&FAILED_LOOKUPS);
    // A list that names somebody in between answers, if not always.
    if !is_enough || last.micros - first.micros < HOUR_MICROS || 10 * n_answers > n_failed {
        return None;
    }
    let no_answer = DETECTOR.signal(
        "no-answer",
        format!("{n_failed} lookups failed; meanwhile it named {n_answers} clients"),
        json!({ "failed": n_failed, "named": n_answers }),
    );
    let before = list.named.iter().filter(|n| n.seen < first).count();
    let stopped = list.named.iter().all(|n| n.seen <= last);
    let answered = (before > 0 && stopped).then(|| {
        let detail = format!("before that it named {before} clients");
        DETECTOR.signal("answered-before", detail, json!({ "named": before }))
    });
    let signals: Vec<_> = [no_answer, answered.flatten()]
        .into_iter()
        .flatten()
        .collect();
    // Without a better time before, it may never have worked here: worth a note.
    let low = |signals| Judged {
        detector: DETECTOR.id,
        level: Level::Low,
        score: 0.4,
        signals,
        mitigations: Vec::new(),
    };
    let judged = DETECTOR.judge(signals.clone(), Vec::new(), false);
    let judged = judged.unwrap_or_else(|| low(signals));
    Some(Finding {
        title: format!("The block list {name} answers no longer"),
        summary: format!(
            "{n_failed} lookups of {name} failed between {} and {}; each delays mail, and what the list would have stopped passes.",
            first.for_people(),
            last.for_people()
        ),
        first_seen: first,
        last_seen: last,
        counts: Counts::default(),
        totals: Counts::default(),
        evidence: [list.failed.first(), list.failed.last()]
            .into_iter()
            .flatten()
            .map(|(seen, at, _)| Evidence::at(*at, *seen))
            .collect(),
        actions: vec![Action {
            why: "See whether it answers at all: 127.0.0.2 must be named, 127.0.0.1 must not (RFC 5782)".to_owned(),
            command: format!("host 2.0.0.127.{}", shell_word(name)),
        }, Action {
            why: "See which lines tell of it".to_owned(),
            command: format!("mailsleuth events {LOGS}"),
        }],
        uncertain: vec![
            "The log does not tell whether the list, its domain or this server's own resolver is at fault.".to_owned(),
        ],
        ..judged.about(SubjectKind::Dnsbl, name)
    })
}

/// The most failures within a day.
fn peak(failed: &[(Timestamp, LineRef, u64)]) -> u64 {
    let (mut start, mut within, mut most) = (0, 0, 0);
    for (seen, _, n_times) in failed {
        within += n_times;
        while failed[start].0.micros < seen.micros - DAY_MICROS {
            within -= failed[start].2;
            start += 1;
        }
        most = most.max(within);
    }
    most
}

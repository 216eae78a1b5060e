//! Silences that the host's own rhythm does not explain.

use serde_json::json;

use super::super::Context;
use super::super::words::{lasting, n_of};
use super::{DETECTOR, FACTOR, MIN_EXPECTED, MIN_LINES, SHORT_FACTOR, Trouble, subject};
use crate::correlate::Flaw;
use crate::finding::{Evidence, Mitigation};
use crate::mail::Timestamp;
use crate::read::{HostRhythm, Silence};
use crate::tables::Impossible;

const MINUTE_MICROS: i64 = 60 * 1_000_000;
const HOUR_MICROS: i64 = 60 * MINUTE_MICROS;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;
/// The least length of an ordinary silence: what is shorter is not remembered.
const ORDINARY_MICROS: i64 = 10 * MINUTE_MICROS;
/// Days to either side with which the same hours are compared.
const MAX_DAYS: i64 = 28;
/// Messages that arrived meanwhile and need no rhythm to prove that lines are missing.
const MIN_MEANWHILE: usize = 3;
/// Lines quoted of such messages, and findings of one host.
const N_LINES: usize = 3;
const MAX_SILENCES: usize = 10;

pub(super) fn troubles(context: &Context<'_>) -> Vec<Trouble> {
    let hosts = context.coverage.hosts.iter();
    let of_host = |host: &HostRhythm| {
        let mut silences: Vec<&Silence> = host.silences.iter().collect();
        silences.sort_by_key(|silence| (-silence.micros(), silence.after.at));
        let judged = silences.into_iter().filter_map(|silence| {
            let meanwhile = meanwhile(context, host, silence);
            judge(context, host, silence, &meanwhile)
        });
        judged.take(MAX_SILENCES).collect::<Vec<Trouble>>()
    };
    hosts.flat_map(of_host).collect()
}

/// Messages that came in during the silence, as what the log says of them later tells.
pub(super) fn meanwhile<'a>(
    context: &Context<'a>,
    host: &HostRhythm,
    silence: &Silence,
) -> Vec<&'a Impossible> {
    let is_meant = |seen: &&Impossible| {
        seen.flaw == Flaw::NeverEntered
            && silence.holds(seen.arrived_micros)
            && context.tables.strings.get(seen.host) == host.host
    };
    context.tables.impossible.iter().filter(is_meant).collect()
}

fn judge(
    context: &Context<'_>,
    host: &HostRhythm,
    silence: &Silence,
    meanwhile: &[&Impossible],
) -> Option<Trouble> {
    let unusual = unusual(context, host, silence);
    if unusual.is_none() && meanwhile.len() < MIN_MEANWHILE {
        return None;
    }
    let length = lasting(silence.micros());
    let signals = vec![
        unusual.as_ref().and_then(|unusual| {
            DETECTOR.signal(
                "silence",
                format!(
                    "no line for {length}, where about {} are usual; other silences of this host last {} at most",
                    unusual.n_expected,
                    lasting(unusual.ordinary_micros)
                ),
                json!({ "seconds": silence.micros() / 1_000_000, "lines_expected": unusual.n_expected }),
            )
        }),
        (!meanwhile.is_empty())
            .then(|| {
                DETECTOR.signal(
                    "mail-meanwhile",
                    format!(
                        "{} arrived meanwhile, as their later lines tell",
                        n_of(meanwhile.len(), "message", "messages")
                    ),
                    json!({ "messages": meanwhile.len() }),
                )
            })
            .flatten(),
    ];
    let (before, after) = (silence.before, silence.after);
    let (from, to) = (before.timestamp.for_people(), after.timestamp.for_people());
    let meaning = if meanwhile.is_empty() {
        "either the server did nothing, or its lines are gone".to_owned()
    } else {
        format!(
            "{} arrived in that time: lines are gone",
            n_of(meanwhile.len(), "message", "messages")
        )
    };
    let mut evidence = vec![
        Evidence::at(before.at, before.timestamp),
        Evidence::at(after.at, after.timestamp),
    ];
    let quoted = meanwhile.iter().take(N_LINES);
    evidence.extend(quoted.map(|seen| Evidence::at(seen.first_line, seen.first_seen)));
    let (kind, name) = subject(&host.host);
    Some(Trouble {
        title: format!("The log of {name} is silent for {length}"),
        summary: format!("No line of {name} between {from} and {to} ({length}): {meaning}."),
        kind,
        name,
        signals,
        mitigations: mitigations(silence, unusual.as_ref()),
        first: before.timestamp,
        last: after.timestamp,
        n_messages: (!meanwhile.is_empty()).then_some(meanwhile.len() as u64),
        queue_ids: meanwhile.iter().map(|seen| seen.queue_id.to_string()).collect(),
        evidence,
        uncertain: vec![
            "A server without mail and a network that is down are as silent as a log whose lines were taken out."
                .to_owned(),
        ],
    })
}

/// A silence that is not like the host's other ones.
struct Unusual {
    n_expected: u64,
    ordinary_micros: i64,
    /// The log holds the same hours of other days, or the silence is short and in daylight.
    is_known: bool,
}

fn unusual(context: &Context<'_>, host: &HostRhythm, silence: &Silence) -> Option<Unusual> {
    if (host.n_lines as f64) < context.threshold(&MIN_LINES) || is_daylight_saving(silence) {
        return None;
    }
    let windows = windows(host, silence);
    let is_compared = !windows.is_empty();
    let ordinary_micros = ordinary_micros(host, silence);
    let factor = context.threshold(if is_compared { &FACTOR } else { &SHORT_FACTOR });
    if (silence.micros() as f64) < factor * ordinary_micros as f64 {
        return None;
    }
    let n_expected = if is_compared {
        median(&windows)
    } else {
        by_the_hours_around(host, silence)
    };
    // On other days, too, these hours are often nearly silent.
    let n_quiet = windows.iter().filter(|n| *n * 10 < n_expected).count();
    let is_regular = is_compared && n_quiet * 5 >= windows.len();
    let is_enough = n_expected as f64 >= context.threshold(&MIN_EXPECTED);
    (is_enough && !is_regular).then(|| Unusual {
        n_expected,
        ordinary_micros,
        is_known: is_compared || is_in_daylight(silence),
    })
}

/// How long the host's other silences last; by day nights do not count. Up to three more may be gaps, where
/// there are enough days.
fn ordinary_micros(host: &HostRhythm, silence: &Silence) -> i64 {
    let days = (host.last.timestamp.micros - host.first.timestamp.micros) / DAY_MICROS;
    let rank = match days {
        ..3 => 0,
        3..8 => 1,
        8.. => 3,
    };
    let is_by_day = is_in_daylight(silence);
    let is_alike = |other: &&Silence| *other != silence && (!is_by_day || is_in_daylight(other));
    let others = host.silences.iter().filter(is_alike);
    let mut others: Vec<i64> = others.map(Silence::micros).collect();
    others.sort_unstable_by_key(|micros| -micros);
    others
        .get(rank)
        .map_or(ORDINARY_MICROS, |micros| *micros.max(&ORDINARY_MICROS))
}

/// Lines in the same hours of other days of the same kind: a weekend is compared with weekends alone.
fn windows(host: &HostRhythm, silence: &Silence) -> Vec<u64> {
    let (from, to) = (silence.before.timestamp, silence.after.timestamp);
    let is_weekend = touches_weekend(from, to);
    let shifts = (-MAX_DAYS..=MAX_DAYS).filter(|days| days.abs() * DAY_MICROS >= silence.micros());
    let shifts = shifts.filter(|days| *days != 0 && (!is_weekend || days % 7 == 0));
    let windows = shifts.filter_map(|days| {
        let shift = |moment: Timestamp| Timestamp {
            micros: moment.micros + days * DAY_MICROS,
            ..moment
        };
        let (from, to) = (shift(from), shift(to));
        let is_covered =
            host.first.timestamp.micros <= from.micros && to.micros <= host.last.timestamp.micros;
        let is_alike = touches_weekend(from, to) == is_weekend;
        (is_covered && is_alike).then(|| host.lines_between(from.micros, to.micros))
    });
    windows.collect()
}

fn median(counts: &[u64]) -> u64 {
    let mut counts = counts.to_vec();
    counts.sort_unstable();
    counts[counts.len() / 2]
}

/// As many lines as the two hours before and after have, for the length of the silence.
fn by_the_hours_around(host: &HostRhythm, silence: &Silence) -> u64 {
    let (from, to) = (
        silence.before.timestamp.micros,
        silence.after.timestamp.micros,
    );
    let before = host.lines_between(from - 2 * HOUR_MICROS, from);
    let after = host.lines_between(to, to + 2 * HOUR_MICROS);
    let hours = silence.micros() as f64 / HOUR_MICROS as f64;
    (before.min(after) as f64 / 2.0 * hours) as u64
}

/// Hours of the log's own wall clock since 1970.
fn local_hours(moment: Timestamp) -> i64 {
    let minutes = moment.micros.div_euclid(MINUTE_MICROS) + i64::from(moment.offset_minutes);
    minutes.div_euclid(60)
}

fn touches_weekend(from: Timestamp, to: Timestamp) -> bool {
    let (first, last) = (local_hours(from) / 24, local_hours(to) / 24);
    // The first of January 1970 was a Thursday.
    (first..=last.min(first + 7)).any(|day| matches!(day.rem_euclid(7), 2 | 3))
}

/// Between seven and twenty o'clock of one working day.
fn is_in_daylight(silence: &Silence) -> bool {
    let (from, to) = (silence.before.timestamp, silence.after.timestamp);
    let (first, last) = (local_hours(from), local_hours(to));
    let same_day = first.div_euclid(24) == last.div_euclid(24);
    same_day && first.rem_euclid(24) >= 7 && last.rem_euclid(24) < 20 && !touches_weekend(from, to)
}

/// The hour that a clock without offset leaves out, early on a Sunday.
fn is_daylight_saving(silence: &Silence) -> bool {
    let from = silence.before.timestamp;
    let minutes = from.micros.div_euclid(MINUTE_MICROS) + i64::from(from.offset_minutes);
    let is_sunday = local_hours(from).div_euclid(24).rem_euclid(7) == 3;
    let is_early = (0..4).contains(&local_hours(from).rem_euclid(24));
    let until_full = 60 - minutes.rem_euclid(60);
    let rest = silence.micros() - until_full * MINUTE_MICROS;
    is_sunday
        && is_early
        && until_full <= 10
        && (60 * MINUTE_MICROS..=75 * MINUTE_MICROS).contains(&rest)
}

fn mitigations(silence: &Silence, unusual: Option<&Unusual>) -> Vec<Mitigation> {
    let mut mitigations = Vec::new();
    if silence.has_start {
        let (name, weight, detail) = if silence.has_stop {
            (
                "was-stopped",
                0.6,
                "the mail system was stopped before and started after",
            )
        } else {
            ("restarted", 0.15, "the mail system was started after it")
        };
        mitigations.push(Mitigation {
            name,
            weight,
            detail: detail.to_owned(),
        });
    }
    if unusual.is_some_and(|unusual| !unusual.is_known) {
        mitigations.push(Mitigation {
            name: "unseen-hours",
            weight: 0.5,
            detail: "the log holds no other day to compare these hours with".to_owned(),
        });
    }
    mitigations
}

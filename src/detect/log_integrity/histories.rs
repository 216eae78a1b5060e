//! Messages whose history cannot be, and whom their missing lines belong to.

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use serde_json::json;

use super::super::Context;
use super::{DETECTOR, EXTRACT_SHARE, MIN_IMPOSSIBLE, MIN_SELECTIVE, Trouble, losses, subject};
use crate::correlate::{Flaw, OriginKind, Symbol};
use crate::finding::{Evidence, Signal};
use crate::read::HostRhythm;
use crate::tables::{Impossible, columns};

/// What is this close to a silence or to a notice of lost lines is explained by it.
const NEAR_MICROS: i64 = 600 * 1_000_000;
/// Lines quoted.
const N_LINES: usize = 5;
/// Chance that a loss which does not choose would meet one sender alone.
const CHANCE: f64 = 1e-6;

pub(super) fn troubles(context: &Context<'_>) -> Result<Vec<Trouble>> {
    let senders = Senders::read(context)?;
    let hosts = context.coverage.hosts.iter();
    let judged = hosts.filter_map(|host| judge(context, host, &senders));
    Ok(judged.collect())
}

/// How many messages each host has of each sender, with a beginning.
struct Senders {
    whole: HashMap<(Symbol, Symbol), usize>,
}

impl Senders {
    fn read(context: &Context<'_>) -> Result<Self> {
        let table = &context.tables.messages;
        let numbers = table.column(columns::MESSAGE)?.u32()?;
        let hosts = table.column(columns::HOST)?.u32()?;
        let from = table.column(columns::FROM)?.u32()?;
        let origins = table.column(columns::ORIGIN)?.u32()?;
        let flawed = context.tables.impossible.iter().map(|seen| seen.message);
        let flawed: HashSet<u32> = flawed.collect();
        let mut whole: HashMap<(Symbol, Symbol), usize> = HashMap::new();
        for row in 0..table.height() {
            let symbol = |cell: Option<u32>| cell.and_then(Symbol::from_u32);
            let (Some(host), Some(from)) = (symbol(hosts.get(row)), symbol(from.get(row))) else {
                continue;
            };
            let has_beginning = origins.get(row) == Some(OriginKind::Smtpd as u32)
                || origins.get(row) == Some(OriginKind::Pickup as u32);
            let is_flawed = numbers.get(row).is_some_and(|n| flawed.contains(&n));
            if has_beginning && !is_flawed {
                *whole.entry((host, from)).or_default() += 1;
            }
        }
        Ok(Self { whole })
    }

    fn of_host(&self, host: Symbol) -> usize {
        let of_host = self.whole.iter().filter(|((other, _), _)| *other == host);
        of_host.map(|(_, n)| n).sum()
    }
}

fn judge(context: &Context<'_>, host: &HostRhythm, senders: &Senders) -> Option<Trouble> {
    let strings = &context.tables.strings;
    let of_host = context.tables.impossible.iter();
    let of_host = of_host.filter(|seen| strings.get(seen.host) == host.host);
    let found: Vec<&Impossible> = of_host
        .filter(|seen| !is_explained(context, host, seen))
        .collect();
    let (first, last) = (found.first()?, found.last()?);
    if (found.len() as f64) < context.threshold(&MIN_IMPOSSIBLE) {
        return None;
    }
    let n_whole = senders.of_host(first.host);
    let share = found.len() as f64 / (found.len() + n_whole) as f64;
    let signals = if share > context.threshold(&EXTRACT_SHARE) {
        vec![left_out(&found, n_whole)]
    } else {
        vec![
            impossible(&found, n_whole),
            selective(context, &found, senders),
        ]
    };
    let (kind, name) = subject(&host.host);
    Some(Trouble {
        kind,
        title: format!("Lines are missing from the log of {name}"),
        summary: format!(
            "{} messages of {name} between {} and {} have histories that cannot be ({}); {n_whole} are whole.",
            found.len(),
            first.first_seen.for_people(),
            last.first_seen.for_people(),
            in_words(&found)
        ),
        name,
        signals,
        mitigations: Vec::new(),
        first: found.iter().map(|seen| seen.first_seen).min()?,
        last: found.iter().map(|seen| seen.first_seen).max()?,
        n_messages: Some(found.len() as u64),
        queue_ids: found.iter().map(|seen| seen.queue_id.to_string()).collect(),
        evidence: found
            .iter()
            .take(N_LINES)
            .chain(found.last())
            .map(|seen| Evidence::at(seen.first_line, seen.first_seen))
            .collect(),
        uncertain: vec![
            "Lines can be lost on the way (UDP, a rate limit that is logged elsewhere) without anybody's will.".to_owned(),
        ],
    })
}

/// True near a silence or a notice of lost lines, which are findings of their own.
fn is_explained(context: &Context<'_>, host: &HostRhythm, seen: &Impossible) -> bool {
    let micros = [seen.arrived_micros, seen.first_seen.micros];
    let is_near = |from: i64, to: i64| {
        let range = from - NEAR_MICROS..=to + NEAR_MICROS;
        micros.iter().any(|micros| range.contains(micros))
    };
    let mut silences = host.silences.iter();
    let by_silence = silences.any(|silence| {
        is_near(
            silence.before.timestamp.micros,
            silence.after.timestamp.micros,
        )
    });
    by_silence
        || losses::of_host(context, host).any(|loss| {
            let micros = loss.seen.timestamp.micros;
            is_near(micros, micros)
        })
}

fn impossible(found: &[&Impossible], n_whole: usize) -> Option<Signal> {
    DETECTOR.signal(
        "impossible-histories",
        format!(
            "{} of {} messages: {}",
            found.len(),
            found.len() + n_whole,
            in_words(found)
        ),
        json!({ "impossible": found.len(), "whole": n_whole }),
    )
}

fn left_out(found: &[&Impossible], n_whole: usize) -> Option<Signal> {
    DETECTOR.signal(
        "lines-left-out",
        format!(
            "{} of {} messages lack lines that Postfix always writes: an extract, or a filter of the logging system",
            found.len(),
            found.len() + n_whole
        ),
        json!({ "impossible": found.len(), "whole": n_whole }),
    )
}

/// Beginnings are missing for one sender alone, whose other mail is whole.
fn selective(context: &Context<'_>, found: &[&Impossible], senders: &Senders) -> Option<Signal> {
    let first = found.first()?;
    let from = first.from?;
    let is_alike = |seen: &&Impossible| seen.flaw == Flaw::NeverEntered && seen.from == Some(from);
    if (found.len() as f64) < context.threshold(&MIN_SELECTIVE) || !found.iter().all(is_alike) {
        return None;
    }
    let n_own = *senders.whole.get(&(first.host, from))?;
    let n_all = senders.of_host(first.host) + found.len();
    let share = (n_own + found.len()) as f64 / n_all as f64;
    if share.powf(found.len() as f64) > CHANCE {
        return None;
    }
    DETECTOR.signal(
        "selective",
        format!(
            "all {} are from {}, of whom {n_own} others are whole, as are all of everybody else's",
            found.len(),
            context.tables.strings.get(from)
        ),
        json!({ "messages": found.len(), "whole": n_own }),
    )
}

/// How many lack what.
fn in_words(found: &[&Impossible]) -> String {
    let kinds = [
        (
            Flaw::NeverEntered,
            "arrived, but no line tells how they came in",
        ),
        (Flaw::NeverQueued, "were delivered, but never queued"),
        (
            Flaw::NeverDelivered,
            "were done with, but no line tells of a recipient",
        ),
    ];
    let told = kinds.iter().filter_map(|(flaw, words)| {
        let n = found.iter().filter(|seen| seen.flaw == *flaw).count();
        (n > 0).then(|| format!("{n} {words}"))
    });
    told.collect::<Vec<String>>().join("; ")
}

//! What stood in the way of reading: files that break off, lines not understood, messages let go, doubtful years.

use serde_json::json;

use super::super::Context;
use super::{DETECTOR, Trouble, UNKNOWN_SHARE};
use crate::finding::{Evidence, Mitigation, Signal, SubjectKind};
use crate::mail::{LineRef, Timestamp};
use crate::read::{FaultCoverage, FileCoverage};

/// Fewer lines that are not understood than this are a curiosity.
const MIN_UNKNOWN: u64 = 50;
/// How much later than its end another file's lines must be for a broken-off file to be in the middle.
const LATER_MICROS: i64 = 3_600 * 1_000_000;

pub(super) fn troubles(context: &Context<'_>) -> Vec<Trouble> {
    let faults = context.coverage.faults.iter();
    let mut troubles: Vec<Trouble> = faults
        .filter_map(|fault| broken_off(context, fault))
        .collect();
    troubles.extend(not_understood(context));
    troubles.extend(let_go(context));
    troubles.extend(doubtful_years(context));
    troubles
}

/// A trouble of a file that is proved by one of its lines.
fn trouble(file: &str, line: LineRef, seen: Timestamp, signal: Option<Signal>) -> Trouble {
    Trouble {
        kind: SubjectKind::Log,
        name: file.to_owned(),
        signals: vec![signal],
        mitigations: Vec::new(),
        title: String::new(),
        summary: String::new(),
        first: seen,
        last: seen,
        n_messages: None,
        queue_ids: Vec::new(),
        evidence: vec![Evidence::at(line, seen)],
        uncertain: Vec::new(),
    }
}

/// A file's last line, where it has any with a time.
fn end_of(file: usize, coverage: &FileCoverage) -> Option<(LineRef, Timestamp)> {
    let at = LineRef {
        file: u32::try_from(file).ok()?,
        line: u32::try_from(coverage.lines).ok()?,
    };
    Some((at, coverage.last_seen?))
}

fn broken_off(context: &Context<'_>, fault: &FaultCoverage) -> Option<Trouble> {
    let coverage = context.coverage;
    let place = coverage
        .files
        .iter()
        .position(|file| file.file == fault.file)?;
    let (line, seen) = end_of(place, &coverage.files[place])?;
    let signal = DETECTOR.signal(
        "broken-off",
        format!("{} after {} lines", fault.message, fault.lines_read),
        json!({ "lines_read": fault.lines_read }),
    );
    let is_last = coverage
        .last_seen
        .is_none_or(|last| last.micros - seen.micros < LATER_MICROS);
    let at_the_end = is_last.then(|| Mitigation {
        name: "at-the-end",
        weight: 0.25,
        detail: "the log is read up to there; nothing later is known anyway".to_owned(),
    });
    Some(Trouble {
        title: format!("{} could not be read to its end", fault.file),
        summary: format!(
            "{} breaks off after {} lines, at {}: {}.",
            fault.file,
            fault.lines_read,
            seen.for_people(),
            fault.message
        ),
        mitigations: at_the_end.into_iter().collect(),
        ..trouble(&fault.file, line, seen, signal)
    })
}

fn not_understood(context: &Context<'_>) -> Option<Trouble> {
    let coverage = context.coverage;
    let first = coverage.first_unknown?;
    let share = coverage.unknown as f64 / (coverage.understood + coverage.unknown) as f64;
    if share < context.threshold(&UNKNOWN_SHARE) || coverage.unknown < MIN_UNKNOWN {
        return None;
    }
    let n_mail = coverage.understood + coverage.unknown;
    let detail = format!("{} of {n_mail} lines of mail programs", coverage.unknown);
    let facts = json!({ "unknown": coverage.unknown, "mail_lines": n_mail });
    let file = &coverage.files[first.at.file as usize].file;
    Some(Trouble {
        title: "Many lines are not understood".to_owned(),
        summary: format!(
            "{} of {n_mail} lines of mail programs say something that no rule understands \
             (`mailsleuth events --unknown` lists them): what they tell is missing from every answer.",
            coverage.unknown
        ),
        ..trouble(
            file,
            first.at,
            first.timestamp,
            DETECTOR.signal("not-understood", detail, facts),
        )
    })
}

fn let_go(context: &Context<'_>) -> Option<Trouble> {
    let coverage = context.coverage;
    let n_evicted = coverage.n_evicted;
    let mut ends = coverage.files.iter().enumerate().rev();
    let (file, (line, seen)) = ends.find_map(|(place, file)| Some((file, end_of(place, file)?)))?;
    let signal = DETECTOR.signal(
        "let-go",
        format!("{n_evicted} messages were let go before their end"),
        json!({ "messages": n_evicted }),
    );
    (n_evicted > 0).then(|| Trouble {
        title: "More messages were open than can be kept".to_owned(),
        summary: format!(
            "{n_evicted} messages without an end were let go early: what became of them later is told as of others. \
             No queue is so long; somebody may write lines into this log.",
        ),
        ..trouble(&file.file, line, seen, signal)
    })
}

fn doubtful_years<'a>(context: &'a Context<'_>) -> impl Iterator<Item = Trouble> + 'a {
    let coverage = context.coverage;
    let years = coverage.years.iter();
    years.filter_map(|year| {
        let contradiction = year.contradictions.first()?;
        let place = coverage.files.iter().position(|file| file.file == year.file)?;
        let seen = coverage.files[place].first_seen?;
        let line = LineRef {
            file: u32::try_from(place).ok()?,
            line: 1,
        };
        let detail = format!("{} because of {}, but {contradiction}", year.year, year.because);
        let signal = DETECTOR.signal("year-doubtful", detail, json!({ "year": year.year }));
        Some(Trouble {
            title: format!("The year of {} is doubtful", year.file),
            summary: format!(
                "{} was read as of {} ({}), but {contradiction}: if that is wrong, so are all its times (--year).",
                year.file, year.year, year.because
            ),
            ..trouble(&year.file, line, seen, signal)
        })
    })
}

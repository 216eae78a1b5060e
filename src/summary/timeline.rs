//! Messages over time, with the part that a finding is about.

use anyhow::Result;
use hashbrown::HashSet;
use polars::prelude::*;

use crate::answer::{Bar, Chart};
use crate::finding::{Finding, SubjectKind};
use crate::mail::Timestamp;
use crate::tables::{Tables, columns};

/// Fits a line of 80 columns with its marks.
const MAX_BARS: i64 = 60;
const MINUTE_MICROS: i64 = 60_000_000;
/// Minutes that a bar may stand for.
const SPANS: [i64; 12] = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080];

/// All messages accepted, over time.
pub(super) fn of_all(tables: &Tables) -> Result<Chart> {
    let moments = moments(tables, |_, _| Some(false))?;
    Ok(chart(&moments, "Messages", None))
}

/// What a finding's account handed in, or whatever else the finding names; empty where it names no messages.
pub fn timeline(tables: &Tables, finding: &Finding) -> Result<Chart> {
    let named: HashSet<&str> = finding.queue_ids.iter().map(String::as_str).collect();
    if named.is_empty() {
        return Ok(Chart::default());
    }
    let is_account = finding.subject.kind == SubjectKind::Account;
    let login = tables.strings.find(&finding.subject.name);
    let login = login.filter(|_| is_account).map(|login| login.to_u32());
    let during = finding.first_seen.micros..=finding.last_seen.micros;
    let moments = moments(tables, |row, micros| {
        let is_named = named.contains(row.queue_id) && during.contains(&micros);
        let is_subject = login.is_some() && row.sasl_username == login;
        (is_named || is_subject).then_some(is_named)
    })?;
    let marked = is_account.then_some("somebody else's");
    Ok(chart(&moments, "Messages", marked))
}

/// What decides whether a message is shown.
struct Row<'a> {
    queue_id: &'a str,
    sasl_username: Option<u32>,
}

/// When the chosen submissions arrived, and whether they are marked.
fn moments(
    tables: &Tables,
    choose: impl Fn(&Row<'_>, i64) -> Option<bool>,
) -> Result<Vec<(Timestamp, bool)>> {
    let messages = &tables.messages;
    let numbers = |name| -> Result<&UInt32Chunked> { Ok(messages.column(name)?.u32()?) };
    let (own, roots) = (numbers(columns::MESSAGE)?, numbers(columns::SUBMISSION)?);
    let logins = numbers(columns::SASL_USERNAME)?;
    let queue_ids = messages.column(columns::QUEUE_ID)?.str()?;
    let first_seen = messages.column(columns::FIRST_SEEN)?.i64()?;
    let offsets = messages.column(columns::OFFSET_MINUTES)?.i32()?;
    let rows = (0..messages.height()).filter(|row| own.get(*row) == roots.get(*row));
    let moments = rows.filter_map(|row| {
        let micros = first_seen.get(row)?;
        let shown = Row {
            queue_id: queue_ids.get(row)?,
            sasl_username: logins.get(row),
        };
        let is_marked = choose(&shown, micros)?;
        let offset_minutes = offsets.get(row)?.try_into().ok()?;
        let moment = Timestamp {
            micros,
            offset_minutes,
            digits: 0,
        };
        Some((moment, is_marked))
    });
    Ok(moments.collect())
}

/// As fine as fits.
fn chart(moments: &[(Timestamp, bool)], what: &str, marked: Option<&'static str>) -> Chart {
    let (Some(first), Some(last)) = (
        moments.iter().map(|(moment, _)| *moment).min(),
        moments.iter().map(|(moment, _)| *moment).max(),
    ) else {
        return Chart::default();
    };
    let minutes = (last.micros - first.micros) / MINUTE_MICROS + 1;
    let span = SPANS.iter().find(|span| minutes / **span < MAX_BARS);
    let span = span.copied().unwrap_or(minutes / MAX_BARS + 1);
    let span_micros = span * MINUTE_MICROS;
    // Bars begin at full spans of the log's own zone.
    let zone = i64::from(first.offset_minutes) * 60_000_000;
    let bar_of = |moment: Timestamp| (moment.micros + zone).div_euclid(span_micros);
    let n_bars = bar_of(last) - bar_of(first) + 1;
    let bar = |at: i64| Bar {
        label: label((bar_of(first) + at) * span_micros - zone, first),
        ..Bar::default()
    };
    let mut bars: Vec<Bar> = (0..n_bars).map(bar).collect();
    for (moment, is_marked) in moments {
        let at = usize::try_from(bar_of(*moment) - bar_of(first)).unwrap_or(0);
        bars[at].all += 1;
        bars[at].marked += u64::from(*is_marked);
    }
    let title = match span {
        60 => format!("{what} an hour"),
        1440 => format!("{what} a day"),
        minutes if minutes > 60 => format!("{what} in {} hours", minutes / 60),
        minutes => format!("{what} in {minutes} minutes"),
    };
    Chart {
        title,
        marked,
        bars,
    }
}

/// `11-19 22:00`, in the offset of the log.
fn label(micros: i64, like: Timestamp) -> String {
    let moment = Timestamp { micros, ..like }.for_people();
    moment.get(5..16).unwrap_or_default().to_owned()
}

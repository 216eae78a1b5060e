//! The year of a year-less log: from its own lines, its siblings, its name, its file's times.

use super::dates::{date_of_days, days_in_month, days_of_date};
use super::head::{Head, MAX_DAYS_BACK};
use super::timestamp::LocalTime;
use crate::input::Source;

const DAY: i64 = 86400;

/// The year of a source's first year-less line, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) year: i32,
    pub(super) because: String,
    /// From the log's own lines, which nothing else can outweigh.
    pub(super) is_proven: bool,
}

/// Decides for every source with a year-less line, in the order of the sources.
pub(super) fn decide(sources: &[Source], heads: &[Head], now: i64) -> Vec<Option<Decision>> {
    let mut decisions: Vec<_> = heads.iter().map(from_lines).collect();
    for place in 0..sources.len() {
        let Some((_, first)) = heads[place].first_yearless else {
            continue;
        };
        if decisions[place].is_none() {
            let head = &heads[place];
            decisions[place] = from_sibling(place, sources, heads, &decisions, now)
                .or_else(|| from_times(lasting_times(&sources[place]), head, &first, now))
                .or_else(|| from_company(place, sources, heads, &decisions))
                .or_else(|| from_times(write_time(&sources[place]), head, &first, now))
                .or_else(|| from_now(head, &first, now));
        }
    }
    decisions
}

fn from_lines(head: &Head) -> Option<Decision> {
    head.first_yearless?;
    let because;
    let year;
    if let Some(proof) = head.proofs.first() {
        year = proof.first_year;
        let (kind, id, line) = (proof.proof.kind.as_str(), &proof.proof.id, proof.line);
        because = format!("{kind} {id} on line {line}");
    } else {
        let neighbor = head.neighbor.as_ref()?;
        year = neighbor.first_year;
        let (line, time) = (neighbor.line, neighbor.time);
        because = format!("line {line} has a complete time, {time}");
    }
    Some(Decision {
        year,
        because,
        is_proven: true,
    })
}

/// A log of the same rotation whose own lines tell its year.
fn from_sibling(
    place: usize,
    sources: &[Source],
    heads: &[Head],
    decisions: &[Option<Decision>],
    now: i64,
) -> Option<Decision> {
    let (stem, number) = rotation(&sources[place].name);
    let (_, first) = heads[place].first_yearless?;
    let siblings = (0..sources.len()).filter_map(|other| {
        let (other_stem, other_number) = rotation(&sources[other].name);
        if other == place || other_stem != stem {
            return None;
        }
        let time = match (&decisions[other], heads[other].first_yearless) {
            (Some(decision), Some((_, first))) if decision.is_proven => {
                seconds(decision.year, &first)
            }
            (None, None) => complete_time(&heads[other])?,
            _ => return None,
        };
        Some((
            number.abs_diff(other_number),
            other_number < number,
            time,
            other,
        ))
    });
    let (_, is_older, time, other) = siblings.min_by_key(|&(distance, ..)| distance)?;
    let year = if is_older {
        latest_year(&first, &heads[place], time + DAY)
    } else {
        // The earliest year that is not before the sibling, and not in the future.
        let mut year = latest_year(&first, &heads[place], now + DAY)?;
        while seconds(year - 1, &first) >= time - DAY {
            year -= 1;
        }
        Some(year)
    };
    Some(Decision {
        year: year?,
        because: format!(
            "{}, of the same rotation, begins {}",
            sources[other].name,
            date(time)
        ),
        is_proven: false,
    })
}

fn complete_time(head: &Head) -> Option<i64> {
    match head.first {
        super::Stamp::Absolute(time) => Some(time.seconds()),
        super::Stamp::Local(time) => Some(seconds(time.year?, &time)),
        super::Stamp::Missing => None,
    }
}

/// The name without what rotation appends, and the number that it counts.
fn rotation(name: &str) -> (&str, u32) {
    let bare = [".gz", ".bz2", ".xz", ".zst"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix));
    let bare = bare.unwrap_or(name);
    match bare.rsplit_once('.') {
        Some((stem, number)) if !number.is_empty() => match number.parse() {
            Ok(number) => (stem, number),
            Err(_) => (bare, 0),
        },
        _ => (bare, 0),
    }
}

/// From times that are not in the log: of rotation, of compression, of the last write.
fn from_times(
    times: Vec<(i64, String)>,
    head: &Head,
    first: &LocalTime,
    now: i64,
) -> Option<Decision> {
    let (limit, because) = times.into_iter().find(|&(limit, _)| limit <= now + DAY)?;
    Some(Decision {
        year: latest_year(first, head, limit + DAY)?,
        because,
        is_proven: false,
    })
}

/// Logs of several hosts that are read together are of one time: what proves the year of one speaks for
/// another that begins within weeks of it, and whose file may have been copied since.
fn from_company(
    place: usize,
    sources: &[Source],
    heads: &[Head],
    decisions: &[Option<Decision>],
) -> Option<Decision> {
    let (_, first) = heads[place].first_yearless?;
    let others = (0..sources.len()).filter(|&other| other != place);
    let proven = others.filter_map(|other| {
        let decision = decisions[other].as_ref().filter(|d| d.is_proven)?;
        let (_, other_first) = heads[other].first_yearless?;
        let time = seconds(decision.year, &other_first);
        let years = decision.year - 1..=decision.year + 1;
        let (apart, year) = years
            .map(|year| ((seconds(year, &first) - time).abs(), year))
            .min()?;
        (apart <= MAX_DAYS_BACK * DAY).then_some((apart, other, year, time))
    });
    let (_, other, year, time) = proven.min()?;
    Some(Decision {
        year,
        because: format!(
            "{}, read with it, begins {}",
            sources[other].name,
            date(time)
        ),
        is_proven: false,
    })
}

/// No line of the source is later than these, best first.
fn outer_times(source: &Source) -> Vec<(i64, String)> {
    let mut times = lasting_times(source);
    times.extend(write_time(source));
    times
}

/// Those that stay when the file is copied.
fn lasting_times(source: &Source) -> Vec<(i64, String)> {
    let mut times = Vec::new();
    if let Some((year, month, day)) = source.name_date {
        let end = days_of_date(year, month, day) * DAY + DAY;
        times.push((
            end,
            format!("the file's name says {year}-{month:02}-{day:02}"),
        ));
    }
    if let Some(time) = source.gzip_modified {
        times.push((time, format!("its gzip header says {}", date(time))));
    }
    times
}

fn write_time(source: &Source) -> Vec<(i64, String)> {
    let time = source.modified.into_iter();
    time.map(|time| (time, format!("the file was written last on {}", date(time))))
        .collect()
}

fn from_now(head: &Head, first: &LocalTime, now: i64) -> Option<Decision> {
    Some(Decision {
        year: latest_year(first, head, now + DAY)?,
        because: "the latest that puts no line in the future; nothing proves it".to_owned(),
        is_proven: false,
    })
}

/// What speaks against a decision: a file can't be older than its lines.
pub(super) fn contradictions(
    source: &Source,
    first: &LocalTime,
    decision: &Decision,
    now: i64,
) -> Vec<String> {
    let time = seconds(decision.year, first);
    let mut found: Vec<_> = outer_times(source)
        .into_iter()
        .filter(|&(limit, _)| time > limit + 2 * DAY)
        .map(|(_, text)| format!("{text}, before its first line"))
        .collect();
    if time > now + DAY {
        found.push(format!(
            "it begins {}, in the future of this computer",
            date(time)
        ));
    }
    found
}

/// The latest year in which the time is before the limit, and February 29 exists where the log has one.
fn latest_year(first: &LocalTime, head: &Head, limit: i64) -> Option<i32> {
    let (year, _, _) = date_of_days(limit.div_euclid(DAY));
    (year - 12..=year).rev().find(|&year| {
        let is_day = u32::from(first.day) <= days_in_month(year, first.month);
        let has_leap_day = head
            .leap_day
            .is_none_or(|n| days_in_month(year + n, 2) == 29);
        is_day && has_leap_day && seconds(year, first) <= limit
    })
}

/// The seconds since the epoch that a wall clock in UTC would mean.
pub(super) fn seconds(year: i32, time: &LocalTime) -> i64 {
    days_of_date(year, time.month, time.day) * DAY + i64::from(time.second)
}

fn date(seconds: i64) -> String {
    let (year, month, day) = date_of_days(seconds.div_euclid(DAY));
    format!("{year}-{month:02}-{day:02}")
}

/// The days of year-less lines, one after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Calendar {
    /// Year of the first year-less line, if no line before tells one.
    first_year: Option<i32>,
    /// The latest day so far.
    latest: Option<i64>,
    recent: Option<(u8, u8, i64)>,
}

impl Calendar {
    pub(super) fn new(first_year: Option<i32>) -> Self {
        Self {
            first_year,
            ..Self::default()
        }
    }

    /// The day of a line without a year: the first one that is not far before the latest day seen.
    /// A day after `last_day` belongs to the year before.
    pub(super) fn day(&mut self, month: u8, day: u8, last_day: i64) -> i64 {
        if let Some((recent_month, recent_day, days)) = self.recent
            && (recent_month, recent_day) == (month, day)
        {
            return days;
        }
        let days = self.find_day(month, day, last_day);
        self.recent = Some((month, day, days));
        self.latest = Some(self.latest.map_or(days, |latest| latest.max(days)));
        days
    }

    fn find_day(&self, month: u8, day: u8, last_day: i64) -> i64 {
        let Some(latest) = self.latest else {
            let (this_year, _, _) = date_of_days(last_day);
            let days = days_of_date(self.first_year.unwrap_or(this_year), month, day);
            let is_ahead = self.first_year.is_none() && days > last_day;
            return if is_ahead {
                days_of_date(this_year - 1, month, day)
            } else {
                days
            };
        };
        let (mut year, _, _) = date_of_days(latest - MAX_DAYS_BACK);
        while days_of_date(year, month, day) < latest - MAX_DAYS_BACK {
            year += 1;
        }
        let days = days_of_date(year, month, day);
        if days > last_day.max(latest) {
            days_of_date(year - 1, month, day)
        } else {
            days
        }
    }

    /// A line with a complete time shows where the calendar stands; lines behind it are of that time.
    pub(super) fn see(&mut self, days: i64) {
        if self.latest.is_none_or(|latest| latest < days) {
            self.latest = Some(days);
            self.recent = None;
        }
    }

    /// A line proves another day than the calendar's.
    pub(super) fn set(&mut self, days: i64) {
        self.latest = Some(days);
        self.recent = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(first_year: i32, last: (i32, u8, u8), dates: &[(u8, u8)]) -> Vec<i32> {
        let mut calendar = Calendar::new(Some(first_year));
        let last_day = days_of_date(last.0, last.1, last.2);
        let days = dates
            .iter()
            .map(|&(month, day)| calendar.day(month, day, last_day));
        days.map(|day| date_of_days(day).0).collect()
    }

    #[test]
    fn years_follow_from_the_lines_before() {
        let future = (2099, 1, 1);
        let new_year = [(12, 28), (12, 31), (1, 1), (12, 31), (1, 2)];
        assert_eq!(
            days(2023, future, &new_year),
            [2023, 2023, 2024, 2023, 2024]
        );
        let whole_years = [(2, 1), (2, 29), (11, 1), (2, 28), (12, 20), (1, 1)];
        assert_eq!(
            days(2024, future, &whole_years),
            [2024, 2024, 2024, 2025, 2025, 2026]
        );
        // A clock without a battery starts in January: no new year, and no later line follows it.
        let no_battery = [(11, 21), (1, 1), (11, 22)];
        assert_eq!(days(2026, (2026, 11, 23), &no_battery), [2026, 2026, 2026]);
    }

    #[test]
    fn rotation_numbers() {
        assert_eq!(rotation("/var/log/mail.log.2.gz"), ("/var/log/mail.log", 2));
        assert_eq!(rotation("/var/log/mail.log"), ("/var/log/mail.log", 0));
        assert_eq!(rotation("maillog"), ("maillog", 0));
    }
}

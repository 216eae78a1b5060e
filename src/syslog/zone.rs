//! The zone of a wall clock: a place with its daylight saving, or a fixed offset.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// Seconds during which an offset is taken as constant. All changes happen at a full quarter of an hour.
const SLOT: i64 = 900;
/// In the hour that the end of daylight saving repeats, a step back of more than this starts the second turn.
const MAX_SECONDS_BACK: i64 = 300;

/// What `--timezone` takes: a name of the IANA database (`Europe/Berlin`), `UTC`, or an offset (`+01:00`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    Named(Tz),
    /// Minutes east of UTC.
    Fixed(i16),
}

impl Zone {
    /// The zone of this computer: `TZ`, or its configuration; UTC if neither can be read.
    pub fn of_this_computer() -> Self {
        let variable = std::env::var("TZ").ok();
        let variable = variable.map(|tz| tz.trim_start_matches(':').to_owned());
        let from_variable = variable.and_then(|tz| tz.parse().ok());
        let from_system = || iana_time_zone::get_timezone().ok()?.parse().ok();
        from_variable.or_else(from_system).unwrap_or(Self::Fixed(0))
    }

    /// Minutes east of UTC at a moment, in seconds since the epoch.
    pub fn offset_at(self, utc: i64) -> i16 {
        match self {
            Self::Fixed(minutes) => minutes,
            Self::Named(tz) => {
                let utc = DateTime::from_timestamp(utc, 0).unwrap_or_default();
                let offset = tz.offset_from_utc_datetime(&utc.naive_utc());
                minutes(offset.fix().local_minus_utc())
            }
        }
    }

    /// What a wall clock's time can mean, in seconds since the epoch of that clock.
    fn turns(self, local: i64) -> Turns {
        let tz = match self {
            Self::Fixed(minutes) => return Turns::One(i32::from(minutes) * 60),
            Self::Named(tz) => tz,
        };
        let at = |local: i64| tz.offset_from_local_datetime(&naive(local));
        let seconds = |offset: <Tz as TimeZone>::Offset| offset.fix().local_minus_utc();
        match at(local) {
            LocalResult::Single(offset) => Turns::One(seconds(offset)),
            LocalResult::Ambiguous(one, two) => {
                let (one, two) = (seconds(one), seconds(two));
                Turns::Two(one.max(two), one.min(two))
            }
            // A clock that was not put forward in time: as if it had not been yet.
            LocalResult::None => (1..=12)
                .find_map(|n| at(local - n * SLOT).earliest())
                .map_or(Turns::One(0), |offset| Turns::One(seconds(offset))),
        }
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if matches!(text, "Z" | "z") {
            return Ok(Self::Fixed(0));
        }
        if let Some(minutes) = fixed_offset(text) {
            return Ok(Self::Fixed(minutes));
        }
        let by_name = |tz: &&Tz| tz.name().eq_ignore_ascii_case(text);
        let zone = chrono_tz::TZ_VARIANTS.iter().find(by_name);
        zone.map(|&tz| Self::Named(tz)).ok_or_else(|| {
            format!("{text}: no time zone; name one like Europe/Berlin, UTC or +01:00")
        })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(tz) => f.write_str(tz.name()),
            Self::Fixed(minutes) => {
                let sign = if *minutes < 0 { '-' } else { '+' };
                let minutes = minutes.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

fn fixed_offset(text: &str) -> Option<i16> {
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    let digits: String = rest.chars().filter(|&c| c != ':').collect();
    let is_number = digits.bytes().all(|b| b.is_ascii_digit());
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.as_str(), "0"),
        4 => digits.split_at_checked(2)?,
        _ => return None,
    };
    let (hours, minutes) = (hours.parse::<i16>().ok()?, minutes.parse::<i16>().ok()?);
    (is_number && hours <= 15 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn naive(seconds: i64) -> NaiveDateTime {
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .naive_utc()
}

fn minutes(seconds: i32) -> i16 {
    (seconds / 60) as i16
}

/// Offsets in seconds that a wall clock's time may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turns {
    One(i32),
    /// The hour that is repeated when daylight saving ends: first turn, second turn.
    Two(i32, i32),
}

/// One host's wall clock.
#[derive(Debug, Clone)]
pub(super) struct WallClock {
    pub(super) zone: Zone,
    slot: i64,
    turns: Turns,
    /// The latest moment shown, in seconds since the epoch.
    latest: i64,
}

impl WallClock {
    pub(super) fn new(zone: Zone) -> Self {
        Self {
            zone,
            slot: i64::MIN,
            turns: Turns::One(0),
            latest: i64::MIN / 2,
        }
    }

    pub(super) fn set_zone(&mut self, zone: Zone) {
        self.zone = zone;
        self.slot = i64::MIN;
    }

    /// The moment at which the clock showed `local`, and the offset to show it with, in minutes.
    pub(super) fn resolve(&mut self, local: i64) -> (i64, i16) {
        let slot = local.div_euclid(SLOT);
        if slot != self.slot {
            self.turns = self.zone.turns(local);
            self.slot = slot;
        }
        let offset = match self.turns {
            Turns::One(offset) => offset,
            Turns::Two(first, second) => {
                let is_second = local - i64::from(first) < self.latest - MAX_SECONDS_BACK;
                // Out of all reach: the line before is of another time, not of the first turn.
                let is_near = self.latest - (local - i64::from(first)) < 2 * 3600;
                if is_second && is_near { second } else { first }
            }
        };
        let utc = local - i64::from(offset);
        self.latest = utc;
        (utc, minutes(offset))
    }

    /// The clock of a line that says its offset itself.
    pub(super) fn see(&mut self, utc: i64) {
        self.latest = utc;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syslog::dates::days_of_date;

    #[test]
    fn zones_by_name_and_offset() {
        let check = |text: &str, expected: &str| {
            let zone = text.parse::<Zone>().map(|z| z.to_string());
            assert_eq!(zone.as_deref().unwrap_or("error"), expected, "{text}");
        };
        check("Europe/Berlin", "Europe/Berlin");
        check("europe/berlin", "Europe/Berlin");
        check("UTC", "UTC");
        check("Z", "+00:00");
        check("+01:00", "+01:00");
        check("-0330", "-03:30");
        check("+5", "+05:00");
        check("+25", "error");
        check("Atlantis", "error");
        check("+", "error");
    }

    /// Times of one day as a clock showed them, and their offsets in minutes.
    fn check(zone: &str, date: (i32, u8, u8), times: &[(i64, i64, i16)]) {
        let mut clock = WallClock::new(zone.parse().unwrap());
        for &(hour, minute, expected) in times {
            let local = days_of_date(date.0, date.1, date.2) * 86400 + hour * 3600 + minute * 60;
            let (utc, offset) = clock.resolve(local);
            assert_eq!(offset, expected, "{zone} {hour}:{minute}");
            assert_eq!(utc, local - i64::from(offset) * 60);
        }
    }

    #[test]
    fn the_end_of_daylight_saving_repeats_an_hour() {
        let times = [
            (1, 59, 120),
            (2, 10, 120),
            (2, 9, 120),
            (2, 50, 120),
            (2, 10, 60),
            (2, 9, 60),
            (3, 0, 60),
        ];
        check("Europe/Berlin", (2024, 10, 27), &times);
        // Only the second turn is seen after it began before: the first one is the better guess.
        check(
            "Europe/Berlin",
            (2024, 10, 27),
            &[(2, 30, 120), (3, 1, 60), (2, 59, 60)],
        );
        let lord_howe = [
            (1, 20, 660),
            (1, 40, 660),
            (1, 50, 660),
            (1, 31, 630),
            (2, 0, 630),
        ];
        check("Australia/Lord_Howe", (2024, 4, 7), &lord_howe);
    }

    #[test]
    fn the_beginning_of_daylight_saving_leaves_an_hour_out() {
        let times = [(1, 59, 60), (2, 30, 60), (3, 0, 120)];
        check("Europe/Berlin", (2024, 3, 31), &times);
        check(
            "-03:30",
            (2024, 3, 31),
            &times.map(|(hour, minute, _)| (hour, minute, -210)),
        );
    }
}

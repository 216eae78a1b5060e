//! Options that all commands have in common, and what they mean.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use clap::{Args, ValueHint};

use crate::options::{Options, Period};
use crate::render::Format;
use crate::syslog::Zone;

/// Options of every command that reads logs.
#[derive(Debug, Args)]
pub struct Common {
    /// Log files (plain, gzip, bzip2, xz, zstd), directories, or - for standard input.
    ///
    /// Without any: standard input if it is a pipe, else the system's maillog and its rotated siblings.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub output: Output,
}

/// Options of every command that reads logs, the paths left out.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct Output {
    /// From when on: RFC 3339, a date (its beginning), `yesterday`, `today`, or how long ago: `2h`, `7d`
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Until when, not included; as for --since
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// Lines of this host only, as the log names it; can be given again
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,

    /// Zone of stamps without an offset: `Europe/Berlin`, `UTC`, `+02:00` [default: what the log proves, else the system's]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,

    /// Year of the oldest stamp without a year [default: what the log proves, else its files' times]
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i32).range(1970..=9999))]
    pub year: Option<i32>,

    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Write to a file, whole or not at all [default: standard output]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Countries and networks from a file in MaxMind's format, before the table in the program; `none`: no look-ups
    #[arg(long, value_name = "FILE.mmdb|none", value_hint = ValueHint::FilePath)]
    pub geoip: Vec<PathBuf>,

    /// Own domains and networks, trusted accounts, thresholds [default: /etc/mailsleuth.toml, if there is one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// Output of `postconf -n`: own domains and networks, and which setting would have stopped what was found
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub postconf: Option<PathBuf>,

    /// Worker threads [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,

    /// Colours in text
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub color: When,

    /// A progress bar on standard error
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub progress: When,

    /// No warnings on standard error
    #[arg(short, long)]
    pub quiet: bool,
}

/// `auto`: if a terminal shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum When {
    #[default]
    Auto,
    Always,
    Never,
}

impl Output {
    /// For a command that reads no logs and writes a document.
    pub(super) fn for_document(format: Format, color: When) -> Self {
        Self {
            format,
            color,
            ..Self::default()
        }
    }

    /// What the library needs to know.
    ///
    /// # Errors
    /// A time or a zone that cannot be read.
    pub fn options(&self, paths: Vec<PathBuf>) -> Result<Options> {
        let without_geoip = self.geoip.iter().any(|path| path.as_os_str() == "none");
        Ok(Options {
            paths,
            period: self.period(Utc::now())?,
            hosts: self.host.clone(),
            timezone: self.timezone.clone(),
            year: self.year,
            threads: self.threads.map_or(0, usize::from),
            geoip: if without_geoip {
                Vec::new()
            } else {
                self.geoip.clone()
            },
            without_geoip,
            config: self.config.clone(),
            postconf: self.postconf.clone(),
        })
    }

    /// For a command whose answer is more than one table.
    ///
    /// # Errors
    /// `--format csv`.
    pub(super) fn refuse_csv(&self) -> Result<()> {
        if self.format == Format::Csv {
            bail!("--format csv: only `messages` and `events` give one table; take json or jsonl");
        }
        Ok(())
    }

    fn period(&self, now: DateTime<Utc>) -> Result<Period> {
        let zone = match &self.timezone {
            Some(name) => name
                .parse()
                .map_err(|error| anyhow!("--timezone {name}: {error}"))?,
            None => Zone::of_this_computer(),
        };
        let moment = |option: &str, text: &Option<String>| match text {
            Some(text) => moment(text, zone, now)
                .map(Some)
                .with_context(|| format!("--{option} {text}")),
            None => Ok(None),
        };
        let period = Period {
            since: moment("since", &self.since)?,
            until: moment("until", &self.until)?,
        };
        match (period.since, period.until) {
            (Some(since), Some(until)) if since >= until => {
                Err(anyhow!("--since is not before --until"))
            }
            _ => Ok(period),
        }
    }
}

/// Reads a moment; microseconds since the epoch.
fn moment(text: &str, zone: Zone, now: DateTime<Utc>) -> Result<i64> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(moment.timestamp_micros());
    }
    let local = |time: NaiveDateTime| {
        let guess = time.and_utc().timestamp();
        let offset = i64::from(zone.offset_at(guess)) * 60;
        // The offset in force at the local time, not at the same time in UTC.
        let offset = i64::from(zone.offset_at(guess - offset)) * 60;
        (guess - offset) * 1_000_000
    };
    let here = now.naive_utc() + TimeDelta::minutes(i64::from(zone.offset_at(now.timestamp())));
    let midnight = |date: NaiveDate| local(date.and_time(chrono::NaiveTime::MIN));
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(midnight(date));
    }
    for format in [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
    ] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(local(time));
        }
    }
    match text {
        "now" => return Ok(now.timestamp_micros()),
        "today" => return Ok(midnight(here.date())),
        "yesterday" => return Ok(midnight(here.date() - Days::new(1))),
        _ => {}
    }
    let ago = ago(text).ok_or_else(|| {
        anyhow!("not a time: give RFC 3339, a date, `yesterday`, or how long ago: `2h`, `7d`")
    })?;
    Ok((now - ago).timestamp_micros())
}

fn ago(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|n| *n >= 0)?;
    match unit {
        's' => TimeDelta::try_seconds(number),
        'm' => TimeDelta::try_minutes(number),
        'h' => TimeDelta::try_hours(number),
        'd' => TimeDelta::try_days(number),
        'w' => TimeDelta::try_weeks(number),
        _ => None,
    }
    .filter(|ago| *ago <= TimeDelta::days(100 * 366))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let now = DateTime::parse_from_rfc3339("2024-07-10T22:30:00Z").unwrap();
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        let micros = moment(text, zone, now.with_timezone(&Utc)).unwrap();
        let shown = DateTime::from_timestamp_micros(micros).unwrap();
        assert_eq!(
            shown.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            expected,
            "{text}"
        );
    }

    #[test]
    fn moments_are_read_in_the_zone_of_the_log() {
        check("2024-07-10T12:00:00+05:30", "2024-07-10T06:30:00Z");
        check("2024-01-10", "2024-01-09T23:00:00Z");
        check("2024-07-10 08:15", "2024-07-10T06:15:00Z");
        // It is half past midnight on the 11th in Berlin.
        check("today", "2024-07-10T22:00:00Z");
        check("yesterday", "2024-07-09T22:00:00Z");
        check("2h", "2024-07-10T20:30:00Z");
        check("7d", "2024-07-03T22:30:00Z");
    }

    #[test]
    fn other_texts_are_errors() {
        for text in [
            "",
            "h",
            "-2h",
            "2y",
            "2024-13-01",
            "9223372036854775807d",
            "ä",
        ] {
            assert!(moment(text, Zone::Fixed(0), Utc::now()).is_err(), "{text}");
        }
    }
}

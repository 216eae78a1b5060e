//! What was asked: paths, period, time zone, year, resources. Plain data, filled from the command line.

use std::path::PathBuf;

/// What is read, and how. Everything else belongs to one command alone.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Log files, directories, or `-` for standard input; empty: the system's maillog.
    pub paths: Vec<PathBuf>,
    pub period: Period,
    /// Lines of these hosts only; empty: of all.
    pub hosts: Vec<String>,
    /// An IANA name (`Europe/Berlin`) or a fixed offset (`+02:00`) for stamps without an offset.
    pub timezone: Option<String>,
    /// The year of the first stamp without a year.
    pub year: Option<i32>,
    /// Worker threads; 0: one for each processor.
    pub threads: usize,
    /// Files in MaxMind's format for countries and networks; empty: the table inside the program.
    pub geoip: Vec<PathBuf>,
    /// False for `--geoip none`.
    pub without_geoip: bool,
    /// The configuration file; `None`: the system's, if there is one.
    pub config: Option<PathBuf>,
    /// The output of `postconf -n`.
    pub postconf: Option<PathBuf>,
}

/// Half-open: `since <= t < until`, microseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    pub since: Option<i64>,
    pub until: Option<i64>,
}

impl Period {
    /// True when the moment lies in the period.
    pub fn contains(&self, micros: i64) -> bool {
        self.since.is_none_or(|since| since <= micros)
            && self.until.is_none_or(|until| micros < until)
    }

    /// True when any part of the closed span lies in the period.
    pub fn touches(&self, first_micros: i64, last_micros: i64) -> bool {
        self.since.is_none_or(|since| since <= last_micros)
            && self.until.is_none_or(|until| first_micros < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn period_is_half_open() {
        let period = Period {
            since: Some(10),
            until: Some(20),
        };
        assert!(period.contains(10) && !period.contains(20));
        assert!(period.touches(0, 10) && period.touches(19, 30));
        assert!(!period.touches(0, 9) && !period.touches(20, 30));
        assert!(Period::default().contains(i64::MIN));
    }
}

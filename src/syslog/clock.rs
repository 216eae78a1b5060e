//! Turns what lines say of their time into moments, in log order, and tells how year and zone were found.

use rayon::prelude::*;
use serde::Serialize;

use super::evidence;
use super::head::{Head, look_at_head};
use super::header::Header;
use super::hosts::{HostZone, Hosts};
use super::timestamp::{LocalTime, Stamp, days_of_date};
use super::year::{self, Calendar, Decision};
use super::zone::Zone;
use crate::input::Input;
use crate::mail::Timestamp;

const DAY: i64 = 86400;
/// What the user said of times, and what this computer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOptions {
    /// `--timezone`: of lines that don't tell their offset.
    pub zone: Option<Zone>,
    /// `--year`: of the oldest line that does not tell its year.
    pub year: Option<i32>,
    /// Seconds since the epoch.
    pub now: i64,
    /// Zone of lines about which nothing is known: that of this computer.
    pub system_zone: Zone,
}

impl ClockOptions {
    /// Nothing was said.
    pub fn of_this_computer() -> Self {
        Self {
            zone: None,
            year: None,
            now: chrono::Utc::now().timestamp(),
            system_zone: Zone::of_this_computer(),
        }
    }
}

/// The year of a source whose lines don't tell theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileYear {
    /// As the user named it.
    pub file: String,
    /// Of the first line without a year.
    pub year: i32,
    pub because: String,
    /// What speaks against it.
    pub contradictions: Vec<String>,
}

/// The clocks of all hosts in a run.
#[derive(Debug)]
pub struct Clock {
    options: ClockOptions,
    /// Of the lines that are read now; `None` before the first one.
    file: Option<u32>,
    calendar: Calendar,
    first_years: Vec<Option<i32>>,
    years: Vec<FileYear>,
    hosts: Hosts,
}

impl Clock {
    /// Looks at the heads of all sources, finds years and zones, and puts the sources in time order.
    pub fn new(input: &mut Input, options: ClockOptions) -> Self {
        let mut heads: Vec<_> = input.sources.par_iter().map(look_at_head).collect();
        let mut decisions = year::decide(&input.sources, &heads, options.now);
        if let Some(year) = options.year {
            shift(&mut decisions, &heads, year);
        }
        let zone = options.zone.unwrap_or(options.system_zone);
        let times = heads.iter().zip(&decisions);
        let times: Vec<_> = times
            .map(|(head, decision)| first_time(head, decision, zone))
            .collect();
        let mut remaining = times.iter();
        // The order of the list is the order in which it is asked.
        let order = input.sort_by_time(|_| remaining.next().copied().flatten());
        heads = pick(heads, &order);
        decisions = pick(decisions, &order);
        let hosts = Hosts::new(options.zone, options.system_zone, &heads);
        let years = decisions
            .iter()
            .enumerate()
            .filter_map(|(place, decision)| {
                let (_, first) = heads[place].first_yearless?;
                let decision = decision.as_ref()?;
                let source = &input.sources[place];
                Some(FileYear {
                    file: source.name.clone(),
                    year: decision.year,
                    because: decision.because.clone(),
                    contradictions: year::contradictions(source, &first, decision, options.now),
                })
            });
        Self {
            years: years.collect(),
            options,
            file: None,
            calendar: Calendar::default(),
            first_years: decisions
                .iter()
                .map(|d| d.as_ref().map(|d| d.year))
                .collect(),
            hosts,
        }
    }

    /// The moment of a line; lines are shown in log order. `None` for a line without a time.
    pub fn resolve(&mut self, file: u32, header: &Header<'_>) -> Option<Timestamp> {
        if self.file != Some(file) {
            self.file = Some(file);
            let first_year = self.first_years.get(file as usize).copied().flatten();
            self.calendar = Calendar::new(first_year);
            self.hosts.start_source(file as usize);
        }
        match header.stamp {
            Stamp::Missing => None,
            Stamp::Absolute(time) => {
                let local = time.seconds() + i64::from(time.offset_minutes) * 60;
                self.calendar.see(local.div_euclid(DAY));
                self.hosts.get(header.host).clock.see(time.seconds());
                Some(time)
            }
            Stamp::Local(time) => Some(self.resolve_local(&time, header)),
        }
    }

    fn resolve_local(&mut self, time: &LocalTime, header: &Header<'_>) -> Timestamp {
        let days = match time.year {
            Some(year) => days_of_date(year, time.month, time.day),
            None => {
                let last_day = self.options.now.div_euclid(DAY) + 1;
                self.calendar.day(time.month, time.day, last_day)
            }
        };
        let mut local = days * DAY + i64::from(time.second);
        let host = self.hosts.get(header.host);
        host.is_used = true;
        if host.checked_hour != local.div_euclid(3600)
            && let Some(days) = self.check(time, local, header)
        {
            self.calendar.set(days);
            local = days * DAY + i64::from(time.second);
        }
        let (utc, offset_minutes) = self.hosts.get(header.host).clock.resolve(local);
        Timestamp {
            micros: utc * 1_000_000 + i64::from(time.micros),
            offset_minutes,
            digits: time.digits,
        }
    }

    /// Holds a line that proves its moment against year and zone; gives the day if the year was wrong.
    fn check(&mut self, time: &LocalTime, local: i64, header: &Header<'_>) -> Option<i64> {
        let proof = evidence::proof(header)?;
        let (year, offset) = proof.year_and_offset(time)?;
        self.hosts.check(header.host, local, &proof, offset);
        let days = days_of_date(year, time.month, time.day);
        (time.year.is_none() && days != local.div_euclid(DAY) && self.options.year.is_none())
            .then_some(days)
    }

    /// Year of each source that needed one, in the order of the sources.
    pub fn years(&self) -> &[FileYear] {
        &self.years
    }

    /// Zone of each host that needed one, in the order in which they were met.
    pub fn zones(&self) -> Vec<HostZone> {
        self.hosts.zones()
    }
}

/// `--year` is that of the oldest line; what lies between the sources stays.
fn shift(decisions: &mut [Option<Decision>], heads: &[Head], year: i32) {
    let times = heads
        .iter()
        .zip(&*decisions)
        .filter_map(|(head, decision)| {
            let (_, first) = head.first_yearless?;
            let decision = decision.as_ref()?;
            Some((year::seconds(decision.year, &first), decision.year))
        });
    let Some((_, oldest)) = times.min() else {
        return;
    };
    for decision in decisions.iter_mut().flatten() {
        if oldest != year {
            let was = format!(
                "--year; {} would make it {}",
                decision.because, decision.year
            );
            decision.because = was;
        } else {
            decision.because = "--year".to_owned();
        }
        decision.year += year - oldest;
    }
}

/// When a source begins, as far as its head tells.
fn first_time(head: &Head, decision: &Option<Decision>, zone: Zone) -> Option<i64> {
    match head.first {
        Stamp::Absolute(time) => Some(time.seconds()),
        Stamp::Local(time) => {
            let year = time.year.or(decision.as_ref().map(|d| d.year))?;
            let local = year::seconds(year, &time);
            let proof = head.proofs.iter().find(|p| p.proof.kind.tells_offset());
            let offset = proof.map_or_else(|| zone.offset_at(local), |p| p.offset_minutes);
            Some(local - i64::from(offset) * 60)
        }
        Stamp::Missing => None,
    }
}

fn pick<T>(items: Vec<T>, order: &[usize]) -> Vec<T> {
    let mut items: Vec<_> = items.into_iter().map(Some).collect();
    order
        .iter()
        .filter_map(|&place| items[place].take())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::testing::{Folder, gzip};
    use crate::input::{Reader, discover};
    use crate::syslog::HeaderReader;
    use std::path::PathBuf;
    use std::sync::atomic::AtomicU64;

    /// 2026-11-22T12:00:00Z
    const NOW: i64 = 1_795_348_800;

    fn options() -> ClockOptions {
        ClockOptions {
            zone: None,
            year: None,
            now: NOW,
            system_zone: "Europe/Berlin".parse().unwrap(),
        }
    }

    /// All times of all lines, as shown, and the clock that made them.
    fn times(paths: &[PathBuf], options: ClockOptions) -> (Vec<String>, Clock) {
        let mut input = discover(paths);
        let mut clock = Clock::new(&mut input, options);
        let mut times = Vec::new();
        for block in Reader::new(&input.sources, &AtomicU64::new(0)) {
            let mut reader = HeaderReader::default();
            for line in block.lines() {
                let time = clock.resolve(block.file, &reader.read(line.text));
                times.push(time.map_or_else(String::new, |time| time.to_string()));
            }
        }
        (times, clock)
    }

    /// Lines of one file, their times, and why the year is that.
    fn check(lines: &[&str], options: ClockOptions, expected: &[&str], because: &str) {
        let folder = Folder::new();
        let log = folder.write("mail.log", lines.join("\n").as_bytes());
        let (times, clock) = times(&[log], options);
        assert_eq!(times, expected);
        let found = clock.years().first().map_or("", |year| &year.because);
        assert!(found.contains(because), "{found}");
    }

    /// An arrival's line with a long queue ID, as a wall clock ahead of UTC wrote it.
    fn arrival(utc: &str, hours: i64) -> String {
        let utc = chrono::DateTime::parse_from_rfc3339(utc)
            .unwrap()
            .timestamp();
        let local = chrono::DateTime::from_timestamp(utc + hours * 3600, 0).unwrap();
        let mut id = String::new();
        let mut rest = utc as usize;
        while rest > 0 {
            id.insert(
                0,
                b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"[rest % 52] as char,
            );
            rest /= 52;
        }
        let local = local.format("%b %e %H:%M:%S");
        format!("{local} mx postfix/smtpd[7]: {id}0000z30Ms: client=a[192.0.2.1]")
    }

    #[test]
    fn queue_ids_tell_year_and_zone() {
        let first = arrival("2024-11-19T21:00:00Z", 1);
        let lines = ["Nov 19 21:59:58 mx x[1]: y", &first];
        let expected = ["2024-11-19T21:59:58+01:00", "2024-11-19T22:00:00+01:00"];
        check(&lines, options(), &expected, "queue ID 4XtH");
        // Of another zone than this computer.
        let first = arrival("2024-11-19T21:00:00Z", -5);
        check(
            &[&first],
            options(),
            &["2024-11-19T16:00:00-05:00"],
            "queue ID",
        );
        let given = ClockOptions {
            zone: Some(Zone::Fixed(60)),
            ..options()
        };
        check(&[&first], given, &["2024-11-19T16:00:00+01:00"], "queue ID");
    }

    #[test]
    fn a_late_queue_id_tells_the_year_alone() {
        let line = arrival("2024-11-19T21:00:00Z", 10);
        let line = line
            .replace("smtpd", "qmgr")
            .replace("client=a[192.0.2.1]", "removed");
        check(
            &[&line],
            options(),
            &["2024-11-20T07:00:00+01:00"],
            "queue ID",
        );
    }

    #[test]
    fn proofs_behind_a_new_year_tell_the_year_before_it() {
        let proof = arrival("2025-01-02T21:00:00Z", 1);
        let lines = [
            "Dec 30 08:00:00 mx x[1]: y",
            "Jan  1 00:00:00 mx x[1]: y",
            &proof,
        ];
        let expected = [
            "2024-12-30T08:00:00+01:00",
            "2025-01-01T00:00:00+01:00",
            "2025-01-02T22:00:00+01:00",
        ];
        check(&lines, options(), &expected, "on line 3");
    }

    #[test]
    fn without_proof_nothing_lies_in_the_future() {
        // The file is written by this test, years after NOW or before.
        let lines = ["Nov 23 23:00:00 mx x[1]: y", "Jan  2 08:00:00 mx x[1]: y"];
        let folder = Folder::new();
        let log = folder.write("maillog-20240105", lines.join("\n").as_bytes());
        let (found, clock) = times(&[log], options());
        assert_eq!(
            found,
            ["2023-11-23T23:00:00+01:00", "2024-01-02T08:00:00+01:00"]
        );
        assert!(clock.years()[0].because.contains("name says 2024-01-05"));
        let lines = ["Feb 29 08:00:00 mx x[1]: y"];
        let log = folder.write("mail.log-20270105", lines.join("\n").as_bytes());
        let (found, _) = times(&[log], options());
        assert_eq!(found, ["2024-02-29T08:00:00+01:00"]);
    }

    #[test]
    fn the_year_option_moves_all_sources_alike() {
        let folder = Folder::new();
        let old = folder.write("mail.log-20250102", b"Dec 30 08:00:00 mx x[1]: y\n");
        let new = folder.write("mail.log-20250109", b"Jan  3 08:00:00 mx x[1]: y\n");
        let given = ClockOptions {
            year: Some(2019),
            ..options()
        };
        let (found, clock) = times(&[new, old], given);
        assert_eq!(
            found,
            ["2019-12-30T08:00:00+01:00", "2020-01-03T08:00:00+01:00"]
        );
        assert!(clock.years()[0].because.contains("--year"));
    }

    #[test]
    fn a_neighbor_with_a_complete_time_tells_the_year() {
        let lines = [
            "Dec 30 08:00:00 mx x[1]: y",
            "2025-01-02T08:00:00+01:00 mx x[1]: y",
            "Jan  2 08:00:01 mx x[1]: y",
        ];
        let expected = [
            "2024-12-30T08:00:00+01:00",
            "2025-01-02T08:00:00+01:00",
            "2025-01-02T08:00:01+01:00",
        ];
        check(&lines, options(), &expected, "line 2 has a complete time");
    }

    #[test]
    fn sources_come_in_time_order_and_a_sibling_tells_the_year() {
        let folder = Folder::new();
        let text = |day: &str| format!("{day} mx x[1]: y\n");
        let proof = arrival("2022-12-28T09:00:00Z", 1) + "\n";
        let paths = [
            folder.write("mail.log", text("Jan  9 08:00:00").as_bytes()),
            folder.write("mail.log.1", text("Jan  2 08:00:00").as_bytes()),
            folder.write("mail.log.2.gz", &gzip(proof.as_bytes())),
            folder.write("mail.log.3.gz", &gzip(text("Dec 20 08:00:00").as_bytes())),
            folder.write("empty", b""),
        ];
        let (found, clock) = times(&paths, options());
        let expected = [
            "2022-12-20T08:00:00+01:00",
            "2022-12-28T10:00:00+01:00",
            "2023-01-02T08:00:00+01:00",
            "2023-01-09T08:00:00+01:00",
        ];
        assert_eq!(found, expected);
        assert!(
            clock.years()[0]
                .because
                .contains("of the same rotation, begins 2022-12-28")
        );
    }

    #[test]
    fn a_pipe_gets_the_same_times_as_the_file() {
        let folder = Folder::new();
        let text = [
            "Nov 19 21:59:58 mx x[1]: y",
            &arrival("2024-11-19T21:00:00Z", -5),
        ]
        .join("\n");
        let plain = folder.write("plain", text.as_bytes());
        let zipped = folder.write("zipped", &gzip(text.as_bytes()));
        assert_eq!(times(&[plain], options()).0, times(&[zipped], options()).0);
    }

    #[test]
    fn daylight_saving_of_a_foreign_zone_is_followed() {
        // New York, while this computer is in Berlin: only the queue IDs tell.
        let lines = [
            arrival("2024-11-03T05:00:00Z", -4),
            arrival("2024-11-03T05:50:00Z", -4),
            arrival("2024-11-03T06:30:00Z", -5),
            arrival("2024-11-03T06:31:00Z", -5),
            arrival("2024-11-03T09:00:00Z", -5),
        ];
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let folder = Folder::new();
        let log = folder.write("mail.log", lines.join("\n").as_bytes());
        let (found, clock) = times(&[log], options());
        assert_eq!(found[1], "2024-11-03T01:50:00-04:00");
        assert_eq!(
            found[3..],
            ["2024-11-03T01:31:00-05:00", "2024-11-03T04:00:00-05:00"]
        );
        assert!(
            clock.zones()[0].because.contains("before it was -04:00"),
            "{:?}",
            clock.zones()
        );
    }

    #[test]
    fn hosts_have_zones_of_their_own() {
        let here = arrival("2024-11-19T21:00:00Z", 1);
        let there = arrival("2024-11-19T21:00:01Z", 9).replace(" mx ", " tokyo ");
        let lines = [&here, &there, "Nov 20 06:00:02 tokyo x[1]: y"];
        let expected = [
            "2024-11-19T22:00:00+01:00",
            "2024-11-20T06:00:01+09:00",
            "2024-11-20T06:00:02+09:00",
        ];
        check(
            &lines.map(|line| line as &str),
            options(),
            &expected,
            "queue ID",
        );
    }

    #[test]
    fn contradictions_are_named() {
        let folder = Folder::new();
        let log = folder.write(
            "maillog-20230105",
            arrival("2024-11-19T21:00:00Z", 1).as_bytes(),
        );
        let (_, clock) = times(&[log], options());
        let expected = ["the file's name says 2023-01-05, before its first line"];
        assert_eq!(clock.years()[0].contradictions[..1], expected);
    }
}

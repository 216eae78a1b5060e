//! Turns what lines say of their time into moments, in log order, and tells how year and zone were found.

use rayon::prelude::*;
use serde::Serialize;

use super::dates::{date_of_days, days_of_date};
use super::evidence;
use super::head::{Head, look_at_head};
use super::header::Header;
use super::hosts::{HostZone, Hosts};
use super::timestamp::{LocalTime, Stamp};
use super::year::{self, Calendar, Decision};
use super::zone::Zone;
use crate::input::Input;
use crate::mail::Timestamp;

const DAY: i64 = 86400;
/// More of them tell nothing new.
const MAX_CONTRADICTIONS: usize = 5;
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

/// A wall clock's time whose moment is known and checked.
#[derive(Debug, Clone, Copy)]
struct Recent {
    host: usize,
    time: LocalTime,
    moment: Timestamp,
}

/// The clocks of all hosts in a run.
#[derive(Debug)]
pub struct Clock {
    options: ClockOptions,
    /// Of the lines that are read now; `None` before the first one.
    file: Option<u32>,
    calendar: Calendar,
    /// Of the last line: most lines share their second with the one before.
    recent: Option<Recent>,
    /// For each source, if its lines don't tell their year.
    years: Vec<Option<FileYear>>,
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
        let file_year = |(place, decision): (usize, Option<Decision>)| {
            let (_, first) = heads[place].first_yearless?;
            let (decision, source) = (decision?, &input.sources[place]);
            let contradictions = year::contradictions(source, &first, &decision, options.now);
            Some(FileYear {
                file: source.name.clone(),
                year: decision.year,
                because: decision.because,
                contradictions,
            })
        };
        Self {
            years: decisions.into_iter().enumerate().map(file_year).collect(),
            options,
            file: None,
            calendar: Calendar::default(),
            recent: None,
            hosts,
        }
    }

    /// True when the heads of the sources, or the lines so far, name several hosts.
    pub fn has_several_hosts(&self) -> bool {
        self.hosts.are_several()
    }

    /// The moment of a line; lines are shown in log order. `None` for a line without a time.
    pub fn resolve(&mut self, file: u32, header: &Header<'_>) -> Option<Timestamp> {
        if self.file != Some(file) {
            self.file = Some(file);
            let year = self.years.get(file as usize).and_then(Option::as_ref);
            let first_year = year.map(|year| year.year);
            self.calendar = Calendar::new(first_year);
            self.recent = None;
            self.hosts.start_source(file as usize);
        }
        match header.stamp {
            Stamp::Missing => None,
            Stamp::Absolute(time) => {
                let local = time.seconds() + i64::from(time.offset_minutes) * 60;
                self.calendar.see(local.div_euclid(DAY));
                self.recent = None;
                self.hosts.get(header.host).clock.see(time.seconds());
                Some(time)
            }
            Stamp::Local(time) => Some(self.resolve_local(&time, header)),
        }
    }

    fn resolve_local(&mut self, time: &LocalTime, header: &Header<'_>) -> Timestamp {
        let place = self.hosts.place(header.host);
        if let Some(recent) = &self.recent
            && recent.host == place
            && recent.time == *time
        {
            return recent.moment;
        }
        let days = match time.year {
            Some(year) => days_of_date(year, time.month, time.day),
            None => {
                let last_day = self.options.now.div_euclid(DAY) + 1;
                self.calendar.day(time.month, time.day, last_day)
            }
        };
        let mut local = days * DAY + i64::from(time.second);
        let host = self.hosts.at(place);
        host.is_used = true;
        if host.checked_hour != local.div_euclid(3600)
            && let Some(days) = self.check(time, local, header)
        {
            self.calendar.set(days);
            local = days * DAY + i64::from(time.second);
        }
        let host = self.hosts.at(place);
        let (utc, offset_minutes) = host.clock.resolve(local);
        let moment = Timestamp {
            micros: utc * 1_000_000 + i64::from(time.micros),
            offset_minutes,
            digits: time.digits,
        };
        // Until the hour is checked each line may be the one that proves it.
        let is_checked = host.checked_hour == local.div_euclid(3600);
        self.recent = is_checked.then_some(Recent {
            host: place,
            time: *time,
            moment,
        });
        moment
    }

    /// Holds a line that proves its moment against year and zone; gives the day if the year was wrong.
    fn check(&mut self, time: &LocalTime, local: i64, header: &Header<'_>) -> Option<i64> {
        let proof = evidence::proof(header)?;
        let (year, offset) = proof.year_and_offset(time)?;
        self.hosts.check(header.host, local, &proof, offset);
        let days = days_of_date(year, time.month, time.day);
        if time.year.is_some() || days == local.div_euclid(DAY) || self.options.year.is_some() {
            return None;
        }
        let (kind, id) = (proof.kind.as_str(), &proof.id);
        let (expected, _, _) = date_of_days(local.div_euclid(DAY));
        self.note(format!("{kind} {id} is of {year}, not {expected}"));
        Some(days)
    }

    /// Remembers what speaks against the year of the source that is read now.
    fn note(&mut self, contradiction: String) {
        let place = self.file.map_or(usize::MAX, |file| file as usize);
        if let Some(Some(year)) = self.years.get_mut(place)
            && year.contradictions.len() < MAX_CONTRADICTIONS
            && !year.contradictions.contains(&contradiction)
        {
            year.contradictions.push(contradiction);
        }
    }

    /// Year of each source that needed one, in the order of the sources.
    pub fn years(&self) -> impl Iterator<Item = &FileYear> {
        self.years.iter().flatten()
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

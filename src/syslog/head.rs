//! A look at the head of a source, before it is read: which year, which zone?

use std::ops::ControlFlow;

use super::dates::{date_of_days, days_of_date};
use super::evidence::{Proof, late_proof, proof};
use super::header::{Header, HeaderReader};
use super::timestamp::{LocalTime, Stamp};
use crate::input::Source;
use crate::mail::Timestamp;

/// No more of a source than this is looked at before it is read.
const HEAD_BYTES: u64 = 4 * 1024 * 1024;
/// So many proofs settle a year and a zone.
const ENOUGH_PROOFS: usize = 5;
/// So many lines with a complete time say that a log has complete times.
const ENOUGH_COMPLETE: u32 = 200;

/// What the head of a source tells of its time.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    /// The host of the first line that names one.
    pub(super) host: String,
    /// Another line names another one.
    pub(super) is_mixed: bool,
    /// The first time, whatever its form.
    pub(super) first: Stamp,
    /// The first time without a year, and its line.
    pub(super) first_yearless: Option<(u32, LocalTime)>,
    /// Best kind first, then in log order.
    pub(super) proofs: Vec<HeadProof>,
    /// The first line with a complete time.
    pub(super) neighbor: Option<Neighbor>,
    /// How many years after the first line a February 29 was seen.
    pub(super) leap_day: Option<i32>,
}

/// A line with a complete time, which may stand between year-less ones.
#[derive(Debug, Clone)]
pub(super) struct Neighbor {
    pub(super) line: u32,
    pub(super) host: String,
    pub(super) time: Timestamp,
    /// The year of the source's first year-less line by this one.
    pub(super) first_year: i32,
}

/// A proof, where it stands, and what follows from it.
#[derive(Debug, Clone)]
pub(super) struct HeadProof {
    pub(super) line: u32,
    pub(super) host: String,
    pub(super) proof: Proof,
    /// The year of the source's first year-less line by this proof.
    pub(super) first_year: i32,
    pub(super) offset_minutes: i16,
}

/// Counts the years since the first line of a log whose lines don't tell them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct YearCounter {
    /// The latest day seen, counted from January 1 of the year of the first line, in leap years.
    latest: Option<i64>,
}

/// A step back up to this is a slow daemon, a replayed line or files put together in the wrong order.
pub(super) const MAX_DAYS_BACK: i64 = 60;

impl YearCounter {
    /// The number of New Years between the first line and this one.
    pub(super) fn n_years(&mut self, month: u8, day: u8) -> i32 {
        let day_of_year = days_of_date(2000, month, day) - days_of_date(2000, 1, 1);
        let latest = self.latest.unwrap_or(day_of_year);
        let mut years = latest.div_euclid(366) - 1;
        while years * 366 + day_of_year < latest - MAX_DAYS_BACK {
            years += 1;
        }
        let day = years * 366 + day_of_year;
        self.latest = Some(latest.max(day));
        years as i32
    }
}

/// Looks at the head of a source until its year and zone are clear.
pub(super) fn look_at_head(source: &Source) -> Head {
    let mut head = Head::default();
    let mut reader = HeaderReader::default();
    let mut years = YearCounter::default();
    let mut n_complete = 0;
    source.look_at_head(HEAD_BYTES, |line| {
        let header = reader.read(line.text);
        if head.first == Stamp::Missing {
            head.first = header.stamp;
        }
        if head.host.is_empty() {
            header.host.clone_into(&mut head.host);
        }
        head.is_mixed |= !header.host.is_empty() && head.host != header.host;
        match header.stamp {
            Stamp::Missing => {}
            Stamp::Absolute(time) => {
                n_complete += 1;
                head.see_neighbor(line.number, time, header.host, years);
            }
            Stamp::Local(time) => head.see_local(line.number, time, &header, &mut years),
        }
        let is_complete = n_complete >= ENOUGH_COMPLETE && head.first_yearless.is_none();
        if is_complete || head.n_best() >= ENOUGH_PROOFS {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    head.proofs.sort_by_key(|p| (p.proof.kind, p.line));
    head
}

impl Head {
    fn see_local(
        &mut self,
        line: u32,
        time: LocalTime,
        header: &Header<'_>,
        years: &mut YearCounter,
    ) {
        let n_years = match time.year {
            Some(_) => 0,
            None => years.n_years(time.month, time.day),
        };
        if time.year.is_none() {
            self.first_yearless.get_or_insert((line, time));
            if (time.month, time.day) == (2, 29) {
                self.leap_day.get_or_insert(n_years);
            }
        }
        let Some(proof) = proof(header).or_else(|| late_proof(header)) else {
            return;
        };
        let is_enough = !proof.kind.tells_offset() && self.proofs.len() > ENOUGH_PROOFS;
        if let Some((year, offset_minutes)) = proof.year_and_offset(&time)
            && !is_enough
        {
            self.proofs.push(HeadProof {
                line,
                host: header.host.to_owned(),
                first_year: year - n_years,
                offset_minutes,
                proof,
            });
        }
    }

    fn see_neighbor(&mut self, line: u32, time: Timestamp, host: &str, mut years: YearCounter) {
        if self.neighbor.is_some() {
            return;
        }
        let local = time.seconds() + i64::from(time.offset_minutes) * 60;
        let (year, month, day) = date_of_days(local.div_euclid(86400));
        self.neighbor = Some(Neighbor {
            line,
            host: host.to_owned(),
            time,
            // Before the first year-less line the counter knows nothing and says 0.
            first_year: year - years.n_years(month, day),
        });
    }

    /// How many proofs of the best kind there are, of those that tell an offset.
    fn n_best(&self) -> usize {
        let best = self.proofs.iter().map(|p| p.proof.kind).min();
        let best = best.filter(|kind| kind.tells_offset());
        let of_kind = self.proofs.iter().filter(|p| Some(p.proof.kind) == best);
        of_kind.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_counted() {
        let mut years = YearCounter::default();
        let days = [
            (12, 28),
            (12, 31),
            (1, 1),
            (12, 31),
            (1, 2),
            (3, 1),
            (2, 3),
            (12, 30),
            (1, 1),
        ];
        let found = days.map(|(month, day)| years.n_years(month, day));
        assert_eq!(found, [0, 0, 1, 0, 1, 1, 1, 1, 2]);
    }
}

//! When each host's lines were written: how dense they are, where they fall silent, where its clock goes back.

use std::collections::BTreeMap;

use crate::event::Event;
use crate::mail::{LineRef, Timestamp};

/// Lines are counted in stretches of five minutes.
const STRETCH_MICROS: i64 = 300 * 1_000_000;
/// Silences from this length on are remembered; whether one means anything is a detector's question.
const SILENCE_MICROS: i64 = 2 * STRETCH_MICROS;
/// A step back that is neither daylight saving nor a slow daemon (L15).
const STEP_BACK_MICROS: i64 = 3_900 * 1_000_000;
/// How long before a silence a daemon's stop, and after it a start, belong to it.
const RESTART_MICROS: i64 = 300 * 1_000_000;
/// What is kept of a host, and hosts: log text can make up any number of them.
const MAX_SILENCES: usize = 128;
const MAX_STEPS: usize = 20;
const MAX_HOSTS: usize = 64;
const MAX_STRETCHES: usize = 500_000;

/// A line and its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub at: LineRef,
    pub timestamp: Timestamp,
}

/// The lines of one host as points in time.
#[derive(Debug, Clone)]
pub struct HostRhythm {
    /// Empty where lines have no host.
    pub host: String,
    pub n_lines: u64,
    pub first: Moment,
    /// The last line read.
    pub last: Moment,
    /// The longest ones, in log order.
    pub silences: Vec<Silence>,
    /// The first ones.
    pub steps_back: Vec<StepBack>,
    /// Lines by stretch.
    stretches: BTreeMap<i64, u32>,
    stretch: (i64, u32),
    stopped_micros: Option<i64>,
}

/// A time without a line of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    pub before: Moment,
    pub after: Moment,
    /// A mail service said before that it stops, and after that it starts.
    pub has_stop: bool,
    pub has_start: bool,
}

/// A place in a file where time goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepBack {
    pub before: Moment,
    pub after: Moment,
}

impl Silence {
    pub fn micros(&self) -> i64 {
        self.after.timestamp.micros - self.before.timestamp.micros
    }

    /// True when the moment lies in it.
    pub fn holds(&self, micros: i64) -> bool {
        (self.before.timestamp.micros..self.after.timestamp.micros).contains(&micros)
    }
}

impl HostRhythm {
    fn new(host: &str, moment: Moment) -> Self {
        Self {
            host: host.to_owned(),
            n_lines: 0,
            first: moment,
            last: moment,
            silences: Vec::new(),
            steps_back: Vec::new(),
            stretches: BTreeMap::new(),
            stretch: (0, 0),
            stopped_micros: None,
        }
    }

    fn add(&mut self, moment: Moment, event: &Event<'_>) {
        let micros = moment.timestamp.micros;
        let step = micros - self.last.timestamp.micros;
        if step >= SILENCE_MICROS {
            self.fall_silent(moment);
        }
        let in_file = self.last.at.file == moment.at.file;
        if step < -STEP_BACK_MICROS && in_file && self.steps_back.len() < MAX_STEPS {
            self.steps_back.push(StepBack {
                before: self.last,
                after: moment,
            });
        }
        if let Event::Service { text } = event {
            self.serve(micros, text);
        }
        self.n_lines += 1;
        self.last = moment;
        let stretch = micros.div_euclid(STRETCH_MICROS);
        if self.stretch.0 != stretch {
            self.end_stretch();
            self.stretch.0 = stretch;
        }
        self.stretch.1 = self.stretch.1.saturating_add(1);
    }

    fn end_stretch(&mut self) {
        let (stretch, n_lines) = self.stretch;
        if n_lines > 0 && self.stretches.len() < MAX_STRETCHES {
            *self.stretches.entry(stretch).or_default() += n_lines;
        }
        self.stretch.1 = 0;
    }

    fn fall_silent(&mut self, after: Moment) {
        let before = self.last;
        let stopped = self.stopped_micros;
        let recent = |micros: i64| before.timestamp.micros - micros <= RESTART_MICROS;
        self.silences.push(Silence {
            before,
            after,
            has_stop: stopped.is_some_and(recent),
            has_start: false,
        });
        if self.silences.len() > 2 * MAX_SILENCES {
            self.keep_longest();
        }
    }

    fn keep_longest(&mut self) {
        self.silences
            .sort_by_key(|silence| (-silence.micros(), silence.after.at));
        self.silences.truncate(MAX_SILENCES);
        self.silences.sort_by_key(|silence| silence.after.at);
    }

    /// Postfix's and Dovecot's own words when they start and stop.
    fn serve(&mut self, micros: i64, text: &str) {
        let is = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
        if is(&["stopping the Postfix", "terminating on signal"]) {
            self.stopped_micros = Some(micros);
        }
        let starts =
            is(&["daemon started", "starting the Postfix"]) || text.contains("starting up");
        if starts
            && let Some(silence) = self.silences.last_mut()
            && micros - silence.after.timestamp.micros <= RESTART_MICROS
        {
            silence.has_start = true;
        }
    }

    /// Lines between two moments, in the stretches that lie wholly between them.
    pub fn lines_between(&self, from_micros: i64, to_micros: i64) -> u64 {
        let first = from_micros.div_euclid(STRETCH_MICROS) + 1;
        let end = to_micros.div_euclid(STRETCH_MICROS);
        if first >= end {
            return 0;
        }
        let within = self.stretches.range(first..end);
        within.map(|(_, n_lines)| u64::from(*n_lines)).sum()
    }

    /// Ends the reading: another file may have lines from what was a silence in the first.
    fn finish(mut self) -> Self {
        self.end_stretch();
        self.keep_longest();
        let silences = std::mem::take(&mut self.silences);
        let is_silent = |silence: &Silence| {
            let (from, to) = (silence.before.timestamp, silence.after.timestamp);
            self.lines_between(from.micros, to.micros) == 0
        };
        self.silences = silences.into_iter().filter(is_silent).collect();
        self
    }
}

/// All hosts of a run.
#[derive(Default)]
pub(super) struct Rhythms {
    hosts: Vec<HostRhythm>,
    /// The host of the last line; most often that of the next.
    current: usize,
}

impl Rhythms {
    pub(super) fn add(&mut self, host: &str, moment: Moment, event: &Event<'_>) {
        let is_current = |known: &HostRhythm| *known.host == *host;
        if !self.hosts.get(self.current).is_some_and(is_current) {
            self.current = match self.hosts.iter().position(is_current) {
                Some(place) => place,
                None if self.hosts.len() < MAX_HOSTS => {
                    self.hosts.push(HostRhythm::new(host, moment));
                    self.hosts.len() - 1
                }
                None => return,
            };
        }
        self.hosts[self.current].add(moment, event);
    }

    /// The hosts by name.
    pub(super) fn finish(self) -> Vec<HostRhythm> {
        let mut hosts: Vec<HostRhythm> = self.hosts.into_iter().map(HostRhythm::finish).collect();
        hosts.sort_by(|a, b| a.host.cmp(&b.host));
        hosts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * 1_000_000;

    /// Lines as (file, minute, text of a service or nothing).
    fn rhythm(lines: &[(u32, i64, &str)]) -> HostRhythm {
        let mut rhythms = Rhythms::default();
        for (line, (file, minute, text)) in (1..).zip(lines) {
            let moment = Moment {
                at: LineRef { file: *file, line },
                timestamp: Timestamp {
                    micros: minute * MINUTE,
                    ..Timestamp::default()
                },
            };
            let event = match *text {
                "" => Event::Unknown,
                text => Event::Service { text },
            };
            rhythms.add("mail", moment, &event);
        }
        rhythms.finish().remove(0)
    }

    #[test]
    fn a_silence_has_no_line_in_any_file() {
        let alone = rhythm(&[(0, 0, ""), (0, 60, ""), (0, 65, "")]);
        let minutes = |r: &HostRhythm| -> Vec<i64> {
            r.silences.iter().map(|s| s.micros() / MINUTE).collect()
        };
        assert_eq!(minutes(&alone), [60]);
        let filled = rhythm(&[(0, 0, ""), (0, 60, ""), (1, 30, "")]);
        assert!(minutes(&filled).is_empty());
        assert_eq!(filled.steps_back, []);
        assert_eq!(filled.lines_between(0, 60 * MINUTE), 1);
    }

    #[test]
    fn a_stop_and_a_start_belong_to_the_silence_between() {
        let stopped = rhythm(&[
            (0, 0, "stopping the Postfix mail system"),
            (0, 0, "terminating on signal 15"),
            (0, 60, "daemon started -- version 3.7.11"),
            (0, 120, ""),
            (0, 130, "daemon started -- version 3.7.11"),
        ]);
        let told = stopped.silences.iter().map(|s| (s.has_stop, s.has_start));
        // The last start comes ten minutes after its silence.
        let expected = [(true, true), (false, false), (false, true)];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_hour_back_is_daylight_saving() {
        let back = rhythm(&[(0, 200, ""), (0, 140, ""), (0, 60, "")]);
        assert_eq!(back.steps_back.len(), 1);
        assert_eq!(back.steps_back[0].after.at.line, 3);
    }
}

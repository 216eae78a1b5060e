//! Files -> records in log order: lines parsed in parallel, then dated and shown one after the other.

mod coverage;
mod parsed;
mod rhythm;

use std::ops::ControlFlow;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result, anyhow, bail};
use hashbrown::HashMap;
use rayon::prelude::*;

use crate::event::Event;
use crate::input::{self, Block, Fault, Input, Source};
use crate::mail::{LineRef, Timestamp};
use crate::options::Options;
use crate::syslog::{Clock, ClockOptions, Zone};
use parsed::{Parsed, ParsedBlock, ParsedLines};
use rhythm::Rhythms;

pub use coverage::{Break, Coverage, FaultCoverage, FileCoverage, Loss, OwnPart, ProgramCoverage};
pub use rhythm::{HostRhythm, Moment, Silence, StepBack};

/// A line of the log: where it stands, when and by whom it was written, and what it says.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    pub at: LineRef,
    /// That of the line before, where a line has none.
    pub timestamp: Timestamp,
    pub has_stamp: bool,
    pub host: &'a str,
    pub program: &'a str,
    pub pid: Option<u32>,
    pub text: &'a str,
    pub event: &'a Event<'a>,
    /// How many lines this one stands for: `message repeated N times`.
    pub repeated: u32,
    /// Held bytes that are not UTF-8.
    pub is_lossy: bool,
    /// The logs of this run are known to come from several hosts.
    pub of_several_hosts: bool,
}

/// Whoever wants the records, with the names of their sources, in log order, until it breaks off.
pub type Observer<'a> = dyn FnMut(&Record<'_>, &str) -> ControlFlow<()> + Send + 'a;

/// The sources of a run after reading; lines can be fetched from them again.
pub struct Log {
    pub sources: Vec<Source>,
    pub coverage: Coverage,
}

impl Log {
    /// The names that `LineRef::file` means.
    pub fn file_names(&self) -> Vec<String> {
        self.sources
            .iter()
            .map(|source| source.name.clone())
            .collect()
    }
}

impl Log {
    /// Tells that messages were let go before their end.
    pub fn note_evicted(&mut self, n_evicted: u64) {
        self.coverage.n_evicted = n_evicted;
        if n_evicted > 0 {
            self.coverage.notices.push(format!(
                "{n_evicted} messages without an end were let go early, because too many were open at once: \
                 they are incomplete"
            ));
        }
    }
}

/// Finds the sources that the options name.
pub fn discover(options: &Options) -> Input {
    input::discover(&options.paths)
}

/// Reads all sources and shows every line to `observe`. `bytes_read` counts compressed bytes on the way.
///
/// # Errors
/// When the zone is not known, or threads cannot be started. A source that cannot be read is no error
/// here but a fault in the coverage.
pub fn read(
    options: &Options,
    mut input: Input,
    bytes_read: &AtomicU64,
    observe: &mut Observer<'_>,
) -> Result<Log> {
    let clock = Clock::new(&mut input, clock_options(options)?);
    let mut reading = Reading::new(clock, &input.sources, &options.hosts);
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .context("cannot start threads")?;
    let ((), faults) = input::with_blocks(&input.sources, threads, bytes_read, |blocks| {
        if threads == 1 {
            for block in blocks {
                if reading.show(&ParsedBlock::parse(block), observe).is_break() {
                    return;
                }
            }
        } else {
            in_parallel(&pool, threads, blocks, &mut reading, observe);
        }
    });
    let Input {
        sources,
        faults: not_found,
        notices,
    } = input;
    reading.check_hosts()?;
    let coverage = reading.finish(not_found.into_iter().chain(faults), notices);
    Ok(Log { sources, coverage })
}

fn clock_options(options: &Options) -> Result<ClockOptions> {
    let zone = match &options.timezone {
        Some(name) => Some(
            name.parse::<Zone>()
                .map_err(|error| anyhow!("--timezone {name}: {error}"))?,
        ),
        None => None,
    };
    Ok(ClockOptions {
        zone,
        year: options.year,
        ..ClockOptions::of_this_computer()
    })
}

/// While one batch of blocks is shown in order, the next one is parsed.
fn in_parallel(
    pool: &rayon::ThreadPool,
    threads: usize,
    blocks: &mut dyn Iterator<Item = Block>,
    reading: &mut Reading,
    observe: &mut Observer<'_>,
) {
    let mut parsed: Vec<ParsedBlock> = Vec::new();
    loop {
        let batch: Vec<Block> = blocks.take(threads).collect();
        if batch.is_empty() && parsed.is_empty() {
            return;
        }
        let (next, flow) = pool.install(|| {
            rayon::join(
                || batch.into_par_iter().map(ParsedBlock::parse).collect(),
                || {
                    parsed
                        .iter()
                        .try_for_each(|block| reading.show(block, observe))
                },
            )
        });
        if flow.is_break() {
            return;
        }
        parsed = next;
    }
}

/// Programs told: log text can make up any number of them.
const MAX_PROGRAMS: usize = 200;

/// Dates the lines, counts them and shows them.
struct Reading {
    clock: Clock,
    /// Whose lines are shown; empty: everybody's.
    hosts: Vec<String>,
    n_shown: u64,
    coverage: Coverage,
    rhythms: Rhythms,
    last: Timestamp,
    /// Place of each program in the coverage.
    programs: HashMap<Box<str>, usize>,
}

impl Reading {
    fn new(clock: Clock, sources: &[Source], hosts: &[String]) -> Self {
        let files = sources.iter().map(|source| FileCoverage {
            file: source.name.clone(),
            ..FileCoverage::default()
        });
        Self {
            clock,
            hosts: hosts.to_vec(),
            n_shown: 0,
            coverage: Coverage {
                files: files.collect(),
                ..Coverage::default()
            },
            rhythms: Rhythms::default(),
            last: Timestamp::default(),
            programs: HashMap::new(),
        }
    }

    fn show(&mut self, block: &ParsedBlock, observe: &mut Observer<'_>) -> ControlFlow<()> {
        let file = block.borrow_owner().file;
        let parsed = block.borrow_dependent();
        self.count(file, parsed);
        for line in &parsed.lines {
            let timestamp = self.clock.resolve(file, &line.header);
            if let Some(moment) = timestamp {
                self.see(file, moment);
                self.last = moment;
            }
            if !self.hosts.is_empty() && !self.hosts.iter().any(|host| host == line.header.host) {
                continue;
            }
            self.n_shown += 1;
            self.note(file, line, timestamp.is_some());
            let record = Record {
                at: LineRef {
                    file,
                    line: line.number,
                },
                timestamp: self.last,
                has_stamp: timestamp.is_some(),
                host: line.header.host,
                program: line.header.program,
                pid: line.header.pid,
                text: line.header.text,
                event: &line.event,
                repeated: line.repeated,
                is_lossy: line.is_lossy,
                of_several_hosts: self.clock.has_several_hosts(),
            };
            observe(&record, &self.coverage.files[file as usize].file)?;
        }
        ControlFlow::Continue(())
    }

    /// A host that is not in the logs is a slip of the pen, not a healthy server.
    fn check_hosts(&self) -> Result<()> {
        if !self.hosts.is_empty() && self.n_shown == 0 && self.coverage.lines > 0 {
            let hosts = self.hosts.join(", ");
            bail!(
                "--host {hosts}: none of {} lines is of that host",
                self.coverage.lines
            );
        }
        Ok(())
    }

    /// Counts the lines of a block, whatever their times are.
    fn count(&mut self, file: u32, parsed: &ParsedLines<'_>) {
        let coverage = &mut self.coverage;
        let n_lines = parsed.lines.len() as u64;
        coverage.lines += n_lines;
        coverage.files[file as usize].lines += n_lines;
        coverage.understood += parsed.understood;
        coverage.unknown += parsed.unknown;
        coverage.other += parsed.other;
        coverage.lossy += parsed.lossy;
        coverage.cut += parsed.cut;
        coverage.undated += parsed.undated;
        coverage.lines_lost += parsed.lines_lost;
        coverage.loss_notices += parsed.loss_notices;
        for program in parsed.programs() {
            let n_known = self.programs.len();
            let place = match self.programs.get(program.name) {
                Some(place) => *place,
                None if n_known < MAX_PROGRAMS => {
                    self.programs.insert(program.name.into(), n_known);
                    coverage.programs.push(ProgramCoverage {
                        program: program.name.to_owned(),
                        ..ProgramCoverage::default()
                    });
                    n_known
                }
                None => continue,
            };
            coverage.programs[place].lines += program.lines;
            coverage.programs[place].unknown += program.unknown;
        }
    }

    /// Notes where a line stands in its host's rhythm, and what it says of the log itself.
    fn note(&mut self, file: u32, line: &Parsed<'_>, has_stamp: bool) {
        let seen = Moment {
            at: LineRef {
                file,
                line: line.number,
            },
            timestamp: self.last,
        };
        match line.event {
            Event::LinesLost { n_lines, text } => {
                let host = line.header.host;
                self.coverage.note_loss(seen, host, n_lines, text);
            }
            Event::Unknown => {
                self.coverage.first_unknown.get_or_insert(seen);
            }
            _ => {}
        }
        if has_stamp {
            self.rhythms.add(line.header.host, seen, &line.event);
        }
    }

    /// Notes the moment of a line; many share it with the line before.
    fn see(&mut self, file: u32, moment: Timestamp) {
        let coverage = &mut self.coverage;
        let in_file = &mut coverage.files[file as usize];
        if in_file.last_seen == Some(moment) {
            return;
        }
        in_file.first_seen.get_or_insert(moment);
        in_file.last_seen = Some(moment);
        let first = coverage.first_seen.get_or_insert(moment);
        *first = (*first).min(moment);
        let last = coverage.last_seen.get_or_insert(moment);
        *last = (*last).max(moment);
    }

    fn finish(mut self, faults: impl Iterator<Item = Fault>, notices: Vec<String>) -> Coverage {
        self.coverage
            .programs
            .sort_by(|a, b| a.program.cmp(&b.program));
        let hosts = self.rhythms.finish();
        Coverage {
            breaks: coverage::breaks(&hosts, &self.coverage.files),
            hosts,
            years: self.clock.years().cloned().collect(),
            zones: self.clock.zones(),
            faults: faults
                .map(|fault| FaultCoverage {
                    file: fault.name,
                    message: fault.message,
                    lines_read: fault.n_lines_read,
                })
                .collect(),
            notices,
            ..self.coverage
        }
    }
}

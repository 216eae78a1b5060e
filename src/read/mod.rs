//! Files -> records in log order: lines parsed in parallel, then dated and shown one after the other.

mod parsed;

use std::ops::ControlFlow;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result, anyhow, bail};
use hashbrown::HashMap;
use rayon::prelude::*;
use serde::Serialize;

use crate::event::Event;
use crate::input::{self, Block, Fault, Input, Source};
use crate::mail::{LineRef, Timestamp};
use crate::options::Options;
use crate::syslog::{Clock, ClockOptions, FileYear, HostZone, Zone};
use parsed::{ParsedBlock, ParsedLines};

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

/// What was read, and how far it was understood: every line is counted once.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Coverage {
    pub lines: u64,
    /// Lines of mail programs that a rule understands.
    pub understood: u64,
    /// Lines of mail programs that no rule understands.
    pub unknown: u64,
    /// Lines of other programs.
    pub other: u64,
    /// Lines with bytes that are not UTF-8.
    pub lossy: u64,
    /// Lines too long to be read whole.
    pub cut: u64,
    /// Lines without a time.
    pub undated: u64,
    /// Lines that the logging system itself says it dropped, as far as it counts them.
    pub lines_lost: u64,
    /// Lines that say so.
    pub loss_notices: u64,
    /// Places where the log is silent for long, or its clock goes back; the first ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<Break>,
    /// By program, where it is one of a mail server; the first ones met.
    pub programs: Vec<ProgramCoverage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    pub files: Vec<FileCoverage>,
    /// Which year was taken for lines without one, and why.
    pub years: Vec<FileYear>,
    /// Which zone was taken for lines without an offset, and why.
    pub zones: Vec<HostZone>,
    /// What was taken as this server's own, and from where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<OwnPart>,
    /// What could not be read: the answer is incomplete.
    pub faults: Vec<FaultCoverage>,
    pub notices: Vec<String>,
}

/// A domain, a network, or a table that holds more of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnPart {
    /// `domain`, `relayed domain`, `network`, `table`.
    pub kind: &'static str,
    pub name: String,
    pub because: String,
}

/// A place where time is not continuous within a file.
#[derive(Debug, Clone, Serialize)]
pub struct Break {
    pub file: String,
    /// The first line after it.
    pub line: u32,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// A program's lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProgramCoverage {
    pub program: String,
    pub lines: u64,
    pub unknown: u64,
}

/// One source.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FileCoverage {
    pub file: String,
    pub lines: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}

/// A source that could not be read, or not to its end.
#[derive(Debug, Clone, Serialize)]
pub struct FaultCoverage {
    pub file: String,
    pub message: String,
    pub lines_read: u64,
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

/// Silence that an administrator should know of: even a small server has cron mail once a day.
const SILENCE_MICROS: i64 = 36 * 3_600_000_000;
/// A step back that is neither daylight saving nor a slow daemon (L15).
const STEP_BACK_MICROS: i64 = 3_900 * 1_000_000;
/// Breaks and programs told: log text can make up any number of them.
const MAX_BREAKS: usize = 20;
const MAX_PROGRAMS: usize = 200;

/// Dates the lines, counts them and shows them.
struct Reading {
    clock: Clock,
    /// Whose lines are shown; empty: everybody's.
    hosts: Vec<String>,
    n_shown: u64,
    coverage: Coverage,
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
                self.see(file, line.number, moment);
                self.last = moment;
            }
            if !self.hosts.is_empty() && !self.hosts.iter().any(|host| host == line.header.host) {
                continue;
            }
            self.n_shown += 1;
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

    /// Notes the moment of a line; many share it with the line before.
    fn see(&mut self, file: u32, line: u32, moment: Timestamp) {
        let coverage = &mut self.coverage;
        let in_file = &mut coverage.files[file as usize];
        if in_file.last_seen == Some(moment) {
            return;
        }
        if let Some(before) = in_file.last_seen {
            let step = moment.micros - before.micros;
            let is_break = !(-STEP_BACK_MICROS..=SILENCE_MICROS).contains(&step);
            if is_break && coverage.breaks.len() < MAX_BREAKS {
                coverage.breaks.push(Break {
                    file: in_file.file.clone(),
                    line,
                    from: before,
                    to: moment,
                });
            }
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
        Coverage {
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

//! Makes a large log out of the sample logs: ordinary days of many domains, and one stolen account among them.
//!
//! `cargo bench --bench generate -- FOLDER [--domains N] [--days N] [--one-file]`: the same bytes in every run.
//! Each domain lives the sample's clean day, day after day, with its own accounts, clients, processes and queue
//! IDs; on the middle day the root compromise of the samples happens as well.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono::{Duration, NaiveDateTime};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

const FIRST_DAY: &str = "2025-03-03T00:00:00";

fn main() -> Result<()> {
    let mut folder = None;
    let (mut n_domains, mut n_days, mut one_file) = (50u64, 14u64, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<u64> {
            let value = arguments
                .next()
                .with_context(|| format!("{argument} takes a number"))?;
            Ok(value.parse()?)
        };
        match argument.as_str() {
            "--domains" => n_domains = number()?,
            "--days" => n_days = number()?,
            "--one-file" => one_file = true,
            // What `cargo bench` adds by itself.
            "--bench" => {}
            path if !path.starts_with('-') => folder = Some(PathBuf::from(path)),
            other => bail!("{other} is not known"),
        }
    }
    // `cargo bench` without arguments runs every bench: nothing is written where nothing was asked for.
    let Some(folder) = folder else { return Ok(()) };
    generate(&folder, n_domains, n_days, one_file)
}

fn generate(folder: &Path, n_domains: u64, n_days: u64, one_file: bool) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let clean = Sample::read("clean-day", "harbour-tools", 2024)?;
    let root = Sample::read("root-compromise", "kranbau", 2024)?;
    let first_day: NaiveDateTime = FIRST_DAY.parse()?;
    let mut waiting: Vec<(NaiveDateTime, u64, String)> = Vec::new();
    let mut sequence = 0u64;
    let mut n_lines = 0u64;
    let mut single = match one_file {
        true => Some(writer(&folder.join("mail.log.gz"))?),
        false => None,
    };
    for day in 0..n_days {
        let begin = first_day + Duration::days(day as i64);
        for domain in 0..n_domains {
            clean.replay(begin, day, domain, &mut sequence, &mut waiting);
        }
        if day == n_days / 2 {
            root.replay(begin, day, n_domains, &mut sequence, &mut waiting);
        }
        waiting.sort();
        let end = begin + Duration::days(1);
        let cut = if day + 1 == n_days {
            waiting.len()
        } else {
            waiting.partition_point(|(time, ..)| *time < end)
        };
        // Rotated as logrotate does: the oldest has the highest number.
        let name = match n_days - 1 - day {
            0 => "mail.log".to_owned(),
            age => format!("mail.log.{age}.gz"),
        };
        let mut rotated = match one_file {
            true => None,
            false => Some(writer(&folder.join(name))?),
        };
        let Some(out) = single.as_mut().or(rotated.as_mut()) else {
            bail!("there is always a file to write to");
        };
        for (time, _, rest) in waiting.drain(..cut) {
            writeln!(out, "{} {rest}", time.format("%b %e %H:%M:%S"))?;
            n_lines += 1;
        }
        if let Some(out) = rotated {
            out.finish()?;
        }
    }
    if let Some(out) = single {
        out.finish()?;
    }
    writeln!(std::io::stderr(), "{n_lines} lines in {}", folder.display())?;
    Ok(())
}

/// Plain for the newest file, gzip for the others, as on a server.
enum Out {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

fn writer(path: &Path) -> Result<Out> {
    let file = BufWriter::new(File::create(path)?);
    Ok(
        match path.extension().is_some_and(|extension| extension == "gz") {
            true => Out::Gzip(Box::new(GzEncoder::new(file, Compression::default()))),
            false => Out::Plain(file),
        },
    )
}

impl Out {
    fn finish(self) -> Result<()> {
        match self {
            Self::Plain(mut out) => out.flush()?,
            Self::Gzip(out) => out.finish()?.flush()?,
        }
        Ok(())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(out) => out.flush(),
        }
    }
}

/// A sample log, taken apart once.
struct Sample {
    /// The second-level name of its domain, which gets a number in each replay.
    domain: &'static str,
    lines: Vec<Line>,
}

struct Line {
    /// Since the sample's first midnight.
    since: Duration,
    program: String,
    pid: Option<u64>,
    /// Everything after `: `, as pieces of which some change from replay to replay.
    pieces: Vec<Piece>,
}

enum Piece {
    Same(String),
    /// A queue ID, by its place among the sample's.
    QueueId(u64),
    /// `20241007220100` of a message-id: when it arrived, in UTC.
    Stamp(NaiveDateTime),
    Client([u8; 4]),
    Domain,
}

impl Sample {
    fn read(folder: &str, domain: &'static str, year: i32) -> Result<Self> {
        let path = format!("sample-logs/{folder}/mail.log.gz");
        let mut text = String::new();
        let file = File::open(&path).with_context(|| path.clone())?;
        MultiGzDecoder::new(file).read_to_string(&mut text)?;
        let mut ids: HashMap<&str, u64> = HashMap::new();
        for line in text.lines() {
            if let Some(id) = own_queue_id(line) {
                let next = ids.len() as u64;
                ids.entry(id).or_insert(next);
            }
        }
        let mut lines = Vec::new();
        let mut midnight = None;
        for line in text.lines() {
            let (stamp, rest) = line
                .split_at_checked(16)
                .context("a line without a stamp")?;
            let stamp = format!("{year} {}", stamp.trim_end());
            let time = NaiveDateTime::parse_from_str(&stamp, "%Y %b %e %H:%M:%S")?;
            let midnight = *midnight.get_or_insert(time.date().and_time(chrono::NaiveTime::MIN));
            let (_, rest) = rest.split_once(' ').context("a line without a host")?;
            let (tag, text) = rest.split_once(": ").context("a line without a program")?;
            let (program, pid) = match tag.split_once('[') {
                Some((program, pid)) => (program, pid.trim_end_matches(']').parse().ok()),
                None => (tag, None),
            };
            lines.push(Line {
                since: time - midnight,
                program: program.to_owned(),
                pid,
                pieces: pieces(text, &ids, domain),
            });
        }
        Ok(Self { domain, lines })
    }

    fn replay(
        &self,
        begin: NaiveDateTime,
        day: u64,
        number: u64,
        sequence: &mut u64,
        out: &mut Vec<(NaiveDateTime, u64, String)>,
    ) {
        // Domains do not all do the same thing in the same second.
        let later = Duration::seconds((number * 7919 % 1800) as i64);
        for line in &self.lines {
            let mut text = match line.pid {
                Some(pid) => format!("mx {}[{}]: ", line.program, pid + number * 40_000),
                None => format!("mx {}: ", line.program),
            };
            for piece in &line.pieces {
                self.write(&mut text, piece, begin, later, day, number);
            }
            *sequence += 1;
            out.push((begin + line.since + later, *sequence, text));
        }
    }

    fn write(
        &self,
        text: &mut String,
        piece: &Piece,
        begin: NaiveDateTime,
        later: Duration,
        day: u64,
        number: u64,
    ) {
        match piece {
            Piece::Same(same) => text.push_str(same),
            // Distinct for each ID, domain and day, whatever the numbers: an odd factor permutes.
            Piece::QueueId(id) => {
                let unique = (day * 4_000 + number) * 4_000 + id;
                let mixed = unique.wrapping_mul(0x9E37_79B1) & 0xFF_FFFF_FFFF;
                text.push_str(&format!("{mixed:010X}"));
            }
            Piece::Stamp(stamp) => {
                let since = stamp.and_utc().timestamp() + 3600;
                let of_day = Duration::seconds(since.rem_euclid(86_400));
                let shifted = begin + of_day + later - Duration::hours(1);
                text.push_str(&shifted.format("%Y%m%d%H%M%S").to_string());
            }
            Piece::Client([a, b, c, d]) => {
                let c = (u64::from(*c) + number * 7) % 256;
                text.push_str(&format!("{a}.{b}.{c}.{d}"));
            }
            Piece::Domain => text.push_str(&format!("{}{number}", self.domain)),
        }
    }
}

/// `… postfix/qmgr[2612]: 1D5A3A2831D: …` -> `1D5A3A2831D`.
fn own_queue_id(line: &str) -> Option<&str> {
    let (_, text) = line.split_once("]: ")?;
    let (id, _) = text.split_once(": ")?;
    let is_id = id.len() >= 10
        && id
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
    is_id.then_some(id)
}

fn pieces(text: &str, ids: &HashMap<&str, u64>, domain: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end.max(1));
        rest = after;
        let stamp = NaiveDateTime::parse_from_str(word, "%Y%m%d%H%M%S").ok();
        if let Some(id) = ids.get(word) {
            pieces.push(Piece::QueueId(*id));
        } else if let Some(stamp) = stamp.filter(|_| word.len() == 14) {
            pieces.push(Piece::Stamp(stamp));
        } else if word == "["
            && let Some((ip, after)) = client(rest)
        {
            pieces.push(Piece::Same("[".to_owned()));
            pieces.push(Piece::Client(ip));
            rest = after;
        } else {
            match pieces.last_mut() {
                Some(Piece::Same(same)) => same.push_str(word),
                _ => pieces.push(Piece::Same(word.to_owned())),
            }
        }
    }
    pieces
        .into_iter()
        .flat_map(|piece| split_domain(piece, domain))
        .collect()
}

/// An address in brackets that is not this host.
fn client(text: &str) -> Option<([u8; 4], &str)> {
    let end = text.find(']')?;
    let (ip, after) = text.split_at(end);
    let ip: std::net::Ipv4Addr = ip.parse().ok()?;
    (!ip.is_loopback()).then(|| (ip.octets(), after))
}

fn split_domain(piece: Piece, domain: &str) -> Vec<Piece> {
    let Piece::Same(text) = piece else {
        return vec![piece];
    };
    let mut pieces = Vec::new();
    for (index, part) in text.split(domain).enumerate() {
        if index > 0 {
            pieces.push(Piece::Domain);
        }
        pieces.push(Piece::Same(part.to_owned()));
    }
    pieces
}

//! Makes `src/knowledge/geoip/table.bin.gz` from four CSV files of ip-location-db; the same input gives the same bytes.
//!
//! ```console
//! $ cargo run --release --example make-geo-table -- FOLDER 2026-06-17 src/knowledge/geoip/table.bin.gz
//! ```
//!
//! FOLDER holds `asn-ipv4-num.csv.gz`, `asn-ipv6-num.csv.gz` (first, last, number, name; from the npm package
//! `@ip-location-db/asn`), `country-ipv4-num.csv.gz` and `country-ipv6-num.csv.gz` (first, last, code; from
//! `@ip-location-db/geo-whois-asn-country`). The date is the data's; `DATA_DATE` in `geoip/mod.rs` repeats it.
//!
//! Ranges overlap, and the shortest one wins, as in the publisher's own mmdb. `geoip/table.rs` says how
//! the result is laid out. IPv6 is kept to the upper 64 bits; what is finer than a /64 is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};

/// One row of a CSV file: addresses from `first` to before `end`, and what is said of them.
struct Row {
    first: u128,
    end: u128,
    value: u32,
}

/// Where a segment starts, with its country (0: none) and AS (0: none) up to the next one's start.
type Segment = (u128, u32, u32);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, date, output] = arguments.as_slice() else {
        bail!("usage: make-geo-table FOLDER YYYY-MM-DD OUTPUT");
    };
    let folder = PathBuf::from(folder);

    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    let mut read_asn = |file: &str| read_rows(&folder.join(file), |rest| asn(rest, &mut names));
    let asn_v4 = read_asn("asn-ipv4-num.csv.gz")?;
    let asn_v6 = read_asn("asn-ipv6-num.csv.gz")?;
    let country_v4 = read_rows(&folder.join("country-ipv4-num.csv.gz"), country)?;
    let country_v6 = read_rows(&folder.join("country-ipv6-num.csv.gz"), country)?;

    let v4 = merge(&country_v4, &asn_v4);
    let v6 = merge(&upper_half(country_v6), &upper_half(asn_v6));

    let codes: BTreeSet<u32> = v4
        .iter()
        .chain(&v6)
        .map(|s| s.1)
        .filter(|c| *c > 0)
        .collect();
    let codes: Vec<u32> = codes.into_iter().collect();
    let asns: Vec<u32> = names.keys().copied().collect();
    ensure!(codes.len() < 255, "a country no longer fits into a byte");
    ensure!(
        asns.len() < 0xff_ffff,
        "an AS no longer fits into three bytes"
    );

    let mut out = Vec::new();
    writeln!(out, "mailsleuth-geo 1 {date}")?;
    put_number(&mut out, codes.len());
    out.extend(codes.iter().flat_map(|code| (*code as u16).to_be_bytes()));
    put_number(&mut out, asns.len());
    put_increasing(&mut out, asns.iter().map(|asn| u64::from(*asn)));
    for name in names.values() {
        writeln!(out, "{name}")?;
    }
    for segments in [&v4, &v6] {
        put_number(&mut out, segments.len());
        put_increasing(&mut out, segments.iter().map(|s| s.0 as u64));
        out.extend(segments.iter().map(|s| index(&codes, s.1) as u8));
        for shift in [0, 8, 16] {
            out.extend(segments.iter().map(|s| (index(&asns, s.2) >> shift) as u8));
        }
    }

    let file = File::create(output).with_context(|| format!("cannot write {output}"))?;
    let mut gzip = GzBuilder::new().mtime(0).write(file, Compression::best());
    gzip.write_all(&out)?;
    gzip.finish()?;
    let mut stderr = std::io::stderr();
    writeln!(
        stderr,
        "{} IPv4 segments, {} IPv6 segments, {} countries, {} AS numbers, {} bytes before gzip",
        v4.len(),
        v6.len(),
        codes.len(),
        asns.len(),
        out.len()
    )?;
    Ok(())
}

fn read_rows(path: &Path, mut value: impl FnMut(&str) -> Option<u32>) -> Result<Vec<Row>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut rows = Vec::new();
    for (n, line) in BufReader::new(MultiGzDecoder::new(file).take(1 << 30))
        .lines()
        .enumerate()
    {
        let line = line?;
        let row = || {
            let (first, rest) = line.split_once(',')?;
            let (last, rest) = rest.split_once(',')?;
            let (first, last): (u128, u128) = (first.parse().ok()?, last.parse().ok()?);
            let end = last.checked_add(1).filter(|end| first < *end)?;
            Some((first, end, rest))
        };
        let Some((first, end, rest)) = row() else {
            bail!("{}:{}: not a range: {line}", path.display(), n + 1);
        };
        let Some(value) = value(rest) else {
            bail!("{}:{}: not understood: {line}", path.display(), n + 1);
        };
        rows.push(Row { first, end, value });
    }
    Ok(rows)
}

/// Two letters as one number, so that both kinds of row look alike.
fn country(rest: &str) -> Option<u32> {
    let letters: [u8; 2] = rest.trim().as_bytes().try_into().ok()?;
    letters
        .iter()
        .all(u8::is_ascii_uppercase)
        .then(|| u32::from(u16::from_be_bytes(letters)))
}

/// The number; its name goes into `names`. The first name wins where an AS has several.
fn asn(rest: &str, names: &mut BTreeMap<u32, String>) -> Option<u32> {
    let (number, name) = rest.split_once(',')?;
    let number: u32 = number.parse().ok()?;
    let name = match name.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?.replace("\"\"", "\""),
        None => name.to_owned(),
    };
    // Names end at a line feed in the table, and none is wanted in a report.
    let name = name.replace(char::is_control, " ");
    names
        .entry(number)
        .or_insert_with(|| name.trim().to_owned());
    Some(number)
}

/// Ranges of whole /64 networks, in their upper 64 bits.
fn upper_half(rows: Vec<Row>) -> Vec<Row> {
    let halved = rows.into_iter().map(|row| Row {
        first: row.first.div_ceil(1 << 64),
        end: row.end >> 64,
        value: row.value,
    });
    halved.filter(|row| row.first < row.end).collect()
}

/// Sweeps over all starts and ends. Neighbors that say the same become one.
fn merge(countries: &[Row], asns: &[Row]) -> Vec<Segment> {
    let layers = [countries, asns];
    let mut borders = Vec::new();
    for (layer, rows) in layers.iter().enumerate() {
        for (n, row) in rows.iter().enumerate() {
            borders.push((row.first, true, layer, n));
            borders.push((row.end, false, layer, n));
        }
    }
    borders.sort_unstable();

    // The ranges that hold the current address, the shortest first.
    let mut open = [BTreeSet::new(), BTreeSet::new()];
    let mut segments: Vec<Segment> = vec![(0, 0, 0)];
    let mut borders = borders.into_iter().peekable();
    while let Some((address, starts, layer, n)) = borders.next() {
        let row = &layers[layer][n];
        let entry = (row.end - row.first, n);
        if starts {
            open[layer].insert(entry);
        } else {
            open[layer].remove(&entry);
        }
        if borders.peek().is_some_and(|next| next.0 == address) {
            continue;
        }
        let value = |layer: usize| {
            open[layer]
                .first()
                .map_or(0, |(_, n)| layers[layer][*n].value)
        };
        let (country, asn) = (value(0), value(1));
        match segments.last_mut() {
            Some(last) if (last.1, last.2) == (country, asn) => {}
            Some(last) if last.0 == address => (last.1, last.2) = (country, asn),
            _ => segments.push((address, country, asn)),
        }
    }
    segments
}

/// 0 for none, otherwise counted from 1.
fn index(sorted: &[u32], value: u32) -> usize {
    sorted.binary_search(&value).map_or(0, |n| n + 1)
}

fn put_number(out: &mut Vec<u8>, n: usize) {
    out.extend((n as u32).to_le_bytes());
}

/// Differences, seven bits a byte, the low ones first; the top bit says that more follow.
fn put_increasing(out: &mut Vec<u8>, numbers: impl Iterator<Item = u64>) {
    let mut previous = 0;
    for number in numbers {
        let mut rest = number - previous;
        previous = number;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }
}

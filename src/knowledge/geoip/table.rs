//! The table in the program: ranges of addresses with country and AS, made by `examples/make-geo-table.rs`.
//!
//! After gunzip, numbers are little-endian `u32` unless said otherwise, and "increasing" means
//! differences as varints (seven bits a byte, low ones first):
//!
//! - `mailsleuth-geo 1 2026-06-17` and a line feed, the date being `DATA_DATE`;
//! - number of countries; two letters each. Country 0 is none, 1 the first;
//! - number of ASes; their numbers, increasing; their names, each with a line feed. AS 0 is none, 1 the first;
//! - IPv4: number of segments; their first addresses, increasing; a byte each for the country; the low, the
//!   middle and the high byte of the AS, each for all segments. A segment ends where the next begins;
//! - IPv6: the same, for the upper 64 bits of the address.

use std::io::Read;
use std::net::IpAddr;

use flate2::read::GzDecoder;

use super::{Country, DATA_DATE, Place};

const BYTES: &[u8] = include_bytes!("table.bin.gz");

/// The table, ready for lookups: about 14 MB.
pub(super) struct Table {
    countries: Vec<Country>,
    asns: Vec<u32>,
    /// Where each AS name ends in `names`; it begins where the one before ends.
    name_ends: Vec<u32>,
    names: String,
    v4: Segments<u32>,
    v6: Segments<u64>,
    /// For the upper 16 bits of an IPv4 address: the first segment that starts at or after it.
    v4_from: Vec<u32>,
}

/// `starts` increases, and begins with 0. The country is in the upper byte of `values`, the AS in the others.
struct Segments<T> {
    starts: Vec<T>,
    values: Vec<u32>,
}

impl Table {
    pub(super) fn embedded() -> Self {
        let mut bytes = Vec::with_capacity(9 << 20);
        GzDecoder::new(BYTES)
            .read_to_end(&mut bytes)
            .expect("the table in the program is whole");
        Self::decode(&bytes).expect("the table in the program is as its maker wrote it")
    }

    pub(super) fn lookup(&self, ip: IpAddr) -> Place<'_> {
        let value = match ip {
            IpAddr::V4(ip) => {
                let ip = ip.to_bits();
                let (high, low) = (
                    (ip >> 16) as usize,
                    self.v4_from[(ip >> 16) as usize] as usize,
                );
                let within = &self.v4.starts[low..self.v4_from[high + 1] as usize];
                let n = low + within.partition_point(|start| *start <= ip);
                self.v4.values[n - 1]
            }
            IpAddr::V6(ip) => {
                let ip = (ip.to_bits() >> 64) as u64;
                let n = self.v6.starts.partition_point(|start| *start <= ip);
                self.v6.values[n - 1]
            }
        };
        let (country, asn) = ((value >> 24) as usize, (value & 0xff_ffff) as usize);
        Place {
            country: country.checked_sub(1).map(|n| self.countries[n]),
            asn: asn.checked_sub(1).map(|n| self.asns[n]),
            as_name: asn.checked_sub(1).and_then(|n| self.name(n)),
        }
    }

    /// The name of an AS that another source gave without one.
    pub(super) fn as_name(&self, asn: u32) -> Option<&str> {
        self.name(self.asns.binary_search(&asn).ok()?)
    }

    fn name(&self, n: usize) -> Option<&str> {
        let start = n.checked_sub(1).map_or(0, |before| self.name_ends[before]) as usize;
        let name = self.names.get(start..self.name_ends[n] as usize)?;
        Some(name.trim_end()).filter(|name| !name.is_empty())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let header = bytes.iter().position(|byte| *byte == b'\n')?;
        let (header, rest) = bytes.split_at_checked(header + 1)?;
        if header != format!("mailsleuth-geo 1 {DATA_DATE}\n").as_bytes() {
            return None;
        }
        let mut from = Reader(rest);
        let n_countries = from.number()?;
        let letters = from.take(n_countries * 2)?.chunks_exact(2);
        let countries = letters
            .map(|pair| Country::parse(std::str::from_utf8(pair).ok()?))
            .collect::<Option<_>>()?;
        let n_asns = from.number()?;
        let asns = from.increasing(n_asns, |n| u32::try_from(n).ok())?;
        let (names, name_ends) = from.lines(n_asns)?;
        let v4 = from.segments(|n| u32::try_from(n).ok())?;
        let v6 = from.segments(Some)?;
        if !from.0.is_empty() || v4.starts.first() != Some(&0) || v6.starts.first() != Some(&0) {
            return None;
        }
        Some(Self {
            countries,
            asns,
            name_ends,
            names,
            v4_from: index(&v4.starts),
            v4,
            v6,
        })
    }
}

/// Narrows the search to a few segments, and with that triples the speed.
fn index(starts: &[u32]) -> Vec<u32> {
    let mut n = 0;
    let mut from: Vec<u32> = (0..=0xffff_u32)
        .map(|high| {
            n += starts[n..]
                .iter()
                .take_while(|start| **start < high << 16)
                .count();
            n as u32
        })
        .collect();
    from.push(starts.len() as u32);
    from
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<usize> {
        let bytes: [u8; 4] = self.take(4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    }

    fn increasing<T>(&mut self, n: usize, to: impl Fn(u64) -> Option<T>) -> Option<Vec<T>> {
        let mut numbers = Vec::with_capacity(n);
        let mut number = 0_u64;
        for _ in 0..n {
            number = number.checked_add(self.varint()?)?;
            numbers.push(to(number)?);
        }
        Some(numbers)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// The next `n` lines as one text, and where each ends.
    fn lines(&mut self, n: usize) -> Option<(String, Vec<u32>)> {
        let feeds = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n');
        let ends: Vec<u32> = feeds.take(n).map(|(at, _)| at as u32 + 1).collect();
        let text = self.take(ends.last().map_or(0, |end| *end as usize))?;
        let text = String::from_utf8(text.to_vec()).ok()?;
        (ends.len() == n).then_some((text, ends))
    }

    fn segments<T>(&mut self, to: impl Fn(u64) -> Option<T>) -> Option<Segments<T>> {
        let n = self.number()?;
        let starts = self.increasing(n, to)?;
        let countries = self.take(n)?;
        let (low, middle, high) = (self.take(n)?, self.take(n)?, self.take(n)?);
        let values = (0..n)
            .map(|i| u32::from_le_bytes([low[i], middle[i], high[i], countries[i]]))
            .collect();
        Some(Segments { starts, values })
    }
}

//! The table in the program against the CSV files it was made from, on random addresses; skipped where they are absent.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use super::table::Table;

const N_ADDRESSES: u64 = 30_000;

#[test]
fn ipv4_agrees_with_the_csv_files() {
    let address = |_: &[(u128, u128)], random: u64| u128::from(random >> 32);
    assert_eq!(n_different("ipv4", address), 0);
}

#[test]
fn ipv6_agrees_with_the_csv_files_but_for_the_finest_ranges() {
    // Nearly all of IPv6 is empty, so the addresses come from ranges of the files.
    let address = |ranges: &[(u128, u128)], random: u64| {
        let (first, last) = ranges[random as usize % ranges.len()];
        first + (u128::from(random) << 64 | u128::from(random)) % (last - first + 1)
    };
    assert!(n_different("ipv6", address) <= N_ADDRESSES as usize / 1000);
}

fn n_different(version: &str, address: impl Fn(&[(u128, u128)], u64) -> u128) -> usize {
    let Some(folder) = csv_folder() else {
        return 0;
    };
    let countries = rows(&folder.join(format!("country-{version}-num.csv.gz")));
    let asns = rows(&folder.join(format!("asn-{version}-num.csv.gz")));
    let ranges: Vec<_> = asns.iter().map(|row| (row.0, row.1)).collect();

    let mut random = 20_260_617_u64;
    let mut addresses: Vec<u128> = (0..N_ADDRESSES)
        .map(|_| {
            random = next_random(random);
            address(&ranges, random)
        })
        .collect();
    addresses.sort_unstable();

    let table = Table::embedded();
    let countries = shortest_ranges(&addresses, &countries);
    let asns = shortest_ranges(&addresses, &asns);
    let differs = |n: &usize| {
        let ip = match version {
            "ipv4" => IpAddr::V4(Ipv4Addr::from_bits(addresses[*n] as u32)),
            _ => IpAddr::V6(Ipv6Addr::from_bits(addresses[*n])),
        };
        let place = table.lookup(ip);
        let country = place.country.map(|country| country.to_string());
        let asn = place.asn.map(|asn| asn.to_string());
        let expected_asn = asns[*n].and_then(|rest| rest.split(',').next());
        country.as_deref() != countries[*n] || asn.as_deref() != expected_asn
    };
    (0..addresses.len()).filter(differs).count()
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn csv_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MAILSLEUTH_GEO_CSV").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/geo"),
        PathBuf::from,
    );
    if folder.join("asn-ipv4-num.csv.gz").exists() {
        return Some(folder);
    }
    eprintln!(
        "skipped: {} has no asn-ipv4-num.csv.gz; set MAILSLEUTH_GEO_CSV to the folder of the CSV files",
        folder.display()
    );
    None
}

/// First and last address, and the rest of the line.
fn rows(path: &Path) -> Vec<(u128, u128, String)> {
    let file = std::fs::File::open(path).unwrap();
    let lines = BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines();
    let row = |line: std::io::Result<String>| {
        let line = line.unwrap();
        let mut cells = line.splitn(3, ',');
        let mut cell = || cells.next().unwrap();
        (
            cell().parse().unwrap(),
            cell().parse().unwrap(),
            cell().to_owned(),
        )
    };
    lines.map(row).collect()
}

/// For each address (sorted) what the shortest range around it says. Not the way in which the table was made.
fn shortest_ranges<'a>(
    addresses: &[u128],
    rows: &'a [(u128, u128, String)],
) -> Vec<Option<&'a str>> {
    let mut found: Vec<Option<(u128, &str)>> = vec![None; addresses.len()];
    for (first, last, rest) in rows {
        let from = addresses.partition_point(|address| address < first);
        let to = addresses.partition_point(|address| address <= last);
        for best in &mut found[from..to] {
            if best.is_none_or(|(length, _)| last - first < length) {
                *best = Some((last - first, rest));
            }
        }
    }
    found
        .into_iter()
        .map(|best| best.map(|(_, rest)| rest))
        .collect()
}

/// SplitMix64.
fn next_random(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

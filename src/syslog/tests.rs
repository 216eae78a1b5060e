//! Whole files through discovery, reader and clock: years, zones, order.

use super::{Clock, ClockOptions, FileYear, HeaderReader, Zone};
use crate::input::testing::{Folder, Noise, gzip};
use crate::input::{Reader, discover};
use std::path::PathBuf;
use std::slice::from_ref;
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

fn first_year(clock: &Clock) -> &FileYear {
    clock.years().next().unwrap()
}

/// Lines of one file, their times, and why the year is that.
fn check(lines: &[&str], options: ClockOptions, expected: &[&str], because: &str) {
    let folder = Folder::new();
    let log = folder.write("mail.log", lines.join("\n").as_bytes());
    let (times, clock) = times(&[log], options);
    assert_eq!(times, expected);
    let found = clock.years().next().map_or("", |year| &year.because);
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
    assert!(first_year(&clock).because.contains("name says 2024-01-05"));
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
    assert!(first_year(&clock).because.contains("--year"));
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
        first_year(&clock)
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
    assert_eq!(first_year(&clock).contradictions[..1], expected);
}

#[test]
fn a_wrong_year_is_corrected_and_noted() {
    let late = arrival("2024-12-24T08:00:00Z", 1);
    // Behind the head that is looked at before reading.
    let filler = format!("Jun  1 08:00:00 mx x[1]: {}\n", "y".repeat(2000)).repeat(2200);
    let text = format!(
        "2019-06-01T08:00:00+02:00 mx x[1]: y\n\
        {filler}\
        Dec 24 08:59:00 mx x[1]: y\n\
        {late}\n\
        Dec 24 09:01:00 mx x[1]: y\n"
    );
    let folder = Folder::new();
    let log = folder.write("mail.log", text.as_bytes());
    let (found, clock) = times(&[log], options());
    let last: Vec<_> = found.iter().rev().take(3).map(String::as_str).collect();
    let expected = [
        "2024-12-24T09:01:00+01:00",
        "2024-12-24T09:00:00+01:00",
        "2019-12-24T08:59:00+01:00",
    ];
    assert_eq!(last, expected);
    assert!(first_year(&clock).contradictions[0].contains("is of 2024"));
}

#[test]
fn any_bytes_have_times_and_the_same_ones_again() {
    let folder = Folder::new();
    for seed in 0..30 {
        let mut noise = Noise::new(seed);
        let mut bytes = noise.log(2000);
        for _ in 0..40 {
            let day = noise.below(33);
            let month = ["Jan", "Feb", "Jun", "Dec"][noise.below(4) as usize];
            bytes
                .extend(format!("\n{month} {day:2} 02:{:02}:00 h{} x[1]: y", day, day % 3).bytes());
        }
        let log = folder.write("mail.log", &bytes);
        let zone = "America/New_York".parse().ok();
        let given = ClockOptions { zone, ..options() };
        assert_eq!(
            times(from_ref(&log), given).0,
            times(from_ref(&log), given).0
        );
    }
}

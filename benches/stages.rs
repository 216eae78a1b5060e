//! Each stage alone on plain text, with its answer: what is fast and wrong fails.
//!
//! `cargo bench --bench stages -- mail.log` measures a log of yours; without a path, a small one is made of the samples
//! and only the answers matter.

// A bench speaks to the one who runs it.
#![allow(clippy::print_stdout)]

use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use mailsleuth::correlate::Correlator;
use mailsleuth::event::Event;
use mailsleuth::options::Options;
use mailsleuth::read;

const ROUNDS: usize = 5;

fn main() {
    let named = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let (path, _folder) = match named {
        Some(path) => (PathBuf::from(path), None),
        None => {
            let folder = tempfile::tempdir().expect("a temporary folder");
            (small_log(folder.path()), Some(folder))
        }
    };
    let text = std::fs::read(&path).expect("a log of plain text");
    let expected = Answer::by_plain_counting(&text);
    println!("{} bytes, {} lines", text.len(), expected.lines);
    measure("read, date, parse", &path, &text, false, &expected);
    measure("the same with messages", &path, &text, true, &expected);
}

/// What plain text tells, without this program's parsers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    lines: u64,
    logins: u64,
    removed: u64,
}

impl Answer {
    fn by_plain_counting(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let mut answer = Self::default();
        for line in text.split_terminator('\n') {
            answer.lines += 1;
            let is_client = line.contains("smtpd[") && line.contains(": client=");
            answer.logins += u64::from(is_client && line.contains(", sasl_username="));
            let is_qmgr = line.contains("qmgr[") && line.ends_with(": removed");
            answer.removed += u64::from(is_qmgr);
        }
        answer
    }
}

/// Prints the median of some rounds with one thread.
fn measure(stage: &str, path: &Path, text: &[u8], with_messages: bool, expected: &Answer) {
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            let answer = run(path, with_messages);
            assert_eq!(&answer, expected, "{stage}");
            begin.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[ROUNDS / 2];
    let megabytes = text.len() as f64 / 1e6;
    println!("{stage}: {:.0} MB/s, {median:.3} s", megabytes / median);
}

fn run(path: &Path, with_messages: bool) -> Answer {
    let options = Options {
        paths: vec![path.to_owned()],
        threads: 1,
        ..Options::default()
    };
    let mut answer = Answer::default();
    let mut correlator = Correlator::new(false);
    let mut n_messages = 0;
    let input = read::discover(&options);
    read::read(&options, input, &AtomicU64::new(0), &mut |record, _| {
        answer.lines += 1;
        match record.event {
            Event::Client(client) => answer.logins += u64::from(client.sasl_username.is_some()),
            Event::Removed { .. } => answer.removed += 1,
            _ => {}
        }
        if with_messages {
            correlator.observe(record);
            n_messages += correlator.take_finished().0.count() as u64;
        }
        ControlFlow::Continue(())
    })
    .expect("the log can be read");
    if with_messages {
        let (rest, told) = correlator.finish();
        // No message is lost on the way.
        assert_eq!(n_messages + rest.len() as u64, u64::from(told.n_messages));
    }
    answer
}

/// Two of the sample logs, one after the other.
fn small_log(folder: &Path) -> PathBuf {
    let path = folder.join("mail.log");
    let mut file = std::fs::File::create(&path).expect("a temporary file");
    for sample in ["root-compromise", "phished-partner"] {
        let packed = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("sample-logs")
            .join(sample)
            .join("mail.log.gz");
        let packed = std::fs::File::open(packed).expect("a sample");
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(packed)
            .read_to_end(&mut text)
            .expect("a whole sample");
        file.write_all(&text).expect("a temporary file");
    }
    path
}

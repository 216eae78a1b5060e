//! Reads single lines again, to quote them as evidence.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Source;
use super::cutter::Cutter;
use super::discover::explain;
use crate::mail::LineRef;

/// The lines that were found again.
#[derive(Debug, Default)]
pub struct Fetched {
    pub lines: BTreeMap<LineRef, String>,
    /// Why some are missing.
    pub notices: Vec<String>,
}

/// Reads the texts of `wanted`, which is in ascending order and without duplicates.
/// Only the files concerned are opened, and none is read beyond its last wanted line.
pub fn fetch(sources: &[Source], wanted: &[LineRef]) -> Fetched {
    let per_file: Vec<_> = wanted
        .chunk_by(|a, b| a.file == b.file)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|wanted| fetch_from(sources, wanted))
        .collect();
    let mut all = Fetched::default();
    for fetched in per_file {
        all.lines.extend(fetched.lines);
        all.notices.extend(fetched.notices);
    }
    all
}

fn fetch_from(sources: &[Source], wanted: &[LineRef]) -> Fetched {
    let mut fetched = Fetched::default();
    let file = wanted.first().map_or(u32::MAX, |line| line.file);
    let Some(source) = sources.get(file as usize) else {
        return fetched;
    };
    let mut reason = "the file is shorter than before".to_owned();
    match source.open(None) {
        Ok(reader) => {
            let mut cutter = Cutter::new(reader, file);
            pick(&mut cutter, wanted, &mut fetched.lines);
            if let Some(error) = cutter.take_error() {
                reason = error.to_string();
            }
        }
        Err(error) => reason = explain(&error),
    }
    let n_missing = wanted.len() - fetched.lines.len();
    if n_missing > 0 {
        let name = &source.name;
        let notice = format!("{name}: {n_missing} lines can't be quoted: {reason}");
        fetched.notices.push(notice);
    }
    fetched
}

fn pick<R: std::io::Read>(
    cutter: &mut Cutter<R>,
    wanted: &[LineRef],
    lines: &mut BTreeMap<LineRef, String>,
) {
    let mut wanted = wanted.iter().peekable();
    while wanted.peek().is_some() {
        let Some(block) = cutter.next_block() else {
            return;
        };
        let end = block.first_line.saturating_add(block.n_lines());
        if wanted.peek().is_none_or(|next| next.line >= end) {
            continue;
        }
        for line in block.lines() {
            if let Some(next) = wanted.next_if(|next| next.line == line.number) {
                lines.insert(*next, line.text.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::testing::{Folder, gzip};
    use crate::input::{Input, discover};

    fn at(file: u32, line: u32) -> LineRef {
        LineRef { file, line }
    }

    fn input(folder: &Folder) -> Input {
        let text =
            |name: &str, n: u32| -> String { (1..=n).map(|i| format!("{name} {i}\n")).collect() };
        discover(&[
            folder.write("a", text("a", 200_000).as_bytes()),
            folder.write("b.gz", &gzip(text("b", 10).as_bytes())),
        ])
    }

    #[test]
    fn lines_come_back_as_they_were() {
        let folder = Folder::new();
        let input = input(&folder);
        let wanted = [at(0, 1), at(0, 2), at(0, 199_999), at(1, 10)];
        let fetched = fetch(&input.sources, &wanted);
        let texts: Vec<_> = fetched.lines.values().map(String::as_str).collect();
        assert_eq!(texts, ["a 1", "a 2", "a 199999", "b 10"]);
        assert_eq!(fetched.notices, [""; 0]);
    }

    #[test]
    fn a_file_that_was_rotated_away_is_still_open_and_a_shorter_one_is_told() {
        let folder = Folder::new();
        let input = input(&folder);
        std::fs::rename(folder.path().join("a"), folder.path().join("a.1")).unwrap();
        folder.write("a", b"new\n");
        folder.write("b.gz", &gzip(b"b 1\n"));
        let fetched = fetch(&input.sources, &[at(0, 3), at(1, 1), at(1, 2)]);
        let texts: Vec<_> = fetched.lines.values().map(String::as_str).collect();
        assert_eq!(texts, ["a 3", "b 1"]);
        assert_eq!(fetched.notices.len(), 1);
        assert!(fetched.notices[0].contains("b.gz: 1 lines can't be quoted"));
    }
}

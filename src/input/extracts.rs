//! `mail.info`, `mail.warn` and `mail.err` repeat lines of the whole log beside them; none may count twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::source::Source;
use super::{Input, cutter::Cutter};

/// Names of files that syslog daemons fill with a choice of the lines of `mail.log`.
const NAMES: [&str; 4] = ["mail.info", "mail.warn", "mail.err", "mail.notice"];
/// So many lines of an extract, from its beginning and from its end, are looked for in the whole log.
const SAMPLE_LINES: usize = 16;
/// Shorter lines could be there by chance.
const MIN_LINE_BYTES: usize = 40;

/// Drops the extracts of which a line was found in another log of the same directory, and says so.
pub(super) fn remove(input: &mut Input) {
    let (extracts, wholes): (Vec<usize>, Vec<usize>) =
        (0..input.sources.len()).partition(|&place| is_extract(&input.sources[place]));
    let mut found = BTreeMap::new();
    for place in extracts {
        let extract = &input.sources[place];
        let beside = wholes.iter().map(|&whole| &input.sources[whole]);
        let mut beside = beside
            .filter(|whole| directory(whole) == directory(extract))
            .peekable();
        if beside.peek().is_none() {
            continue;
        }
        let sample = sample(extract);
        if let Some(whole) = beside.find(|whole| has_any(whole, &sample)) {
            found.insert(place, whole.name.clone());
        }
    }
    let mut place = 0;
    input.sources.retain(|source| {
        let whole = found.get(&place);
        place += 1;
        if let Some(whole) = whole {
            let notice = format!(
                "{}: skipped, its lines stand in {whole} as well",
                source.name
            );
            input.notices.push(notice);
        }
        whole.is_none()
    });
}

fn is_extract(source: &Source) -> bool {
    let name = source.name.rsplit('/').next().unwrap_or_default();
    NAMES.iter().any(|extract| name.starts_with(extract))
}

fn directory(source: &Source) -> Option<&Path> {
    Path::new(&source.name).parent()
}

fn sample(source: &Source) -> BTreeSet<String> {
    let mut first = Vec::new();
    let mut last = Vec::new();
    each_line(source, |line| {
        if first.len() < SAMPLE_LINES {
            first.push(line.to_owned());
        } else {
            last.push(line.to_owned());
            if last.len() >= 64 * SAMPLE_LINES {
                last.drain(..63 * SAMPLE_LINES);
            }
        }
        false
    });
    let kept = last.len().saturating_sub(SAMPLE_LINES);
    first
        .into_iter()
        .chain(last.into_iter().skip(kept))
        .collect()
}

fn has_any(source: &Source, sample: &BTreeSet<String>) -> bool {
    let mut is_found = false;
    each_line(source, |line| {
        is_found = sample.contains(line);
        is_found
    });
    is_found
}

/// Shows the longer lines until `look` says that it has seen enough.
fn each_line(source: &Source, mut look: impl FnMut(&str) -> bool) {
    let Ok(reader) = source.open(None) else {
        return;
    };
    let mut cutter = Cutter::new(reader, 0);
    while let Some(block) = cutter.next_block() {
        for line in block
            .lines()
            .filter(|line| line.text.len() >= MIN_LINE_BYTES)
        {
            if look(line.text) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::input::discover;
    use crate::input::testing::{Folder, gzip};

    #[test]
    fn an_extract_is_not_read_beside_its_log() {
        let folder = Folder::new();
        let line =
            |i: u32| format!("Nov 19 22:00:{i:02} mx postfix/smtpd[{i}]: warning: number {i}\n");
        let all: String = (0..60).map(line).collect();
        let some: String = (0..60).filter(|i| i % 3 == 0).map(line).collect();
        folder.write("mail.log.1.gz", &gzip(all.as_bytes()));
        folder.write("mail.info", some.as_bytes());
        let input = discover(&[folder.path().to_owned()]);
        assert_eq!(input.sources.len(), 1);
        assert!(input.notices[0].contains("mail.info: skipped, its lines stand in "));
        folder.write(
            "mail.info",
            b"Nov 20 22:00:00 mx postfix/smtpd[7]: warning: another\n",
        );
        assert_eq!(discover(&[folder.path().to_owned()]).sources.len(), 2);
    }
}

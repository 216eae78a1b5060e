//! The same log twice (`mail.log.1` and `mail.log.1.gz`, `mail.info` beside `mail.log`) is read once.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

use super::source::Source;
use super::{Input, reader};

/// Enough of the text to tell different logs apart without reading them whole.
const HEAD_BYTES: u64 = 4096;

/// Drops every source whose text is another's, or the beginning of another's, and says so.
pub(super) fn remove(input: &mut Input) {
    let mut kept: Vec<Option<Source>> = Vec::new();
    let mut by_head: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for source in input.sources.drain(..) {
        let alike = match fingerprint(&source) {
            Some(fingerprint) => by_head.entry(fingerprint).or_default(),
            None => {
                kept.push(Some(source));
                continue;
            }
        };
        let place = kept.len();
        let mut candidate = Some(source);
        for &other_place in alike.iter() {
            let (Some(source), Some(other)) = (&candidate, &kept[other_place]) else {
                continue;
            };
            match compare(source, other) {
                Overlap::None => continue,
                // The other one is whole and this one its beginning.
                Overlap::First => {
                    input.notices.push(skipped(source, other));
                    candidate = None;
                }
                Overlap::Second => {
                    input.notices.push(skipped(other, source));
                    kept[other_place] = None;
                }
            }
        }
        if candidate.is_some() {
            alike.push(place);
            kept.push(candidate);
        }
    }
    input.sources = kept.into_iter().flatten().collect();
}

fn skipped(source: &Source, other: &Source) -> String {
    format!("{}: skipped, duplicate of {}", source.name, other.name)
}

/// Equal for logs that may be the same; `None` for an empty one, and for one that can't be read.
fn fingerprint(source: &Source) -> Option<u64> {
    let head = source.head(HEAD_BYTES);
    // Only the first line: of two copies one may have stopped early.
    let line = head.split(|&b| b == b'\n').next()?;
    if head.is_empty() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    Some(hasher.finish())
}

enum Overlap {
    None,
    /// The first is the same as the second, or its beginning.
    First,
    /// The second is the beginning of the first.
    Second,
}

fn compare(first: &Source, second: &Source) -> Overlap {
    let (Ok(mut one), Ok(mut two)) = (first.open(None), second.open(None)) else {
        return Overlap::None;
    };
    let mut buffers = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let (n, _) = fill(&mut one, &mut buffers.0);
        let (m, is_second_broken) = fill(&mut two, &mut buffers.1);
        let shorter = n.min(m);
        if buffers.0.get(..shorter) != buffers.1.get(..shorter) {
            return Overlap::None;
        }
        if n < m {
            return Overlap::First;
        }
        // Of two with the same text the one that can be read without complaint is kept.
        if m < n || is_second_broken {
            return Overlap::Second;
        }
        if n < buffers.0.len() {
            return Overlap::First;
        }
    }
}

/// Reads until the buffer is full or the text ends. It ends at an error as well (then `true`): of a broken
/// copy the beginning is the same.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> (usize, bool) {
    let mut len = 0;
    while let Some(free) = buffer.get_mut(len..).filter(|free| !free.is_empty()) {
        match reader::read_some(reader, free) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(_) => return (len, true),
        }
    }
    (len, false)
}

//! Blocks of all sources in log order, on the caller's thread or read ahead by one of its own.

use std::io::{self, Read};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use super::blocks::Block;
use super::cutter::Cutter;
use super::discover::explain;
use super::{Fault, Source};

/// Blocks that wait for the parser: enough to keep it busy, little memory.
const QUEUE_BLOCKS: usize = 8;

/// More decompress faster than one correlator can follow.
const MAX_READERS: usize = 4;

/// Gives the blocks of all sources, one source after the other.
pub struct Reader<'a> {
    sources: &'a [Source],
    /// Those still to be opened.
    places: Range<usize>,
    current: Option<(&'a Source, Cutter<Box<dyn Read + Send + 'a>>)>,
    bytes_read: &'a AtomicU64,
    /// What could not be read, in the order met.
    pub faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// `bytes_read` counts compressed bytes, for a progress bar.
    pub fn new(sources: &'a [Source], bytes_read: &'a AtomicU64) -> Self {
        Self::of_places(sources, 0..sources.len(), bytes_read)
    }

    fn of_places(sources: &'a [Source], places: Range<usize>, bytes_read: &'a AtomicU64) -> Self {
        Self {
            sources,
            places,
            current: None,
            bytes_read,
            faults: Vec::new(),
        }
    }

    /// The next lines in log order; `None` at the end.
    pub fn next_block(&mut self) -> Option<Block> {
        loop {
            if let Some((source, cutter)) = &mut self.current {
                if let Some(block) = cutter.next_block() {
                    return Some(block);
                }
                if let Some(error) = cutter.take_error() {
                    self.faults
                        .push(broken_off(source, &error, cutter.n_lines()));
                }
                self.current = None;
            }
            let place = self.places.next()?;
            let source = self.sources.get(place)?;
            let file = u32::try_from(place).unwrap_or(u32::MAX);
            match source.open(Some(self.bytes_read)) {
                Ok(reader) => self.current = Some((source, Cutter::new(reader, file))),
                Err(error) => self.faults.push(Fault::new(&source.name, explain(&error))),
            }
        }
    }
}

impl Iterator for Reader<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        self.next_block()
    }
}

fn broken_off(source: &Source, error: &io::Error, n_lines: u64) -> Fault {
    Fault {
        name: source.name.clone(),
        message: format!("{error}; {n_lines} lines could be read"),
        n_lines_read: n_lines,
    }
}

/// Hands all blocks in log order to `consume`, read ahead by threads of their own unless `threads` is 1.
/// Returns what `consume` made of them and what could not be read.
pub fn with_blocks<R>(
    sources: &[Source],
    threads: usize,
    bytes_read: &AtomicU64,
    consume: impl FnOnce(&mut dyn Iterator<Item = Block>) -> R,
) -> (R, Vec<Fault>) {
    if threads == 1 {
        let mut reader = Reader::new(sources, bytes_read);
        let result = consume(&mut reader);
        return (result, reader.faults);
    }
    // Half of the threads decompress the next sources; the parser keeps up with no more.
    let n_readers = (threads / 2).clamp(1, MAX_READERS).min(sources.len());
    let (senders, receivers): (Vec<_>, Vec<_>) =
        sources.iter().map(|_| sync_channel(QUEUE_BLOCKS)).unzip();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let read = || read_ahead(sources, &senders, &next, bytes_read);
        let readers: Vec<_> = (0..n_readers).map(|_| scope.spawn(read)).collect();
        // A source that was read to its end sends no block but `None`.
        let mut blocks = receivers
            .into_iter()
            .flat_map(|receiver| receiver.into_iter().map_while(|block| block));
        let result = consume(&mut blocks);
        // Readers that wait for room in their queues learn that nobody wants more.
        drop(blocks);
        let mut faults: Vec<_> = readers
            .into_iter()
            .flat_map(|reader| reader.join().expect("a reader does not panic"))
            .collect();
        faults.sort_by_key(|&(place, _)| place);
        (result, faults.into_iter().map(|(_, fault)| fault).collect())
    })
}

/// Takes one source after the other and sends its blocks. Sources are taken in log order: whoever reads the
/// one that is consumed now never waits for another.
fn read_ahead(
    sources: &[Source],
    senders: &[SyncSender<Option<Block>>],
    next: &AtomicUsize,
    bytes_read: &AtomicU64,
) -> Vec<(usize, Fault)> {
    let mut faults = Vec::new();
    loop {
        let place = next.fetch_add(1, Ordering::Relaxed);
        let Some(sender) = senders.get(place) else {
            return faults;
        };
        let mut reader = Reader::of_places(sources, place..place + 1, bytes_read);
        let is_wanted = loop {
            // A decompressor's bug must not leave the consumer waiting for ever.
            let block = catch_unwind(AssertUnwindSafe(|| reader.next_block()));
            let block = block.unwrap_or_else(|_| {
                let message = "reading it failed by a bug of the decompressor";
                reader
                    .faults
                    .push(Fault::new(&sources[place].name, message));
                None
            });
            let is_end = block.is_none();
            if sender.send(block).is_err() {
                break false;
            }
            if is_end {
                break true;
            }
        };
        faults.extend(reader.faults.into_iter().map(|fault| (place, fault)));
        if !is_wanted {
            return faults;
        }
    }
}

/// One read that is not disturbed by signals.
pub(super) fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::discover;
    use crate::input::testing::{Folder, gzip};

    #[test]
    fn blocks_come_in_order_and_a_truncated_file_counts_as_far_as_it_goes() {
        let folder = Folder::new();
        let text = |prefix: &str| -> String {
            (0..50_000)
                .map(|i| format!("{prefix} line {i} {}\n", i * 7919 % 10_007))
                .collect()
        };
        let whole = gzip(text("two").as_bytes());
        let paths = [
            folder.write("a", text("one").as_bytes()),
            folder.write("b.gz", &whole[..whole.len() / 2]),
            folder.write("c", text("three").as_bytes()),
        ];
        let input = discover(&paths);
        for threads in [1, 2, 8] {
            let bytes_read = AtomicU64::new(0);
            let (lines, faults) = with_blocks(&input.sources, threads, &bytes_read, |blocks| {
                let mut n_lines = [0; 3];
                for block in blocks {
                    let n = &mut n_lines[block.file as usize];
                    assert_eq!(block.first_line, *n + 1);
                    *n += block.n_lines();
                }
                n_lines
            });
            assert_eq!((lines[0], lines[2]), (50_000, 50_000));
            assert!(lines[1] > 15_000 && lines[1] < 35_000, "{lines:?}");
            assert_eq!(faults.len(), 1);
            assert!(faults[0].message.contains("truncated; "), "{faults:?}");
            assert_eq!(faults[0].n_lines_read, u64::from(lines[1]));
            assert_eq!(bytes_read.load(Ordering::Relaxed), input.size_bytes());
        }
    }

    #[test]
    fn a_consumer_may_stop_early() {
        let folder = Folder::new();
        let text = "line\n".repeat(3_000_000);
        let paths =
            ["a", "b", "c"].map(|name| folder.write(name, (text.clone() + name).as_bytes()));
        let input = discover(&paths);
        let take_one =
            |blocks: &mut dyn Iterator<Item = Block>| blocks.next().map(|b| b.first_line);
        for threads in [2, 8] {
            let (first, faults) =
                with_blocks(&input.sources, threads, &AtomicU64::new(0), take_one);
            assert_eq!((first, faults), (Some(1), Vec::new()));
        }
    }
}

//! Blocks of all sources in log order, on the caller's thread or read ahead by one of its own.

use std::io::{self, Read};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::sync_channel;

use super::blocks::Block;
use super::cutter::Cutter;
use super::discover::explain;
use super::{Fault, Source};

/// Blocks that wait for the parser: enough to keep it busy, little memory.
const QUEUE_BLOCKS: usize = 8;

/// Gives the blocks of all sources, one source after the other.
pub struct Reader<'a> {
    sources: &'a [Source],
    next_source: usize,
    current: Option<(&'a Source, Cutter<Box<dyn Read + Send + 'a>>)>,
    bytes_read: &'a AtomicU64,
    /// What could not be read, in the order met.
    pub faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// `bytes_read` counts compressed bytes, for a progress bar.
    pub fn new(sources: &'a [Source], bytes_read: &'a AtomicU64) -> Self {
        Self {
            sources,
            next_source: 0,
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
            let source = self.sources.get(self.next_source)?;
            let file = u32::try_from(self.next_source).unwrap_or(u32::MAX);
            self.next_source += 1;
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

/// Hands all blocks to `consume`, read ahead by a thread of its own unless `threads` is 1.
/// Returns what `consume` made of them and what could not be read.
pub fn with_blocks<R>(
    sources: &[Source],
    threads: usize,
    bytes_read: &AtomicU64,
    consume: impl FnOnce(&mut dyn Iterator<Item = Block>) -> R,
) -> (R, Vec<Fault>) {
    let mut reader = Reader::new(sources, bytes_read);
    if threads == 1 {
        let result = consume(&mut reader);
        return (result, reader.faults);
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(QUEUE_BLOCKS);
        let thread = scope.spawn(move || {
            while let Some(block) = reader.next_block() {
                // Nobody wants more: the consumer has returned.
                if sender.send(block).is_err() {
                    break;
                }
            }
            reader.faults
        });
        let mut blocks = receiver.into_iter();
        let result = consume(&mut blocks);
        drop(blocks);
        let faults = thread.join().expect("the reader does not panic");
        (result, faults)
    })
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
    use std::sync::atomic::Ordering;

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
        for threads in [1, 2] {
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
        let paths = [folder.write("a", "line\n".repeat(3_000_000).as_bytes())];
        let input = discover(&paths);
        let take_one =
            |blocks: &mut dyn Iterator<Item = Block>| blocks.next().map(|b| b.first_line);
        let (first, faults) = with_blocks(&input.sources, 2, &AtomicU64::new(0), take_one);
        assert_eq!((first, faults), (Some(1), Vec::new()));
    }
}

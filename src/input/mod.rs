//! Files in, blocks of whole lines out: what a PATH means, compression, duplicates, bounded memory.
//!
//! Nothing here knows what a log line says; `syslog` dates the sources so that they can be put in order.

mod blocks;
mod cutter;
mod decompress;
mod discover;
mod duplicates;
mod extracts;
mod fetch;
mod journal;
mod reader;
mod source;
mod spool;
#[cfg(test)]
pub(crate) mod testing;

pub use blocks::{Block, Line, Lines, MAX_LINE_BYTES};
pub use decompress::Kind;
pub use discover::discover;
pub use fetch::{Fetched, fetch};
pub use reader::{Reader, with_blocks};
pub use source::Source;

/// What the PATHs of a command line led to.
#[derive(Debug, Default)]
pub struct Input {
    /// Logs that can be read, each content once. `LineRef::file` is an index into this list.
    pub sources: Vec<Source>,
    /// What could not be read at all.
    pub faults: Vec<Fault>,
    /// What a reader of the answer should know, but no error: files skipped as duplicates.
    pub notices: Vec<String>,
}

impl Input {
    /// Puts the sources in order of `first_time`; those without a time keep their places in the list.
    /// Returns the old place of each.
    pub fn sort_by_time(
        &mut self,
        mut first_time: impl FnMut(&Source) -> Option<i64>,
    ) -> Vec<usize> {
        let times: Vec<_> = self.sources.iter().map(&mut first_time).collect();
        let mut dated: Vec<_> = (0..times.len()).filter(|&i| times[i].is_some()).collect();
        dated.sort_by_key(|&i| times[i]);
        let mut dated = dated.into_iter();
        let order: Vec<_> = (0..times.len())
            .map(|i| times[i].and_then(|_| dated.next()).unwrap_or(i))
            .collect();
        let mut slots: Vec<_> = self.sources.drain(..).map(Some).collect();
        self.sources = order.iter().filter_map(|&i| slots[i].take()).collect();
        order
    }

    /// Bytes to read, as far as known beforehand (compressed; not those of a pipe).
    pub fn size_bytes(&self) -> u64 {
        self.sources.iter().filter_map(|s| s.size_bytes).sum()
    }
}

/// A PATH, or the rest of one, that could not be read. The run goes on without it and exits with 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The PATH as named, `-` for standard input.
    pub name: String,
    /// One sentence without the name.
    pub message: String,
    /// Lines that were read before.
    pub n_lines_read: u64,
}

impl Fault {
    fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            message: message.into(),
            n_lines_read: 0,
        }
    }
}

//! Cuts a stream of bytes into blocks of whole lines, in bounded memory whatever the bytes are.

use std::io::{self, Read};

use super::blocks::{Block, MAX_LINE_BYTES};
use super::journal::Converter;

/// Text of one block; a carried-over line comes on top.
const BLOCK_BYTES: usize = 512 * 1024;

/// Reads one source from its start.
pub(super) struct Cutter<R> {
    input: R,
    file: u32,
    /// Number of the next line.
    next_line: u32,
    /// The beginning of a line whose end has not been read.
    carry: Vec<u8>,
    block_bytes: usize,
    is_done: bool,
    error: Option<io::Error>,
    converter: Converter,
}

impl<R: Read> Cutter<R> {
    pub(super) fn new(input: R, file: u32) -> Self {
        Self::with_block_bytes(input, file, BLOCK_BYTES)
    }

    pub(super) fn with_block_bytes(input: R, file: u32, block_bytes: usize) -> Self {
        Self {
            input,
            file,
            next_line: 1,
            carry: Vec::new(),
            block_bytes,
            is_done: false,
            error: None,
            converter: Converter::default(),
        }
    }

    /// Lines given out so far.
    pub(super) fn n_lines(&self) -> u64 {
        u64::from(self.next_line - 1)
    }

    /// Why the source ended early. Everything before it has been given out as blocks.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// The next lines; `None` at the end and after an error.
    pub(super) fn next_block(&mut self) -> Option<Block> {
        let mut bytes = Vec::with_capacity(self.carry.len() + self.block_bytes);
        bytes.append(&mut self.carry);
        let mut goal = bytes.len() + self.block_bytes;
        let mut is_cut = false;
        while !self.is_done {
            self.fill(&mut bytes, goal);
            if self.is_done {
                break;
            }
            if let Some(end) = memchr::memrchr(b'\n', &bytes) {
                self.carry = bytes.split_off(end + 1);
                break;
            }
            if !keep_beginning(&mut bytes) {
                goal = bytes.len() + self.block_bytes;
                continue;
            }
            is_cut = true;
            if let Some(rest) = self.skip_to_line_end() {
                self.carry = rest;
                bytes.push(b'\n');
            }
            break;
        }
        if bytes.is_empty() {
            return None;
        }
        Some(self.block(bytes, is_cut))
    }

    fn fill(&mut self, bytes: &mut Vec<u8>, goal: usize) {
        let mut len = bytes.len();
        bytes.resize(goal.max(len), 0);
        while let Some(free) = bytes.get_mut(len..).filter(|free| !free.is_empty()) {
            match self.input.read(free) {
                Ok(0) => self.is_done = true,
                Ok(n) => len += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.is_done = true;
                    self.error = Some(error);
                }
            }
            if self.is_done {
                break;
            }
        }
        bytes.truncate(len);
    }

    /// Reads on until a line ends and gives what follows it; `None` when the source ended first.
    fn skip_to_line_end(&mut self) -> Option<Vec<u8>> {
        loop {
            let mut bytes = Vec::new();
            self.fill(&mut bytes, MAX_LINE_BYTES);
            if let Some(end) = memchr::memchr(b'\n', &bytes) {
                return Some(bytes.split_off(end + 1));
            }
            if self.is_done {
                return None;
            }
        }
    }

    fn block(&mut self, bytes: Vec<u8>, is_cut: bool) -> Block {
        let first_line = self.next_line;
        let mut block = Block {
            file: self.file,
            first_line,
            ..Block::default()
        };
        if is_cut {
            block.cut_lines.push(first_line);
        }
        match String::from_utf8(bytes) {
            Ok(text) => block.text = text,
            Err(error) => replace_invalid(error.as_bytes(), &mut block),
        }
        self.next_line = first_line.saturating_add(block.n_lines());
        self.converter.convert(block)
    }
}

/// Of a line without an end in sight keeps the beginning; false when more of it is needed.
fn keep_beginning(bytes: &mut Vec<u8>) -> bool {
    // A run of NUL is a hole that a crash left in the file; the line after it is a real one.
    let Some(start) = bytes.iter().position(|&b| b != 0) else {
        bytes.truncate(1);
        return false;
    };
    bytes.drain(..start);
    if bytes.len() < MAX_LINE_BYTES {
        return false;
    }
    let mut end = MAX_LINE_BYTES;
    while end > MAX_LINE_BYTES - 3 && bytes.get(end).is_some_and(|b| b & 0xc0 == 0x80) {
        end -= 1;
    }
    bytes.truncate(end);
    true
}

/// Fills the block with lines in which U+FFFD stands for what is not UTF-8, and remembers which.
fn replace_invalid(bytes: &[u8], block: &mut Block) {
    block.text.reserve(bytes.len());
    let mut number = block.first_line;
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        match std::str::from_utf8(line) {
            Ok(line) => block.text.push_str(line),
            Err(_) => {
                block.lossy_lines.push(number);
                block.text.push_str(&String::from_utf8_lossy(line));
            }
        }
        number = number.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::testing::{Noise, Slow};

    fn blocks(bytes: &[u8], block_bytes: usize) -> Vec<Block> {
        let mut cutter = Cutter::with_block_bytes(Slow(bytes), 0, block_bytes);
        std::iter::from_fn(|| cutter.next_block()).collect()
    }

    #[test]
    fn any_bytes_give_every_line_once() {
        for seed in 0..1000 {
            // Short ones have no journal's line in them.
            let bytes = Noise::new(seed).log(if seed % 2 == 0 { 30 } else { 3000 });
            let expected: Vec<_> = bytes
                .split_inclusive(|&b| b == b'\n')
                .map(|line| {
                    let line = line.strip_suffix(b"\n").unwrap_or(line);
                    let line = line.strip_suffix(b"\r").unwrap_or(line);
                    String::from_utf8_lossy(line).into_owned()
                })
                .collect();
            let blocks = blocks(&bytes, 100);
            let is_journal = memchr::memmem::find(&bytes, b"__CURSOR").is_some()
                || memchr::memmem::find(&bytes, b"{").is_some();
            let lines: Vec<_> = blocks.iter().flat_map(|b| b.lines()).collect();
            assert_eq!(lines.len(), expected.len(), "seed {seed}");
            for (i, (line, expected)) in lines.iter().zip(&expected).enumerate() {
                assert_eq!(line.number as usize, i + 1, "seed {seed}");
                // What the journal wrote is rewritten.
                if !is_journal {
                    assert_eq!(line.text, expected, "seed {seed}");
                }
                assert_eq!(line.is_lossy, expected.contains('\u{fffd}'), "seed {seed}");
            }
        }
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_kept() {
        let mut bytes = b"first\n".to_vec();
        bytes.extend(vec![b'x'; 3_000_000]);
        bytes.extend_from_slice(b"\nlast");
        let blocks = blocks(&bytes, BLOCK_BYTES);
        let lines: Vec<_> = blocks
            .iter()
            .flat_map(|b| b.lines())
            .map(|l| (l.number, l.text.len(), l.is_cut))
            .collect();
        let expected = [(1, 5, false), (2, MAX_LINE_BYTES, true), (3, 4, false)];
        assert_eq!(lines, expected);
        assert!(blocks.iter().all(|b| b.text.len() < 2 * BLOCK_BYTES));
    }

    #[test]
    fn a_hole_in_the_file_does_not_swallow_the_line_behind_it() {
        let mut bytes = b"first\n".to_vec();
        bytes.extend(vec![0; 2_000_000]);
        bytes.extend_from_slice(b"second\n");
        let blocks = blocks(&bytes, BLOCK_BYTES);
        let last = blocks.iter().flat_map(|b| b.lines()).last();
        let last = last.map(|l| (l.number, l.text.trim_start_matches('\0')));
        assert_eq!(last, Some((2, "second")));
    }
}

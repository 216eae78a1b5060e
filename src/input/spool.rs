//! A pipe, kept as received in an unlinked temporary file: it can't be read twice, but evidence is quoted later.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// Without room for a temporary file this much is kept, enough for looking at the head before reading.
const MAX_MEMORY_BYTES: usize = 8 * 1024 * 1024;

/// What was received so far is `file`, then `memory`; after that, if more came, it is lost.
pub(super) struct Spool {
    pipe: Box<dyn Read + Send>,
    file: Option<File>,
    n_file: u64,
    memory: Vec<u8>,
    n_received: u64,
    is_at_end: bool,
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spool({} bytes received)", self.n_received)
    }
}

impl Spool {
    pub(super) fn new(pipe: impl Read + Send + 'static) -> Self {
        Self {
            pipe: Box::new(pipe),
            file: tempfile::tempfile().ok(),
            n_file: 0,
            memory: Vec::new(),
            n_received: 0,
            is_at_end: false,
        }
    }

    /// Reads from `position`: what was kept, or what the pipe gives next.
    pub(super) fn read_at(&mut self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        if position < self.n_file {
            let available = usize::try_from(self.n_file - position).unwrap_or(usize::MAX);
            let n = buffer.len().min(available);
            let wanted = buffer.get_mut(..n).unwrap_or_default();
            return match &self.file {
                Some(file) => file.read_at(wanted, position),
                None => Err(lost()),
            };
        }
        let in_memory = usize::try_from(position - self.n_file).unwrap_or(usize::MAX);
        match self.memory.get(in_memory..) {
            Some(mut kept) if !kept.is_empty() => kept.read(buffer),
            _ if position == self.n_received => self.receive(buffer),
            _ => Err(lost()),
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_at_end || buffer.is_empty() {
            return Ok(0);
        }
        let n = self.pipe.read(buffer)?;
        self.is_at_end = n == 0;
        self.keep(buffer.get(..n).unwrap_or_default());
        self.n_received += n as u64;
        Ok(n)
    }

    fn keep(&mut self, received: &[u8]) {
        let is_file_complete = self.n_file == self.n_received;
        if is_file_complete && let Some(file) = &self.file {
            // A disk that is full now may have room again: what is in the file so far stays readable.
            if file.write_all_at(received, self.n_file).is_ok() {
                self.n_file += received.len() as u64;
                return;
            }
        }
        let is_memory_complete = self.n_file + self.memory.len() as u64 == self.n_received;
        if is_memory_complete && self.memory.len() + received.len() <= MAX_MEMORY_BYTES {
            self.memory.extend_from_slice(received);
        }
    }
}

fn lost() -> io::Error {
    io::Error::other("there was no room for a temporary copy of it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(spool: &mut Spool) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        let mut buffer = [0; 1000];
        loop {
            match spool.read_at(&mut buffer, all.len() as u64)? {
                0 => return Ok(all),
                n => all.extend_from_slice(&buffer[..n]),
            }
        }
    }

    #[test]
    fn a_pipe_can_be_read_twice() {
        let bytes: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
        let mut spool = Spool::new(io::Cursor::new(bytes.clone()));
        spool.read_at(&mut [0; 300], 0).unwrap();
        assert_eq!(read_all(&mut spool).unwrap(), bytes);
        assert_eq!(read_all(&mut spool).unwrap(), bytes);
    }

    #[test]
    fn without_a_temporary_file_it_can_be_read_once_after_a_look_at_its_head() {
        let bytes = vec![7; MAX_MEMORY_BYTES + 5000];
        let mut spool = Spool::new(io::Cursor::new(bytes.clone()));
        spool.file = None;
        spool.read_at(&mut [0; 300], 0).unwrap();
        assert_eq!(read_all(&mut spool).unwrap(), bytes);
        assert!(read_all(&mut spool).is_err());
    }
}

//! One log to read: where its bytes are, how they are compressed, and what its name and header say of its age.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::blocks::Line;
use super::cutter::Cutter;
use super::decompress::{self, GzipHeader, Kind};
use super::spool::Spool;

/// A log. It can be read any number of times, standard input too.
#[derive(Debug)]
pub struct Source {
    /// As given, or as found in a directory; `-` for standard input.
    pub name: String,
    /// Compressed size; `None` for a pipe.
    pub size_bytes: Option<u64>,
    pub kind: Kind,
    /// When the file was written last, in seconds since the epoch; `None` for a pipe.
    pub modified: Option<i64>,
    /// When the file inside was written last, as its gzip header says.
    pub gzip_modified: Option<i64>,
    /// Year, month, day in the file's name: `maillog-20230220.gz`.
    pub name_date: Option<(i32, u8, u8)>,
    /// Device and inode: the same file under another name has the same.
    pub(super) identity: Option<(u64, u64)>,
    pub(super) origin: Origin,
}

#[derive(Debug)]
pub(super) enum Origin {
    /// Kept open, so that a rotation in the meantime does no harm.
    Open {
        file: File,
        start: u64,
    },
    /// One of too many to keep them all open.
    Path(PathBuf),
    Pipe(Mutex<Spool>),
}

impl Source {
    /// A regular file. `start` is where reading begins: standard input may have been read in part.
    pub(super) fn of_file(name: String, file: File, start: u64) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let mut source = Self::of_origin(name, Origin::Open { file, start })?;
        source.size_bytes = Some(metadata.len().saturating_sub(start));
        source.modified = Some(metadata.mtime());
        source.identity = Some(identity(&metadata));
        Ok(source)
    }

    /// A pipe, which is copied while it is read for the first time.
    pub(super) fn of_pipe(name: String, pipe: impl Read + Send + 'static) -> io::Result<Self> {
        Self::of_origin(name, Origin::Pipe(Mutex::new(Spool::new(pipe))))
    }

    fn of_origin(name: String, origin: Origin) -> io::Result<Self> {
        let mut source = Self {
            name_date: name_date(&name),
            name,
            size_bytes: None,
            kind: Kind::Plain,
            modified: None,
            gzip_modified: None,
            identity: None,
            origin,
        };
        let mut head = Vec::new();
        source.raw(None)?.take(512).read_to_end(&mut head)?;
        source.kind = Kind::of(&head).map_err(|kind| {
            io::Error::other(format!("compressed with {kind}, which is not supported"))
        })?;
        if source.kind == Kind::Gzip {
            let header = GzipHeader::parse(&head);
            source.gzip_modified = header.modified;
            let original = header.name.as_deref().and_then(name_date);
            source.name_date = source.name_date.or(original);
        }
        Ok(source)
    }

    /// Forgets the open file: it will be opened again by its path.
    pub(super) fn close(&mut self, path: &Path) {
        if matches!(self.origin, Origin::Open { start: 0, .. }) {
            self.origin = Origin::Path(path.to_owned());
        }
    }

    /// The uncompressed bytes from the start. `bytes_read` counts compressed ones.
    pub(super) fn open<'a>(
        &'a self,
        bytes_read: Option<&'a AtomicU64>,
    ) -> io::Result<Box<dyn Read + Send + 'a>> {
        decompress::decoder(self.kind, self.raw(bytes_read)?)
    }

    fn raw<'a>(&'a self, bytes_read: Option<&'a AtomicU64>) -> io::Result<Raw<'a>> {
        let reopened = match &self.origin {
            Origin::Path(path) => {
                let file = File::open(path)?;
                if self
                    .identity
                    .is_some_and(|id| file.metadata().is_ok_and(|m| identity(&m) != id))
                {
                    return Err(io::Error::other(
                        "another file has taken its place meanwhile",
                    ));
                }
                Some(file)
            }
            Origin::Open { .. } | Origin::Pipe(_) => None,
        };
        Ok(Raw {
            origin: &self.origin,
            reopened,
            position: 0,
            bytes_read,
        })
    }

    /// Shows the first lines, at most about `max_bytes` of text, until `look` has seen enough.
    /// Errors are no matter here: reading the source will meet them again.
    pub fn look_at_head(&self, max_bytes: u64, mut look: impl FnMut(Line<'_>) -> ControlFlow<()>) {
        let Ok(reader) = self.open(None) else {
            return;
        };
        let mut cutter = Cutter::with_block_bytes(reader.take(max_bytes), 0, 64 * 1024);
        while let Some(block) = cutter.next_block() {
            for line in block.lines() {
                if look(line).is_break() {
                    return;
                }
            }
        }
    }

    /// The first bytes of text.
    pub(super) fn head(&self, n_bytes: u64) -> Vec<u8> {
        let mut head = Vec::new();
        if let Ok(reader) = self.open(None) {
            // What came before an error is the head.
            let _ = reader.take(n_bytes).read_to_end(&mut head);
        }
        head
    }
}

pub(super) fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// The stored bytes of a source, from any place, by any number of readers at once.
struct Raw<'a> {
    origin: &'a Origin,
    reopened: Option<File>,
    position: u64,
    bytes_read: Option<&'a AtomicU64>,
}

impl Read for Raw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = match (self.origin, &self.reopened) {
            (_, Some(file)) => file.read_at(buffer, self.position)?,
            (Origin::Open { file, start }, None) => file.read_at(buffer, start + self.position)?,
            (Origin::Pipe(spool), None) => {
                let mut spool = spool.lock().unwrap_or_else(PoisonError::into_inner);
                spool.read_at(buffer, self.position)?
            }
            (Origin::Path(_), None) => 0,
        };
        self.position += n as u64;
        if let Some(bytes_read) = self.bytes_read {
            bytes_read.fetch_add(n as u64, Ordering::Relaxed);
        }
        Ok(n)
    }
}

/// Finds `20230220`, `2023-02-20` or `2023_02_20` in a file's name.
fn name_date(name: &str) -> Option<(i32, u8, u8)> {
    let name = name.rsplit('/').next()?;
    let bytes = name.as_bytes();
    (0..bytes.len()).find_map(|start| {
        let before = start.checked_sub(1).and_then(|i| bytes.get(i));
        if before.is_some_and(u8::is_ascii_digit) {
            return None;
        }
        let rest = bytes.get(start..)?;
        date_at(rest, None)
            .or_else(|| date_at(rest, Some(b'-')))
            .or_else(|| date_at(rest, Some(b'_')))
    })
}

fn date_at(bytes: &[u8], separator: Option<u8>) -> Option<(i32, u8, u8)> {
    let number = |from: usize, n: usize| {
        let digits = bytes.get(from..from + n)?;
        digits.iter().try_fold(0, |value, b| {
            b.is_ascii_digit().then(|| value * 10 + i32::from(b - b'0'))
        })
    };
    let gap = usize::from(separator.is_some());
    for at in [4, 6 + gap].into_iter().filter(|_| gap == 1) {
        if bytes.get(at).copied() != separator {
            return None;
        }
    }
    let (year, month, day) = (number(0, 4)?, number(4 + gap, 2)?, number(6 + 2 * gap, 2)?);
    let is_date =
        (1990..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then_some((year, month as u8, day as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_names() {
        let check = |name, expected| assert_eq!(name_date(name), expected, "{name}");
        check("/var/log/maillog-20230220.gz", Some((2023, 2, 20)));
        check("mail.log-2023-02-20", Some((2023, 2, 20)));
        check("mail.log.2023_02_20.zst", Some((2023, 2, 20)));
        check("mail.log-20230220-1676847601.gz", Some((2023, 2, 20)));
        check("/backup/20230220/mail.log.1", None);
        check("mail.log-1676847601", None);
        check("mail.log-20231320", None);
    }
}

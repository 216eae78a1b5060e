//! For the tests of this stage: small files, a reader in small portions, noise from a fixed seed.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Gives at most seven bytes at a time.
pub(crate) struct Slow<'a>(pub(super) &'a [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = buffer
            .len()
            .min(if self.0.len() > 100_000 { 9999 } else { 7 });
        self.0.read(&mut buffer[..n])
    }
}

/// A small generator (xorshift) so that a failing seed can be run again.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    /// Bytes with many line ends, CR, NUL, multi-byte characters and broken ones, all lines short.
    pub(crate) fn log(&mut self, n_bytes: usize) -> Vec<u8> {
        let pieces: [&[u8]; 11] = [
            b"Nov 19 22:00:00 mx postfix/qmgr[1]: ",
            b"\n",
            b"\r\n",
            b"\0\0\0",
            "ä\u{2028}€".as_bytes(),
            b"\xff\xc3",
            b" x",
            b"\r",
            b"2024-11-19T22:00:00+01:00 ",
            b"__CURSOR=1\nMESSAGE\n",
            b"{\"log\":\"a\",\"time\":\"b\"}",
        ];
        let mut bytes = Vec::new();
        while bytes.len() < n_bytes {
            let piece = self.below(pieces.len() as u64) as usize;
            bytes.extend_from_slice(pieces[piece]);
        }
        bytes
    }
}

/// A folder that is removed after the test, and files in it.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

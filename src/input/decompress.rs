//! Compression, told by the first bytes and never by the name; all formats may have several members.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

const INPUT_BUFFER_BYTES: usize = 128 * 1024;

/// How the bytes of a source are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    #[default]
    Plain,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

impl Kind {
    /// Tells the kind by a source's first bytes. The error names a kind that can't be read.
    pub(super) fn of(head: &[u8]) -> Result<Self, &'static str> {
        Ok(match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0x1f, 0x9d, ..] => return Err("compress (.Z)"),
            [b'P', b'K', 3, 4, ..] => return Err("zip"),
            [0x04, 0x22, 0x4d, 0x18, ..] => return Err("lz4"),
            [b'7', b'z', 0xbc, 0xaf, ..] => return Err("7z"),
            _ => Self::Plain,
        })
    }
}

/// Gives the uncompressed bytes of `raw`.
pub(super) fn decoder<'a>(
    kind: Kind,
    raw: impl Read + Send + 'a,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    if kind == Kind::Plain {
        return Ok(Box::new(raw));
    }
    let raw = BufReader::with_capacity(INPUT_BUFFER_BYTES, raw);
    Ok(match kind {
        Kind::Plain | Kind::Gzip => Box::new(GzipMembers::new(raw)),
        Kind::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(raw)),
        Kind::Xz => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(raw)),
        Kind::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(raw)?),
    })
}

/// Modification time and name of the original file, from a gzip header (RFC 1952, 2.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct GzipHeader {
    /// Seconds since the epoch; `None` when gzip read from a pipe.
    pub(super) modified: Option<i64>,
    pub(super) name: Option<String>,
}

impl GzipHeader {
    pub(super) fn parse(head: &[u8]) -> Self {
        let seconds = head.get(4..8).and_then(|b| b.try_into().ok());
        let modified = seconds.map_or(0, |b| i64::from(u32::from_le_bytes(b)));
        let flags = head.get(3).copied().unwrap_or(0);
        // FNAME follows FEXTRA; gzip(1) never writes the latter.
        let name = head.get(10..).filter(|_| flags & 0x0c == 0x08);
        let name = name.and_then(|rest| rest.split(|&b| b == 0).next());
        Self {
            modified: (modified != 0).then_some(modified),
            name: name.map(|name| String::from_utf8_lossy(name).into_owned()),
        }
    }
}

/// All members of a gzip file, then its padding. Does what gzip(1) does with what follows them.
struct GzipMembers<R: BufRead> {
    /// `None` after the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipMembers<R> {
    fn new(raw: R) -> Self {
        Self {
            member: Some(GzDecoder::new(raw)),
        }
    }

    fn start_next_member(&mut self) -> io::Result<()> {
        let Some(member) = self.member.take() else {
            return Ok(());
        };
        let mut raw = member.into_inner();
        let head = raw.fill_buf()?;
        match head.first() {
            None => Ok(()),
            Some(0x1f) => {
                self.member = Some(GzDecoder::new(raw));
                Ok(())
            }
            // Tapes and some file systems pad with zeros.
            Some(0) => skip_zeros(&mut raw),
            Some(_) => Err(garbage()),
        }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n = member.read(buffer).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    io::Error::new(io::ErrorKind::UnexpectedEof, "the gzip file is truncated")
                }
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                    io::Error::new(error.kind(), format!("the gzip file is damaged ({error})"))
                }
                _ => error,
            })?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            self.start_next_member()?;
        }
        Ok(0)
    }
}

fn skip_zeros(raw: &mut impl BufRead) -> io::Result<()> {
    loop {
        let padding = raw.fill_buf()?;
        if padding.is_empty() {
            return Ok(());
        }
        if padding.iter().any(|&b| b != 0) {
            return Err(garbage());
        }
        let n = padding.len();
        raw.consume(n);
    }
}

fn garbage() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "trailing garbage after the end of the gzip data was ignored",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::testing::{Slow, gzip};
    use std::io::Write;

    /// What can be read, and the error after it.
    fn check(bytes: &[u8], expected: &[u8], error: Option<&str>) {
        let kind = Kind::of(bytes).unwrap();
        let mut out = Vec::new();
        let mut reader = decoder(kind, Slow(bytes)).unwrap();
        let result = reader.read_to_end(&mut out);
        assert_eq!(
            String::from_utf8_lossy(&out),
            String::from_utf8_lossy(expected)
        );
        let message = result.err().map(|e| e.to_string());
        let is_expected = match (&message, error) {
            (Some(message), Some(error)) => message.contains(error),
            (None, None) => true,
            _ => false,
        };
        assert!(is_expected, "{message:?}, expected {error:?}");
    }

    #[test]
    fn gzip_members_padding_and_garbage() {
        let one = gzip(b"one\n");
        let both = [one.clone(), gzip(b"two\n")].concat();
        check(&both, b"one\ntwo\n", None);
        check(&[&both[..], &[0; 600]].concat(), b"one\ntwo\n", None);
        check(
            &[&both[..], b"junk"].concat(),
            b"one\ntwo\n",
            Some("trailing garbage"),
        );
        check(
            &[&both[..], &[0, 0, 1]].concat(),
            b"one\ntwo\n",
            Some("trailing garbage"),
        );
        check(&one[..one.len() - 3], b"one\n", Some("truncated"));
        check(&[&one[..], &one[..8]].concat(), b"one\n", Some("truncated"));
        check(&gzip(b""), b"", None);
    }

    #[test]
    fn concatenated_members_of_every_kind() {
        let bzip2 = |bytes: &[u8]| {
            let mut e = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            e.write_all(bytes).unwrap();
            e.finish().unwrap()
        };
        let xz = |bytes: &[u8]| {
            let mut e = liblzma::write::XzEncoder::new(Vec::new(), 1);
            e.write_all(bytes).unwrap();
            e.finish().unwrap()
        };
        let zstd = |bytes: &[u8]| zstd::stream::encode_all(bytes, 1).unwrap();
        let members = [
            (bzip2(b"one\n"), bzip2(b"two\n")),
            (xz(b"one\n"), xz(b"two\n")),
            (zstd(b"one\n"), zstd(b"two\n")),
        ];
        for (whole, second) in members {
            check(&[&whole[..], &second[..]].concat(), b"one\ntwo\n", None);
            let mut reader = decoder(Kind::of(&whole).unwrap(), &whole[..whole.len() - 2]).unwrap();
            assert!(reader.read_to_end(&mut Vec::new()).is_err());
        }
        check(
            b"Nov 19 22:00:00 mx x: y\n",
            b"Nov 19 22:00:00 mx x: y\n",
            None,
        );
        assert_eq!(Kind::of(b"PK\x03\x04"), Err("zip"));
    }

    #[test]
    fn gzip_header_tells_time_and_name() {
        let bytes = flate2::GzBuilder::new()
            .mtime(1_700_000_000)
            .filename("mail.log.1")
            .write(Vec::new(), flate2::Compression::fast())
            .finish()
            .unwrap();
        let header = GzipHeader::parse(&bytes);
        assert_eq!(header.modified, Some(1_700_000_000));
        assert_eq!(header.name.as_deref(), Some("mail.log.1"));
        assert_eq!(GzipHeader::parse(&gzip(b"")), GzipHeader::default());
        assert_eq!(GzipHeader::parse(b"\x1f\x8b"), GzipHeader::default());
    }
}

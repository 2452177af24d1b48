//! A body in chunks, as strictly as RFC 9112 section 7.1 has it.

use super::fault::Fault;

/// The longest extensions of one chunk in bytes. Nobody uses them; they are dropped.
const EXTENSIONS: u16 = 1024;

/// Digits of a size at most: as many as a number of 60 bits has.
const DIGITS: u8 = 15;

/// Where in the chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    /// In the size of a chunk, of which so many digits were read.
    Size { digits: u8, size: u64 },
    /// In the extensions behind it, of which so many bytes were read.
    Extensions { bytes: u16, size: u64 },
    /// Before the LF behind it.
    SizeEnd { size: u64 },
    /// In a chunk, with so many bytes of it to come.
    Data(u64),
    /// Before the CR behind a chunk, or the LF.
    DataEnd { cr: bool },
    /// Behind the last chunk: lines with trailers, up to an empty one.
    Trailers,
}

impl Chunks {
    /// Before the first chunk.
    pub(super) const BEGIN: Self = Self::Size { digits: 0, size: 0 };

    /// Follows bytes that are not empty, up to the trailers at most. Returns how many; none in the trailers.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        if let Self::Data(left) = self {
            let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
            *left -= here as u64;
            if *left == 0 {
                *self = Self::DataEnd { cr: false };
            }
            return Ok(here);
        }
        if *self == Self::Trailers {
            return Ok(0);
        }
        *self = self.after(bytes[0])?;
        Ok(1)
    }

    fn after(self, byte: u8) -> Result<Self, Fault> {
        Ok(match (self, byte) {
            (Self::Size { digits, size }, byte) if byte.is_ascii_hexdigit() && digits < DIGITS => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Self::Size { digits: digits + 1, size: size << 4 | u64::from(digit) }
            }
            (Self::Size { digits: 1.., size }, b'\r') => Self::SizeEnd { size },
            (Self::Size { digits: 1.., size }, b';') => Self::Extensions { bytes: 0, size },
            (Self::Extensions { size, .. }, b'\r') => Self::SizeEnd { size },
            // Visible, or whitespace, or beyond ASCII: no control characters (RFC 9110 section 5.6.4).
            (Self::Extensions { bytes: bytes @ ..EXTENSIONS, size }, b'\t' | b' '..=b'~' | 0x80..) => {
                Self::Extensions { bytes: bytes + 1, size }
            }
            (Self::SizeEnd { size: 0 }, b'\n') => Self::Trailers,
            (Self::SizeEnd { size }, b'\n') => Self::Data(size),
            (Self::DataEnd { cr: false }, b'\r') => Self::DataEnd { cr: true },
            (Self::DataEnd { cr: true }, b'\n') => Self::BEGIN,
            _ => return Err(Fault::Chunk),
        })
    }
}

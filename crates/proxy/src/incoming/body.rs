//! The body of an answer: how it is framed, and what of it is in the bytes that were read.

use super::{FIELDS, Nonsense, nonsense};
use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// The longest line with a chunk's size, and the longest trailers, in bytes.
const LINE: usize = 16 * 1024;

/// How far a body has been read, and how it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// There is no more.
    Done,
    /// So many bytes are to come.
    Length(u64),
    /// In chunks.
    Chunked(Chunk),
    /// Until the connection ends.
    UntilEnd,
}

/// Where in the chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// A line with the size of the next one is to come.
    Size,
    /// So many bytes of a chunk are to come.
    Data(u64),
    /// The line end after a chunk is to come.
    End,
    /// The trailers are to come.
    Trailers,
}

/// A piece of a body.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece {
    /// Bytes.
    Data(Bytes),
    /// What came behind them.
    Trailers(HeaderMap),
    /// More has to be read first.
    More,
    /// That was all.
    End,
}

impl Body {
    /// How the body of an answer is read (RFC 9112 section 6.3).
    pub(super) fn of(
        method: &Method,
        status: StatusCode,
        old: bool,
        fields: &mut HeaderMap,
    ) -> Result<Self, Nonsense> {
        if *method == Method::HEAD
            || status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED
        {
            return Ok(Self::Done);
        }
        let mut codings = fields.get_all(TRANSFER_ENCODING).iter().peekable();
        if codings.peek().is_some() {
            if old {
                return nonsense("chunks in HTTP/1.0");
            }
            let last = codings.last().map(HeaderValue::as_bytes).unwrap_or_default();
            let coding = last.rsplit(|b| *b == b',').next().unwrap_or_default().trim_ascii();
            let chunked = coding.eq_ignore_ascii_case(b"chunked");
            return Ok(if chunked { Self::Chunked(Chunk::Size) } else { Self::UntilEnd });
        }
        let mut length = None;
        let mut parts = 0;
        for value in fields.get_all(CONTENT_LENGTH) {
            for part in value.as_bytes().split(|b| *b == b',') {
                let Some(part) = number(part.trim_ascii()) else { return nonsense("a length that is none") };
                if length.is_some_and(|other| other != part) {
                    return nonsense("two different lengths");
                }
                length = Some(part);
                parts += 1;
            }
        }
        if let (Some(bytes), 2..) = (length, parts) {
            // Said more than once: said once to the client.
            fields.insert(CONTENT_LENGTH, bytes.into());
        }
        Ok(match length {
            None => Self::UntilEnd,
            Some(0) => Self::Done,
            Some(bytes) => Self::Length(bytes),
        })
    }

    /// Whether all was read.
    pub(crate) fn is_done(self) -> bool {
        self == Self::Done
    }

    /// How many bytes it has, if that is known.
    pub(crate) const fn length(self) -> Option<u64> {
        match self {
            Self::Done => Some(0),
            Self::Length(bytes) => Some(bytes),
            Self::Chunked(_) | Self::UntilEnd => None,
        }
    }

    /// Takes the next piece out of `bytes`. A body whose last bytes are in there is done with the last piece.
    ///
    /// # Errors
    /// When it is no chunk.
    pub(crate) fn next(&mut self, bytes: &mut BytesMut) -> Result<Piece, Nonsense> {
        let piece = self.piece(bytes)?;
        if matches!(piece, Piece::Data(_)) && matches!(self, Self::Chunked(_)) {
            self.look_ahead(bytes)?;
        }
        Ok(piece)
    }

    fn piece(&mut self, bytes: &mut BytesMut) -> Result<Piece, Nonsense> {
        loop {
            match self {
                Self::Done => return Ok(Piece::End),
                Self::UntilEnd if bytes.is_empty() => return Ok(Piece::More),
                Self::UntilEnd => return Ok(Piece::Data(bytes.split().freeze())),
                Self::Length(left) => {
                    let Some(data) = up_to(bytes, left) else { return Ok(Piece::More) };
                    if *left == 0 {
                        *self = Self::Done;
                    }
                    return Ok(Piece::Data(data));
                }
                Self::Chunked(Chunk::Data(left)) => {
                    let Some(data) = up_to(bytes, left) else { return Ok(Piece::More) };
                    if *left == 0 {
                        *self = Self::Chunked(Chunk::End);
                    }
                    return Ok(Piece::Data(data));
                }
                Self::Chunked(Chunk::End) => match &bytes[..] {
                    [b'\r', b'\n', ..] => {
                        bytes.advance(2);
                        *self = Self::Chunked(Chunk::Size);
                    }
                    [] | [b'\r'] => return Ok(Piece::More),
                    _ => return nonsense("no line end after a chunk"),
                },
                Self::Chunked(Chunk::Size) => match size(bytes)? {
                    None => return Ok(Piece::More),
                    Some(0) => *self = Self::Chunked(Chunk::Trailers),
                    Some(size) => *self = Self::Chunked(Chunk::Data(size)),
                },
                Self::Chunked(Chunk::Trailers) => {
                    let Some(trailers) = trailers(bytes)? else { return Ok(Piece::More) };
                    *self = Self::Done;
                    return Ok(if trailers.is_empty() { Piece::End } else { Piece::Trailers(trailers) });
                }
            }
        }
    }

    /// Passes over what is behind a chunk, up to the end if it is there.
    fn look_ahead(&mut self, bytes: &mut BytesMut) -> Result<(), Nonsense> {
        if *self == Self::Chunked(Chunk::End) && bytes.starts_with(b"\r\n0\r\n\r\n") {
            bytes.advance(7);
            *self = Self::Done;
        }
        Ok(())
    }
}

/// Takes at most `left` bytes; none if there are none.
fn up_to(bytes: &mut BytesMut, left: &mut u64) -> Option<Bytes> {
    if bytes.is_empty() {
        return None;
    }
    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    *left -= here as u64;
    Some(bytes.split_to(here).freeze())
}

/// A decimal number as lengths are written: digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// Takes the line with a chunk's size.
fn size(bytes: &mut BytesMut) -> Result<Option<u64>, Nonsense> {
    // The parser takes no digits for zero, which would be the end.
    if bytes.first().is_some_and(|first| !first.is_ascii_hexdigit()) {
        return nonsense("a chunk without a size");
    }
    match httparse::parse_chunk_size(bytes) {
        Ok(httparse::Status::Complete((length, size))) => {
            bytes.advance(length);
            Ok(Some(size))
        }
        Ok(httparse::Status::Partial) if bytes.len() < LINE => Ok(None),
        _ => nonsense("a chunk's size that is none"),
    }
}

/// Takes the trailers.
fn trailers(bytes: &mut BytesMut) -> Result<Option<HeaderMap>, Nonsense> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    match httparse::parse_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete((length, fields))) => {
            let mut trailers = HeaderMap::new();
            for field in fields {
                match (HeaderName::from_bytes(field.name.as_bytes()), HeaderValue::from_bytes(field.value)) {
                    (Ok(name), Ok(value)) => trailers.append(name, value),
                    _ => return nonsense("a trailer that is none"),
                };
            }
            bytes.advance(length);
            Ok(Some(trailers))
        }
        Ok(httparse::Status::Partial) if bytes.len() < LINE => Ok(None),
        _ => nonsense("trailers that are none"),
    }
}

//! An instance's answer, taken out of the bytes that were read (RFC 9112). No I/O in here.
//!
//! Strict where bytes could be understood in two ways, as the client would be the one who is misled: two
//! different lengths, a length beside chunks in HTTP/1.0, a chunk without a size are all no answer.

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::ext::ReasonPhrase;
use std::mem::MaybeUninit;

/// Fields of a head at most.
const FIELDS: usize = 128;

/// The longest head in bytes.
const HEAD: usize = 128 * 1024;

/// The longest line with a chunk's size, and the longest trailers, in bytes.
const LINE: usize = 16 * 1024;

/// What is read is no HTTP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Nonsense(pub(crate) String);

fn nonsense<T>(what: impl ToString) -> Result<T, Nonsense> {
    Err(Nonsense(what.to_string()))
}

/// The head of an answer; its fields are beside it.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    /// The reason, if it is not the usual one.
    pub(crate) reason: Option<ReasonPhrase>,
    /// How its body is read.
    pub(crate) body: Body,
    /// The connection can take another request after it.
    pub(crate) keep_alive: bool,
}

/// Where the fields are in a head: name from, name to, value from, value to. Kept from one head to the next, so that
/// none of them needs room of its own.
#[derive(Debug, Default)]
pub(crate) struct Places(Vec<[u32; 4]>);

/// Takes a head out of `bytes`, if all of it is there. Its fields replace those in `fields`, which are
/// untouched until then. Interim answers (RFC 9110 section 15.2) are passed over; `go_on` is set if one of them
/// is `100 Continue`. What is in `places` before is of no matter.
///
/// # Errors
/// When it is no HTTP.
pub(crate) fn head(
    bytes: &mut BytesMut,
    method: &Method,
    fields: &mut HeaderMap,
    places: &mut Places,
    go_on: &mut bool,
) -> Result<Option<Head>, Nonsense> {
    loop {
        let Some(parsed) = parse(bytes, places)? else {
            return if bytes.len() > HEAD { nonsense("the head is too long") } else { Ok(None) };
        };
        let Parsed { length, status, reason, old } = parsed;
        let head = bytes.split_to(length).freeze();
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            *go_on |= status == StatusCode::CONTINUE;
            continue;
        }
        fields.clear();
        fields.reserve(places.0.len());
        for [name, name_end, value, value_end] in &places.0 {
            let name = &head[*name as usize..*name_end as usize];
            let value = head.slice(*value as usize..*value_end as usize);
            match (HeaderName::from_bytes(name), HeaderValue::from_maybe_shared(value)) {
                (Ok(name), Ok(value)) => fields.append(name, value),
                _ => return nonsense("a header that is none"),
            };
        }
        let body = Body::of(method, status, old, fields)?;
        let keep_alive = keeps_alive(old, fields) && body != Body::UntilEnd;
        return Ok(Some(Head { status, reason, body, keep_alive }));
    }
}

struct Parsed {
    length: usize,
    status: StatusCode,
    reason: Option<ReasonPhrase>,
    /// HTTP/1.0.
    old: bool,
}

fn parse(bytes: &[u8], places: &mut Places) -> Result<Option<Parsed>, Nonsense> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let length = match config.parse_response_with_uninit_headers(&mut response, bytes, &mut fields) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return nonsense(error),
    };
    let Ok(status) = StatusCode::from_u16(response.code.unwrap_or_default()) else {
        return nonsense("a status that is none");
    };
    let reason = response.reason.unwrap_or_default();
    let reason = if Some(reason) == status.canonical_reason() {
        None
    } else {
        ReasonPhrase::try_from(reason.as_bytes()).ok()
    };
    let start = bytes.as_ptr().addr();
    let place = |part: &[u8]| {
        let from = part.as_ptr().addr() - start;
        // A head is shorter than `HEAD`, or is refused before it gets here.
        [from, from + part.len()].map(|at| u32::try_from(at).unwrap_or(u32::MAX))
    };
    places.0.clear();
    places.0.extend(response.headers.iter().map(|field| {
        let ([a, b], [c, d]) = (place(field.name.as_bytes()), place(field.value));
        [a, b, c, d]
    }));
    Ok(Some(Parsed { length, status, reason, old: response.version == Some(0) }))
}

fn keeps_alive(old: bool, fields: &HeaderMap) -> bool {
    let mut keeps = !old;
    for value in fields.get_all(CONNECTION) {
        for word in value.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            if word.eq_ignore_ascii_case(b"close") {
                return false;
            }
            keeps |= word.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    keeps
}

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
    fn of(method: &Method, status: StatusCode, old: bool, fields: &mut HeaderMap) -> Result<Self, Nonsense> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Status, body and trailers of an answer that comes in pieces of `step` bytes; what is left unread.
    fn read(answer: &str, step: usize) -> Result<(u16, String, usize, usize), Nonsense> {
        let (mut bytes, mut fields) = (BytesMut::new(), HeaderMap::new());
        let mut rest = answer.as_bytes().chunks(step);
        let mut more =
            |bytes: &mut BytesMut| rest.next().map(|piece| bytes.extend_from_slice(piece)).is_some();
        let mut answer = loop {
            if let Some(head) =
                head(&mut bytes, &Method::GET, &mut fields, &mut Places::default(), &mut false)?
            {
                break head;
            }
            assert!(more(&mut bytes), "the head never ends");
        };
        let (mut text, mut trailers) = (Vec::new(), 0);
        loop {
            match answer.body.next(&mut bytes)? {
                Piece::Data(data) => text.extend_from_slice(&data),
                Piece::Trailers(map) => trailers = map.len(),
                Piece::End => break,
                Piece::More if more(&mut bytes) => {}
                Piece::More if answer.body == Body::UntilEnd => break,
                Piece::More => return nonsense("cut"),
            }
        }
        while more(&mut bytes) {}
        Ok((answer.status.as_u16(), String::from_utf8(text).unwrap(), trailers, bytes.len()))
    }

    #[test]
    fn bodies_are_read_whole_however_they_come() {
        let ok = "HTTP/1.1 200 OK\r\n";
        for (answer, expected) in [
            (format!("{ok}content-length: 5\r\n\r\nhelloEXTRA"), (200, "hello", 0, 5)),
            (format!("{ok}content-length: 5, 5\r\ncontent-length: 5\r\n\r\nhello"), (200, "hello", 0, 0)),
            (format!("{ok}content-length: 0\r\n\r\n"), (200, "", 0, 0)),
            (format!("{ok}\r\nuntil the end"), (200, "until the end", 0, 0)),
            (format!("{ok}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"), (200, "hello world", 0, 0)),
            (format!("{ok}transfer-encoding: gzip, Chunked\r\n\r\nA\r\n0123456789\r\n0\r\nx-a: 1\r\nx-b: 2\r\n\r\nZ"), (200, "0123456789", 2, 1)),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n".to_owned(), (204, "", 0, 0)),
            ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n".to_owned(), (304, "", 0, 0)),
            ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi".to_owned(), (200, "hi", 0, 0)),
        ] {
            for step in [1, 2, 3, 7, 1000] {
                let (status, text, trailers, left) = read(&answer, step).unwrap();
                assert_eq!((status, text.as_str(), trailers, left), expected, "{answer:?} by {step}");
            }
        }
    }

    #[test]
    fn what_could_be_understood_in_two_ways_is_not_understood() {
        let ok = "HTTP/1.1 200 OK\r\n";
        for answer in [
            "220 smtp\r\n".to_owned(),
            format!("{ok}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!"),
            format!("{ok}content-length: +5\r\n\r\nhello"),
            format!("{ok}content-length: \r\n\r\nhello"),
            format!("{ok}content-length: 99999999999999999999\r\n\r\nhello"),
            format!("{ok}transfer-encoding: chunked\r\n\r\n\r\nhello"),
            format!("{ok}transfer-encoding: chunked\r\n\r\n-5\r\nhello"),
            format!("{ok}transfer-encoding: chunked\r\n\r\n5\r\nhelloXX"),
            format!("{ok}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
            format!("{ok}transfer-encoding: chunked\r\n\r\n5;{}", "x".repeat(20_000)),
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            format!("{ok}x: {}", "y".repeat(200_000)),
            format!("{ok}bad name: 1\r\n\r\n"),
        ] {
            for step in [3, 100_000] {
                assert!(read(&answer, step).is_err(), "{}", &answer[..answer.len().min(80)]);
            }
        }
    }

    #[test]
    fn a_connection_is_kept_as_the_version_and_the_header_say() {
        for (text, kept) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n", true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: x, Close\r\n", false),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive\r\nconnection: close\r\n",
                false,
            ),
            ("HTTP/1.1 200 OK\r\n", false),
            ("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n", false),
            ("HTTP/1.0 200 OK\r\ncontent-length: 1\r\nconnection: Keep-Alive\r\n", true),
        ] {
            let mut bytes = BytesMut::from(format!("{text}\r\n").as_str());
            let read =
                head(&mut bytes, &Method::GET, &mut HeaderMap::new(), &mut Places::default(), &mut false)
                    .unwrap()
                    .unwrap();
            assert_eq!(read.keep_alive, kept, "{text}");
        }
    }

    #[test]
    fn fields_and_reason_are_taken_over() {
        let mut bytes = BytesMut::from("HTTP/1.1 404 Gone Fishing\r\nX-A: 1\r\nx-a:  2 \r\nx-e:\r\n\r\n");
        let mut fields = HeaderMap::new();
        fields.insert("old", HeaderValue::from_static("1"));
        let head = head(&mut bytes, &Method::HEAD, &mut fields, &mut Places::default(), &mut false)
            .unwrap()
            .unwrap();
        assert_eq!(head.reason.unwrap().as_bytes(), b"Gone Fishing");
        let values: Vec<_> = fields.get_all("x-a").iter().collect();
        assert_eq!((values == ["1", "2"], fields["x-e"].len(), fields.len()), (true, 0, 3));
        assert!(head.body.is_done());
    }
}

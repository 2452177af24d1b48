//! An instance's answer, taken out of the bytes that were read (RFC 9112). No I/O in here.
//!
//! Strict where bytes could be understood in two ways, as the client would be the one who is misled: two
//! different lengths, a length beside chunks in HTTP/1.0, a chunk without a size are all no answer.

pub(crate) mod body;

pub(crate) use body::{Body, Piece};

use bytes::BytesMut;
use http::header::CONNECTION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::ext::ReasonPhrase;
use std::mem::MaybeUninit;

/// Fields of a head at most.
const FIELDS: usize = 128;

/// The longest head in bytes.
const HEAD: usize = 128 * 1024;

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

//! What is wrong with a client's bytes.

use http::StatusCode;

/// Why the bytes of a client are no request that everybody understands alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A line that does not end with CR and LF (RFC 9112 section 2.2).
    LineEnd,
    /// More empty lines before a request than one (RFC 9112 section 2.2).
    EmptyLines,
    /// A first line that is not a method, a target and a version with one space between (RFC 9112 section 3).
    RequestLine,
    /// A `Content-Length` that is no number, or more than one (RFC 9112 section 6.3).
    Length,
    /// A `Transfer-Encoding` other than `chunked`, more than one, or in HTTP/1.0 (RFC 9112 section 6.1).
    Coding,
    /// Both of them (RFC 9112 section 6.1).
    LengthAndCoding,
    /// A field whose name is none (RFC 9110 section 5.1).
    Name,
    /// A chunk that is not as RFC 9112 section 7.1 has it.
    Chunk,
    /// A field behind the last chunk that says how long the request is (RFC 9110 section 6.5.1).
    Trailer,
    /// The head did not come to its end in time.
    SlowHead,
    /// The body let the app wait for too long.
    SlowBody,
}

impl Fault {
    /// What the client is answered.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::SlowHead | Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// What a person reads.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::LineEnd => "A line of the request does not end with CR and LF.",
            Self::EmptyLines => "There are empty lines before the request.",
            Self::RequestLine => "The first line of the request is not a method, a target and a version.",
            Self::Length => "The request must say its Content-Length once, as a number.",
            Self::Coding => "The only Transfer-Encoding of a request can be chunked, said once.",
            Self::LengthAndCoding => "The request has a Content-Length and a Transfer-Encoding.",
            Self::Name => "The name of a field of the request has a character that is none of a name.",
            Self::Chunk => "A chunk of the request's body is malformed.",
            Self::Trailer => "A field behind the request's body must stand before it.",
            Self::SlowHead => "The request did not arrive in time.",
            Self::SlowBody => "The body of the request did not arrive in time.",
        }
    }

    /// The whole answer, after which the connection is closed.
    pub(crate) fn answer(self) -> String {
        let status = self.status();
        let body = format!("{status}\n\n{}\n", self.message());
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

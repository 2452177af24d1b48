//! A request of HTTP/2, as it is written to an instance of HTTP/1.1.

use crate::http2;
use crate::outgoing::Outgoing;
use crate::strict::follower::{Follower, Next};
use crate::target;
use http::header::{CONNECTION, CONTENT_LENGTH, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, HeaderValue, Request, Version};
use std::task::{Context, Poll, Waker};

/// Whatever its fields are, it is one request to whoever reads it, with the fields that it had. The first byte says
/// whether it has a body; lines of the data are the method, the target, and fields.
pub fn downgrade(data: &[u8]) {
    let Some((body, data)) = data.split_first() else { return };
    let mut lines = data.split(|byte| *byte == b'\n');
    let (method, target) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let uri = [b"http://h.example".as_slice(), target].concat();
    let request = Request::builder().method(method).uri(&uri[..]).version(Version::HTTP_2).body(());
    let Ok(request) = request else { return };
    let mut head = request.into_parts().0;
    for line in lines {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        // The codec lets no other through.
        let fit = (HeaderName::from_lowercase(name), HeaderValue::from_bytes(value));
        let (Ok(name), Ok(value)) = fit else { continue };
        let of_connections = [CONNECTION, TRANSFER_ENCODING, UPGRADE, TE];
        let no_length = || value.as_bytes().is_empty() || !value.as_bytes().iter().all(u8::is_ascii_digit);
        if of_connections.contains(&name) || (name == CONTENT_LENGTH && (value.len() > 18 || no_length())) {
            continue;
        }
        head.headers.append(name, value);
    }
    let body = body % 2 == 0;
    if http2::downgrade(&mut head).is_err()
        || target::settle(&mut head, &HeaderValue::from_static("own")).is_err()
    {
        return;
    }
    http2::frame(&mut head, body);
    let written = written(&head);
    let mut follower = Follower::default();
    let text = || written.escape_ascii().to_string();
    assert_eq!(follower.follow(&written), Ok(()), "{}", text());
    let mut fields = vec![httparse::EMPTY_HEADER; head.headers.len()];
    let mut request = httparse::Request::new(&mut fields);
    assert_eq!(request.parse(&written), Ok(httparse::Status::Complete(written.len())), "{}", text());
    assert_eq!(request.method, Some(head.method.as_str()));
    assert_eq!(request.headers.len(), head.headers.len(), "{}", text());
    match (head.headers.get(CONTENT_LENGTH), follower.next()) {
        (Some(length), Next::Body(bytes)) => {
            assert_eq!(length.to_str().ok().and_then(|l| l.parse().ok()), Some(bytes))
        }
        (Some(length), Next::Request) => assert!(length.as_bytes().iter().all(|digit| *digit == b'0')),
        (None, next) => assert_eq!(next, if body { Next::Chunks } else { Next::Request }, "{}", text()),
        (length, next) => panic!("{length:?}, {next:?}: {}", text()),
    }
}

fn written(head: &http::request::Parts) -> Vec<u8> {
    let mut outgoing = Outgoing::default();
    outgoing.begin(head, None, None);
    let mut bytes = Vec::new();
    let done = outgoing.poll(&mut bytes, &mut Context::from_waker(Waker::noop()));
    assert_eq!(done, Poll::Ready(()));
    bytes
}

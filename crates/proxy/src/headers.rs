//! What a proxy does to headers: takes off what is meant for one connection only (RFC 9110 section 7.6.1),
//! adds what the app wants to know of the client.

use crate::client::Client;
use crate::pool::{IDLE, idle_limit};
use crate::preview::X_GAPLESS_PREVIEW;
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, PROXY_AUTHENTICATE, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use std::cell::RefCell;
use std::time::Duration;

/// The name under which a request is known to client, proxy and app.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The client's true address, for the preload in an app's process; believed there, so never let through.
pub(crate) const X_GAPLESS_CLIENT: HeaderName = HeaderName::from_static("x-gapless-client");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Which of the headers that matter to a proxy are there. One look over all is cheaper than a search for each.
#[derive(Debug, Clone, Copy, Default)]
struct Present {
    connection: bool,
    keep_alive: bool,
    te: bool,
    transfer_encoding: bool,
    upgrade: bool,
    expect: bool,
    /// Others that are for one connection only.
    other: bool,
    forwarded_for: bool,
    forwarded_proto: bool,
    forwarded_host: bool,
    preview: bool,
}

impl Present {
    fn of(headers: &HeaderMap) -> Self {
        let mut present = Self::default();
        for name in headers.keys() {
            match name.as_str().as_bytes() {
                b"connection" => present.connection = true,
                b"keep-alive" => present.keep_alive = true,
                b"te" => present.te = true,
                b"transfer-encoding" => present.transfer_encoding = true,
                b"upgrade" => present.upgrade = true,
                b"expect" => present.expect = true,
                b"proxy-connection" | b"proxy-authenticate" => present.other = true,
                b"x-forwarded-for" => present.forwarded_for = true,
                b"x-forwarded-proto" => present.forwarded_proto = true,
                b"x-forwarded-host" => present.forwarded_host = true,
                b"x-gapless-preview" => present.preview = true,
                _ => {}
            }
        }
        present
    }
}

/// Makes a client's headers into those for an instance. The host header is right already. Returns whether
/// the client wants its connection upgraded (RFC 9110 section 7.8).
pub(crate) fn to_instance(head: &mut Parts, client: &Client, id: &HeaderValue) -> bool {
    let headers = &mut head.headers;
    let present = Present::of(headers);
    let says = |name, word: &str| names(headers, name).any(|said| said.eq_ignore_ascii_case(word));
    let trailers = present.te && says(TE, "trailers");
    let may_upgrade = head.version == Version::HTTP_11 && present.upgrade && present.connection;
    let upgrade = may_upgrade && says(CONNECTION, "upgrade");
    let protocol = if upgrade { headers.get(UPGRADE).cloned() } else { None };
    remove_hop_by_hop(headers, present);
    if present.expect && !(head.version == Version::HTTP_11 && is_continue(headers)) {
        headers.remove(EXPECT);
    }
    if present.preview {
        headers.remove(X_GAPLESS_PREVIEW);
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if present.transfer_encoding {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if let Some(protocol) = protocol {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
    forwarded(headers, client, present);
    headers.insert(X_REQUEST_ID, id.clone());
    headers.insert(X_GAPLESS_CLIENT, client.address.clone());
    upgrade
}

/// Whether the client waits to be told to go on with its body, and for nothing else (RFC 9110 section 10.1.1).
fn is_continue(headers: &HeaderMap) -> bool {
    headers.get_all(EXPECT).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Whether all names are such as HTTP/1.1 can say: HTTP/2 is read by a library that takes a quote in them as well,
/// which RFC 9110 section 5.1 does not.
pub(crate) fn have_names(headers: &HeaderMap) -> bool {
    !headers.keys().any(|name| name.as_str().contains('"'))
}

/// Whether it is a call of gRPC, of whatever kind.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// Makes an instance's headers into those for the client. Returns how long its connection may be idle.
pub(crate) fn to_client(headers: &mut HeaderMap, id: &HeaderValue) -> Duration {
    let present = Present::of(headers);
    let mut idle = IDLE;
    if present.keep_alive {
        idle = headers.get(KEEP_ALIVE).and_then(|value| value.to_str().ok()).map_or(IDLE, idle_limit);
    }
    if present.transfer_encoding {
        // RFC 9112 section 6.3: it overrides a length, which must not be passed on.
        headers.remove(CONTENT_LENGTH);
    }
    remove_hop_by_hop(headers, present);
    headers.insert(X_REQUEST_ID, id.clone());
    idle
}

/// Headers of a `101`: the upgrade is what it is about.
pub(crate) fn to_client_upgraded(headers: &mut HeaderMap, id: &HeaderValue) {
    let protocol = headers.get(UPGRADE).cloned();
    remove_hop_by_hop(headers, Present::of(headers));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        headers.insert(UPGRADE, protocol);
    }
    headers.insert(X_REQUEST_ID, id.clone());
}

fn remove_hop_by_hop(headers: &mut HeaderMap, present: Present) {
    if present.connection {
        // There may be several; each may name others.
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter(|value| !is_plain(value))
            .flat_map(|value| value.as_bytes().split(|b| *b == b','))
            .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
            // Some are needed, whoever names them here.
            .filter(|name| *name != HOST && *name != CONTENT_LENGTH)
            .collect();
        headers.remove(CONNECTION);
        for name in named {
            headers.remove(name);
        }
    }
    for (there, name) in [
        (present.keep_alive, KEEP_ALIVE),
        (present.te, TE),
        (present.transfer_encoding, TRANSFER_ENCODING),
        (present.upgrade, UPGRADE),
        (present.other, PROXY_CONNECTION),
        (present.other, PROXY_AUTHENTICATE),
    ] {
        if there {
            headers.remove(name);
        }
    }
}

/// Names nothing but the connection itself.
fn is_plain(connection: &HeaderValue) -> bool {
    matches!(connection.as_bytes(), b"keep-alive" | b"Keep-Alive" | b"close")
}

fn names(headers: &HeaderMap, of: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(of)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(str::trim)
}

/// Whether the client's own connection is secure, as far as we know, or whoever stands near before us.
pub(crate) fn is_https(headers: &HeaderMap, client: &Client) -> bool {
    let said = || headers.get(X_FORWARDED_PROTO).is_some_and(|protocol| protocol == "https");
    client.is_secure || (client.is_near && said())
}

fn forwarded(headers: &mut HeaderMap, client: &Client, present: Present) {
    let mut ip = client.ip.clone();
    if client.is_near && present.forwarded_for {
        let mut chain = BytesMut::new();
        for one in headers.get_all(X_FORWARDED_FOR) {
            chain.put_slice(one.as_bytes());
            chain.put_slice(b", ");
        }
        chain.put_slice(ip.as_bytes());
        ip = HeaderValue::from_maybe_shared(chain.freeze()).unwrap_or(ip);
    }
    headers.insert(X_FORWARDED_FOR, ip);
    if !(client.is_near && present.forwarded_proto) {
        let protocol = if client.is_secure { "https" } else { "http" };
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(protocol));
    }
    if !(client.is_near && present.forwarded_host)
        && let Some(host) = headers.get(HOST).cloned()
    {
        headers.insert(X_FORWARDED_HOST, host);
    }
}

/// The client's request id if it is a sane one (1 to 128 letters, digits and `._-:+/=@`), else a new one.
pub(crate) fn request_id(headers: &HeaderMap, ids: &RequestIds) -> HeaderValue {
    let sane = |b: &u8| b.is_ascii_alphanumeric() || b"._-:+/=@".contains(b);
    match headers.get(X_REQUEST_ID) {
        Some(id) if (1..=128).contains(&id.len()) && id.as_bytes().iter().all(sane) => id.clone(),
        _ => ids.next(),
    }
}

/// Makes request ids: 128 random bits in hexadecimal. Cut from one block, so that few are allocated.
#[derive(Debug, Default)]
pub(crate) struct RequestIds(RefCell<BytesMut>);

impl RequestIds {
    const LENGTH: usize = 32;
    const BLOCK: usize = 128 * Self::LENGTH;

    fn next(&self) -> HeaderValue {
        let mut block = self.0.borrow_mut();
        if block.capacity() < Self::LENGTH {
            *block = BytesMut::with_capacity(Self::BLOCK);
        }
        let mut random = fastrand::u128(..);
        for _ in 0..Self::LENGTH {
            block.put_u8(b"0123456789abcdef"[(random & 15) as usize]);
            random >>= 4;
        }
        let id: Bytes = block.split().freeze();
        HeaderValue::from_maybe_shared(id).expect("hexadecimal digits are plain ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        map
    }

    #[test]
    fn what_is_for_one_connection_does_not_travel() {
        let mut headers = map(&[
            ("connection", "close, X-Secret, content-length"),
            ("x-secret", "1"),
            ("content-length", "3"),
            ("keep-alive", "timeout=3"),
            ("proxy-connection", "x"),
            ("upgrade", "h2c"),
            ("te", "gzip"),
            ("other", "stays"),
        ]);
        let idle = to_client(&mut headers, &HeaderValue::from_static("id"));
        assert_eq!(idle, Duration::from_secs(2));
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "other", "x-request-id"]);
    }

    #[test]
    fn chunked_overrides_a_length() {
        let mut headers = map(&[("transfer-encoding", "chunked"), ("content-length", "3")]);
        to_client(&mut headers, &HeaderValue::from_static("id"));
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn ids_are_kept_if_sane_and_never_twice_the_same() {
        let ids = RequestIds::default();
        assert_eq!(request_id(&map(&[("x-request-id", "abc-1.2:3")]), &ids), "abc-1.2:3");
        for bad in ["", "a b", "x\"y", &"a".repeat(129)] {
            assert_ne!(request_id(&map(&[("x-request-id", bad)]), &ids), bad);
        }
        let many: std::collections::HashSet<_> = (0..1000).map(|_| ids.next()).collect();
        assert_eq!(many.len(), 1000);
        assert!(many.iter().all(|id| id.len() == 32));
    }

    #[test]
    fn several_connection_headers_count_as_one() {
        let mut headers = map(&[("connection", "x-a"), ("connection", "x-b"), ("x-a", "1"), ("x-b", "1")]);
        to_client(&mut headers, &HeaderValue::from_static("id"));
        assert_eq!(headers.len(), 1);
    }
}

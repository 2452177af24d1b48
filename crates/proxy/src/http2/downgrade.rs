//! A request of HTTP/2 in the shape that the rest of the proxy, and an instance, know (RFC 9113 section 8).
//!
//! What must not be in a field (line ends, upper case, fields of one connection) is refused by the codec before
//! it gets here, with a reset of the stream or the end of the connection.

use crate::headers;
use crate::refusal::Refusal;
use crate::strict::Fault;
use bytes::{BufMut, BytesMut};
use http::header::{CONTENT_LENGTH, COOKIE, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};

/// Makes sure of the host and the length, and puts a cookie together that came in crumbs (section 8.2.3).
///
/// # Errors
/// The answer to a request that names two hosts, or a user (section 8.3.1), says its length twice (the
/// codec looks at the first, and who knows at which an instance does), or has a field whose name is none.
pub(crate) fn downgrade(head: &mut Parts) -> Result<(), Refusal> {
    if let Some(authority) = head.uri.authority() {
        let same = |host: &HeaderValue| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes());
        if authority.as_str().contains('@') || !head.headers.get_all(HOST).iter().all(same) {
            return Err(Refusal::BadHost);
        }
    }
    if head.headers.get_all(CONTENT_LENGTH).iter().count() > 1 {
        return Err(Refusal::Malformed(Fault::Length));
    }
    if !headers::have_names(&head.headers) {
        return Err(Refusal::Malformed(Fault::Name));
    }
    join_cookies(&mut head.headers);
    Ok(())
}

fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else { return };
    let mut whole = BytesMut::from(first.as_bytes());
    for crumb in std::iter::once(second).chain(crumbs) {
        whole.put_slice(b"; ");
        whole.put_slice(crumb.as_bytes());
    }
    if let Ok(whole) = HeaderValue::from_maybe_shared(whole.freeze()) {
        headers.insert(COOKIE, whole);
    }
}

/// Says how long the body is in the way of HTTP/1.1: frames need not say it beforehand. `body`: whether there
/// is one.
pub(crate) fn frame(head: &mut Parts, body: bool) {
    if head.headers.contains_key(CONTENT_LENGTH) {
        return;
    }
    if body {
        head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    } else if matches!(head.method, Method::POST | Method::PUT | Method::PATCH) {
        // RFC 9110 section 8.6: some servers wait for one otherwise.
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn head(uri: &str, fields: &[(&'static str, &str)]) -> Parts {
        let mut request = Request::builder().uri(uri).method("POST");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn one_host_and_no_user() {
        for (uri, host, good) in [
            ("http://a.example:80/", None, true),
            ("http://a.example:80/", Some("A.example:80"), true),
            ("http://a.example/", Some("b.example"), false),
            ("http://u@a.example/", None, false),
            ("/", Some("a.example"), true),
        ] {
            let fields: Vec<_> = host.iter().map(|host| ("host", *host)).collect();
            assert_eq!(downgrade(&mut head(uri, &fields)).is_ok(), good, "{uri} {host:?}");
        }
    }

    #[test]
    fn crumbs_become_a_cookie() {
        let mut head = head("/", &[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3; d=4")]);
        downgrade(&mut head).unwrap();
        let cookies: Vec<_> = head.headers.get_all(COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3; d=4"]);
    }

    #[test]
    fn the_length_of_a_body_is_said() {
        let said = |fields: &[(&'static str, &str)], body| {
            let mut head = head("/", fields);
            frame(&mut head, body);
            let get = |name| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            (get(CONTENT_LENGTH), get(TRANSFER_ENCODING))
        };
        assert_eq!(said(&[], true), (None, Some("chunked".to_owned())));
        assert_eq!(said(&[], false), (Some("0".to_owned()), None));
        assert_eq!(said(&[("content-length", "3")], true), (Some("3".to_owned()), None));
    }
}

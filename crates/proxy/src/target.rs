//! What a request asks for: host and path, made sure of before anything else is done.

use crate::refusal::Refusal;
use http::header::HOST;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Uri, Version};
use std::borrow::Cow;

/// Brings a request into origin form with exactly one `Host` (RFC 9112 section 3.2). `own` is what a client
/// of HTTP/1.0 means when it names none.
///
/// # Errors
/// The answer to a request that is none.
pub(crate) fn settle(head: &mut Parts, own: &HeaderValue) -> Result<(), Refusal> {
    if head.method == Method::CONNECT {
        return Err(Refusal::Tunnel);
    }
    if let Some(authority) = head.uri.authority() {
        // Absolute form. Its host would count whatever the header says; where the two differ, somebody hopes that
        // two servers on the way do not agree on that.
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Refusal::BadHost)?;
        let others = head.headers.get_all(HOST).iter();
        let mut others = others.filter(|other| !other.as_bytes().eq_ignore_ascii_case(host.as_bytes()));
        if others.next().is_some() || head.headers.get_all(HOST).iter().count() > 1 || !is_host(&host) {
            return Err(Refusal::BadHost);
        }
        head.headers.insert(HOST, host);
        let path = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        head.uri = Uri::from(path);
        return Ok(());
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host) => Ok(()),
        (None, _) if head.version < Version::HTTP_11 => {
            head.headers.insert(HOST, own.clone());
            Ok(())
        }
        _ => Err(Refusal::BadHost),
    }
}

/// Whether it has only characters of a host and a port (RFC 3986 section 3.2.2): no user, path or list.
fn is_host(host: &HeaderValue) -> bool {
    host.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+;=%:[]".contains(b))
}

/// The name in a `Host` header: in lower case, without port and final dot.
///
/// # Errors
/// The answer to one that is no text.
pub(crate) fn name(host: &HeaderValue) -> Result<Cow<'_, str>, Refusal> {
    let text = host.to_str().map_err(|_| Refusal::BadHost)?;
    let name = if text.starts_with('[') {
        text.split_inclusive(']').next().unwrap_or_default()
    } else {
        text.split(':').next().unwrap_or_default()
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    Ok(if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn settled(uri: &str, version: Version, hosts: &[&str]) -> Result<(String, String), Refusal> {
        let mut request = Request::builder().uri(uri).version(version);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let mut head = request.body(()).unwrap().into_parts().0;
        settle(&mut head, &HeaderValue::from_static("own:80"))?;
        Ok((head.uri.to_string(), head.headers[HOST].to_str().unwrap().to_owned()))
    }

    #[test]
    fn one_host_and_origin_form() {
        let ok = |uri: &str, host: &str| Ok((uri.to_owned(), host.to_owned()));
        assert_eq!(settled("/a?b", Version::HTTP_11, &["x"]), ok("/a?b", "x"));
        assert_eq!(settled("http://h:1/a?b", Version::HTTP_11, &["H:1"]), ok("/a?b", "h:1"));
        assert_eq!(settled("http://h", Version::HTTP_10, &[]), ok("/", "h"));
        assert_eq!(settled("http://h/", Version::HTTP_11, &["x"]), Err(Refusal::BadHost));
        assert_eq!(settled("http://h/", Version::HTTP_11, &["h", "h"]), Err(Refusal::BadHost));
        assert_eq!(settled("http://u@h/", Version::HTTP_11, &["u@h"]), Err(Refusal::BadHost));
        for host in ["a/b", "a b", "u@a", "a,b", "a\\b", "a#", "\u{e4}"] {
            assert_eq!(settled("/", Version::HTTP_11, &[host]), Err(Refusal::BadHost), "{host}");
        }
        assert_eq!(settled("*", Version::HTTP_11, &["x"]), ok("*", "x"));
        assert_eq!(settled("/", Version::HTTP_10, &[]), ok("/", "own:80"));
        assert_eq!(settled("/", Version::HTTP_11, &[]), Err(Refusal::BadHost));
        assert_eq!(settled("/", Version::HTTP_11, &["a", "b"]), Err(Refusal::BadHost));
    }

    #[test]
    fn names_are_compared_without_port_and_case() {
        for (host, expected) in [
            ("a.example.com", "a.example.com"),
            ("A.Example.COM:8080", "a.example.com"),
            ("a.example.com.", "a.example.com"),
            ("[::1]:80", "[::1]"),
            ("127.0.0.1:3", "127.0.0.1"),
        ] {
            assert_eq!(name(&HeaderValue::from_static(host)).unwrap(), expected);
        }
    }
}

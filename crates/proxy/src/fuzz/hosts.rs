//! What a request asks for.

use crate::headers::{RequestIds, request_id};
use crate::target;
use http::header::HOST;
use http::{HeaderName, HeaderValue, Request, Version};

/// A request that is let through asks for one host and a path. The first line of the data is the target, the others
/// are values of `Host`.
pub fn hosts(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let target = lines.next().unwrap_or_default();
    let version = if data.len().is_multiple_of(3) { Version::HTTP_10 } else { Version::HTTP_11 };
    let Ok(request) = Request::builder().uri(target).version(version).body(()) else { return };
    let mut head = request.into_parts().0;
    for line in lines {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            head.headers.append(HOST, value.clone());
            head.headers.append(HeaderName::from_static("x-request-id"), value);
        }
    }
    let id = request_id(&head.headers, &RequestIds::default());
    assert!((1..=128).contains(&id.len()) && !id.as_bytes().iter().any(|byte| b"<>\"'& \t".contains(byte)));
    let absolute = head.uri.authority().map(|authority| authority.as_str().to_ascii_lowercase());
    if target::settle(&mut head, &HeaderValue::from_static("own:80")).is_err() {
        return;
    }
    let all: Vec<_> = head.headers.get_all(HOST).iter().collect();
    let [host] = all[..] else { panic!("not one host: {all:?}") };
    assert!(!host.as_bytes().iter().any(|byte| b"@/\\, \t".contains(byte)), "{host:?}");
    assert!(absolute.is_none_or(|said| said.as_bytes() == host.as_bytes().to_ascii_lowercase()));
    assert!(head.uri.scheme().is_none() && head.uri.authority().is_none());
    if let Ok(name) = target::name(host) {
        assert!(!name.bytes().any(|byte| byte.is_ascii_uppercase()));
    }
}

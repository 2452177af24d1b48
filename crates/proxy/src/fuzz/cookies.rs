//! The cookie that keeps a client where it is.

use crate::balance::Sticky;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

const NAME: &str = "gapless";

/// It is taken out, and all others stay in their order. Lines of the data are lines of cookies.
pub fn cookies(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(line) = HeaderValue::from_bytes(line) {
            headers.append(COOKIE, line);
        }
    }
    let before = pairs(&headers);
    drop(Sticky::take(NAME.into(), "/".into(), false, &mut headers));
    let is_ours = |pair: &Vec<u8>| pair.starts_with(b"gapless=");
    let after = pairs(&headers);
    assert!(!after.iter().any(is_ours));
    let others: Vec<_> = before.into_iter().filter(|pair| !is_ours(pair)).collect();
    assert_eq!(after, others);
    let again = headers.clone();
    drop(Sticky::take(NAME.into(), "/".into(), false, &mut headers));
    assert_eq!(headers, again, "it is taken at once");
}

fn pairs(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii));
    pairs.filter(|pair| !pair.is_empty()).map(<[u8]>::to_vec).collect()
}

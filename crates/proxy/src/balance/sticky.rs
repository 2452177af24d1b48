//! Stickiness: a cookie names the instance that answered a client first, and brings it back there as long as
//! the instance can be asked.

use crate::backend::Backend;
use gapless_model::{InstanceId, fingerprint};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use std::rc::Rc;

/// What cookies call an instance: the same for every worker and every proxy. Its name is not told to strangers;
/// it is no secret either, as whoever comes without a cookie may get to any instance.
pub(crate) fn token(instance: &InstanceId) -> u64 {
    fingerprint(instance.to_string().bytes())
}

/// A client of an app that keeps its clients where they are.
pub(crate) struct Sticky {
    /// The cookie's name.
    name: Rc<str>,
    /// What the client's cookies of that name say. Several may come, of routes within each other.
    asks_for: Vec<u64>,
    /// Path of the route.
    path: String,
    /// The client came by https.
    secure: bool,
}

impl Sticky {
    /// Takes the cookie out of a request's headers: it is nothing to the app.
    pub(crate) fn take(name: Rc<str>, path: String, secure: bool, headers: &mut HeaderMap) -> Self {
        let mut asks_for = Vec::new();
        let mut others = Vec::new();
        let mut is_there = false;
        for line in headers.get_all(COOKIE) {
            for pair in line.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
                match value(pair, &name) {
                    Some(value) => {
                        is_there = true;
                        let value = std::str::from_utf8(value).ok();
                        asks_for.extend(value.and_then(|value| u64::from_str_radix(value, 16).ok()));
                    }
                    None if pair.is_empty() => {}
                    None => others.push(pair.to_vec()),
                }
            }
        }
        if is_there {
            headers.remove(COOKIE);
            // One line for all (RFC 6265 section 5.4), as it was before in all likelihood.
            if let Ok(rest) = HeaderValue::from_bytes(&others.join(&b"; "[..]))
                && !rest.is_empty()
            {
                headers.insert(COOKIE, rest);
            }
        }
        Self { name, asks_for, path, secure }
    }

    /// Whether the client wants to go to this instance.
    pub(crate) fn asks_for(&self, backend: &Backend) -> bool {
        self.asks_for.contains(&backend.token)
    }

    /// Tells the client which instance it was, unless it knows.
    pub(crate) fn tell(&self, backend: &Backend, headers: &mut HeaderMap) {
        if self.asks_for(backend) {
            return;
        }
        let Self { name, path, secure, .. } = self;
        let token = backend.token;
        let secure = if *secure { "; Secure" } else { "" };
        // RFC 6265 section 4.1, and SameSite of its successor.
        let value = format!("{name}={token:016x}; Path={path}; HttpOnly; SameSite=Lax{secure}");
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(SET_COOKIE, value);
        }
    }
}

/// The value of a cookie, if it has this name.
fn value<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(cookies: &[&str]) -> (Vec<u64>, Vec<String>) {
        let mut headers = HeaderMap::new();
        for line in cookies {
            headers.append(COOKIE, line.parse().unwrap());
        }
        let sticky = Sticky::take("gapless".into(), "/".into(), false, &mut headers);
        let left = headers.get_all(COOKIE).iter().map(|line| line.to_str().unwrap().to_owned()).collect();
        (sticky.asks_for, left)
    }

    #[test]
    fn the_cookie_is_taken_out_and_others_stay() {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (cookies, asks_for, left) in [
            (&["a=1; gapless=f; b=2"][..], &[15][..], &["a=1; b=2"][..]),
            (&["gapless=f"], &[15], &[]),
            (&["gapless=f;gapless=0e", "c=3"], &[15, 14], &["c=3"]),
            (&["gaplessly=1;  b=gapless=2"], &[], &["gaplessly=1;  b=gapless=2"]),
            (&["a=1", "b=2"], &[], &["a=1", "b=2"]),
            (&["gapless=", "gapless=nonsense", "a=1"], &[], &["a=1"]),
        ] {
            assert_eq!(take(cookies), (asks_for.to_vec(), owned(left)), "{cookies:?}");
        }
    }

    #[test]
    fn every_instance_has_a_name_of_its_own_for_ever() {
        let id = |number| InstanceId::new("api".parse().unwrap(), number);
        let all: std::collections::BTreeSet<_> = (0..10_000).map(|number| token(&id(number))).collect();
        assert_eq!(all.len(), 10_000);
        // Of "api-1". Another value would move every client of those who upgrade.
        assert_eq!(format!("{:016x}", token(&id(1))), "cf30cba4d2d93f9d");
    }
}

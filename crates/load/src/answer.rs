//! What is read from an answer: whether it is right, and which version gave it.

use bytes::Bytes;
use hyper::HeaderMap;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// A complete answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its whole body.
    pub body: Bytes,
}

/// The request that an [`Answer`] belongs to, as far as a verifier needs it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Path and query.
    pub path: String,
    /// The body, empty for a `GET`.
    pub body: Bytes,
}

/// A check of an answer; the error says in words what is wrong with it.
type Check = dyn Fn(&Sent, &Answer) -> Result<(), String> + Send + Sync;

/// What an answer with a good status is held against.
#[derive(Clone)]
pub enum Verify {
    /// Nothing more.
    Nothing,
    /// Its body is the request's body.
    Echo,
    /// Its body is a JSON object whose `length` and `sha256` (hexadecimal) are those of the request's body.
    Sha256,
    /// Whatever the caller checks.
    With(Arc<Check>),
}

impl Verify {
    /// A check of the caller's own.
    pub fn with(check: impl Fn(&Sent, &Answer) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self::With(Arc::new(check))
    }

    /// Whether `answer` is right for `sent`; if not, why.
    pub(crate) fn check(&self, sent: &Sent, answer: &Answer) -> Result<(), String> {
        match self {
            Self::Nothing => Ok(()),
            Self::Echo if sent.body == answer.body => Ok(()),
            Self::Echo => Err(format!(
                "sent {} bytes, and other {} bytes came back",
                sent.body.len(),
                answer.body.len()
            )),
            Self::Sha256 => check_sha256(sent, answer),
            Self::With(check) => check(sent, answer),
        }
    }
}

impl fmt::Debug for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Echo => "Echo",
            Self::Sha256 => "Sha256",
            Self::With(_) => "With(…)",
        })
    }
}

fn check_sha256(sent: &Sent, answer: &Answer) -> Result<(), String> {
    let said: serde_json::Value =
        serde_json::from_slice(&answer.body).map_err(|e| format!("the answer is no JSON: {e}"))?;
    let length = said.get("length").and_then(serde_json::Value::as_u64);
    if length != u64::try_from(sent.body.len()).ok() {
        return Err(format!("sent {} bytes, the app got {length:?}", sent.body.len()));
    }
    let digest: String = Sha256::digest(&sent.body).iter().map(|byte| format!("{byte:02x}")).collect();
    match said.get("sha256").and_then(serde_json::Value::as_str) {
        Some(got) if got == digest => Ok(()),
        got => Err(format!("the app got other bytes than were sent: sha256 {got:?} instead of {digest}")),
    }
}

/// Where an answer says which version of the app gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionFrom {
    /// It does not.
    Nothing,
    /// In this header.
    Header(String),
    /// In this field of the JSON object that is its body.
    JsonField(String),
}

impl VersionFrom {
    /// The version, if the answer says.
    pub(crate) fn read(&self, answer: &Answer) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Header(name) => answer.headers.get(name)?.to_str().ok().map(str::to_owned),
            Self::JsonField(name) => {
                let body: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
                match body.get(name)? {
                    serde_json::Value::String(version) => Some(version.clone()),
                    other => Some(other.to_string()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { status: 200, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    fn sent(body: &'static str) -> Sent {
        Sent { path: "/echo".to_owned(), body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn a_digest_of_other_bytes_is_wrong() {
        let right =
            r#"{"length":3,"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}"#;
        assert_eq!(Verify::Sha256.check(&sent("abc"), &answer(right)), Ok(()));
        let other = Verify::Sha256.check(&sent("abd"), &answer(right)).unwrap_err();
        assert!(other.starts_with("the app got other bytes"), "{other}");
        let short = Verify::Sha256.check(&sent("abcd"), &answer(right)).unwrap_err();
        assert_eq!(short, "sent 4 bytes, the app got Some(3)");
        assert!(Verify::Sha256.check(&sent("abc"), &answer("oops")).unwrap_err().contains("no JSON"));
    }

    #[test]
    fn the_version_is_read_where_it_is_said() {
        let mut with_header = answer(r#"{"version":"v2","number":3}"#);
        with_header.headers.insert("x-version", hyper::header::HeaderValue::from_static("v1"));
        let read = |from: VersionFrom| from.read(&with_header);
        assert_eq!(read(VersionFrom::Header("X-Version".to_owned())).as_deref(), Some("v1"));
        assert_eq!(read(VersionFrom::JsonField("version".to_owned())).as_deref(), Some("v2"));
        assert_eq!(read(VersionFrom::JsonField("number".to_owned())).as_deref(), Some("3"));
        assert_eq!(read(VersionFrom::JsonField("missing".to_owned())), None);
        assert_eq!(read(VersionFrom::Nothing), None);
    }
}

//! What the access log wants to know of a request's head.

use gapless_model::AccessLog as Format;
use http::header::{HOST, REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method, Uri, Version};

/// Of a request's head, kept until it ends.
pub(crate) struct Asked {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) host: Option<HeaderValue>,
    /// Only the combined format asks for it.
    pub(super) visitor: Option<Visitor>,
}

/// What a client says of itself.
pub(super) struct Visitor {
    pub(super) version: Version,
    pub(super) referer: Option<HeaderValue>,
    pub(super) agent: Option<HeaderValue>,
}

impl Asked {
    /// What a log of this format needs.
    pub(super) fn of(head: &Parts, format: Format) -> Self {
        let header = |name| head.headers.get(name).cloned();
        let visitor =
            || Visitor { version: head.version, referer: header(REFERER), agent: header(USER_AGENT) };
        let authority = || HeaderValue::from_str(head.uri.authority()?.as_str()).ok();
        Self {
            method: head.method.clone(),
            uri: head.uri.clone(),
            host: header(HOST).or_else(authority),
            visitor: (format == Format::Combined).then(visitor),
        }
    }

    /// The path with its query.
    pub(super) fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }
}

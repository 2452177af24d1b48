//! Requests that the proxy itself is asked, and not an app: an authority's about a host, and those that came
//! by http and shall come again by https.

use crate::answer::AnswerBody;
use crate::client::Client;
use crate::refusal::Refusal;
use crate::target;
use crate::tls::Terms;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};

/// Where an authority asks (RFC 8555 section 8.3).
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// The answer to an authority that asks for something that it gave us itself. Before any route: whatever app
/// has the host, the question is not for it.
pub(crate) fn to_authority(terms: &Terms, head: &Parts) -> Option<Response<AnswerBody>> {
    let token = head.uri.path().strip_prefix(CHALLENGES)?;
    let mut response = Response::new(AnswerBody::own(Bytes::from(terms.answer(token)?)));
    // Section 8.3: "application/octet-stream" for whoever minds.
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Some(response)
}

/// The same place by https, for what no route of this listener takes. Method and body stay (RFC 9110 section
/// 15.4.9).
pub(crate) fn by_https(refusal: &Refusal, client: &Client, head: &Parts) -> Option<Response<AnswerBody>> {
    let is_of_nobody = matches!(refusal, Refusal::NoRoute | Refusal::Misdirected);
    let port = client.listener.redirects_to().filter(|_| is_of_nobody && !client.is_secure)?;
    let host = target::name(head.headers.get(HOST)?).ok()?;
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path } else { "/" };
    let location = HeaderValue::try_from(format!("https://{host}{port}{path}")).ok()?;
    let mut response = Response::new(AnswerBody::Empty);
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, location);
    Some(response)
}

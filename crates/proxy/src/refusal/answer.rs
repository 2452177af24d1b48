//! The answer: JSON for programs that ask for it, a page for browsers, a few lines of text for others; and always
//! the request's id.

use super::Refusal;
use crate::answer::AnswerBody;
use crate::headers::X_REQUEST_ID;
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response};

/// What is shown where the user has no page of their own.
const PAGE: &str = include_str!("page.html");

/// What a client can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    Json,
    Html,
    Anything,
}

impl Refusal {
    /// The answer. `request` are the request's headers, `page` finds the user's own page for a status.
    pub(crate) fn answer<'a>(
        &self,
        request: &HeaderMap,
        id: &HeaderValue,
        page: impl FnOnce(u16) -> Option<&'a str>,
    ) -> Response<AnswerBody> {
        let status = self.status();
        let (kind, body) = self.body(wants(request), id.to_str().unwrap_or_default(), page(status.as_u16()));
        let mut response = Response::new(AnswerBody::own(Bytes::from(body)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_REQUEST_ID, id.clone());
        if self.is_passing() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    fn body(&self, wants: Wants, id: &str, page: Option<&str>) -> (&'static str, String) {
        let (status, message) = (self.status(), self.message());
        match (wants, page) {
            (Wants::Json, _) => {
                let body = serde_json::json!({
                    "status": status.as_u16(), "error": message, "request_id": id,
                });
                ("application/json", body.to_string())
            }
            (Wants::Html | Wants::Anything, Some(page)) => {
                // Of an id only letters, digits and a few signs are taken: none of them means anything in HTML.
                let page = page.replace("{request_id}", id).replace("{status}", status.as_str());
                ("text/html; charset=utf-8", page)
            }
            (Wants::Html, None) => {
                let title = status.to_string();
                let page = PAGE.replace("{title}", &title).replace("{message}", message);
                ("text/html; charset=utf-8", page.replace("{request_id}", id))
            }
            (Wants::Anything, None) => {
                ("text/plain; charset=utf-8", format!("{status}\n\n{message}\nRequest id: {id}\n"))
            }
        }
    }
}

/// Whichever the client names first.
fn wants(headers: &HeaderMap) -> Wants {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = accepted.flat_map(|value| value.split(','));
    let of = |range: &str| match range.split(';').next().unwrap_or_default().trim() {
        "text/html" | "application/xhtml+xml" => Some(Wants::Html),
        json if json.ends_with("/json") || json.ends_with("+json") => Some(Wants::Json),
        _ => None,
    };
    ranges.find_map(of).unwrap_or(Wants::Anything)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_can_read() {
        for (accept, expected) in [
            (&[][..], Wants::Anything),
            (&["*/*"], Wants::Anything),
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], Wants::Html),
            (&["application/json"], Wants::Json),
            (&["application/json, text/plain, */*"], Wants::Json),
            (&["image/png", "application/problem+json;q=0.5"], Wants::Json),
            (&["text/html;q=0.9, application/json"], Wants::Html),
            (&["application/jsonp"], Wants::Anything),
        ] {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(ACCEPT, value.parse().unwrap());
            }
            assert_eq!(wants(&headers), expected, "{accept:?}");
        }
    }

    #[test]
    fn a_page_names_the_request() {
        let own = "<p>{status} is {request_id}, body{color:red}";
        let (kind, body) = Refusal::Full.body(Wants::Anything, "x1", Some(own));
        assert_eq!((kind, body.as_str()), ("text/html; charset=utf-8", "<p>503 is x1, body{color:red}"));
        let (_, body) = Refusal::Full.body(Wants::Html, "x1", None);
        assert!(
            body.contains("<h1>503 Service Unavailable</h1>") && body.contains("<code>x1</code>"),
            "{body}"
        );
        assert!(!body.contains("{title}") && !body.contains("{message}") && !body.contains("{request_id}"));
        let (kind, body) = Refusal::Full.body(Wants::Json, "x1", Some(own));
        assert_eq!(kind, "application/json");
        assert!(body.contains("\"request_id\":\"x1\""), "{body}");
    }
}

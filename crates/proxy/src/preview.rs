//! How requests come to a new release before it is public: with its secret in a header, or by the listener that
//! leads nowhere else.

use crate::app::App;
use crate::hold::Places;
use gapless_model::rollout::{PREVIEW_HEADER, PreviewSecret};
use gapless_routing::AppRouting;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::rc::Rc;
use std::sync::Arc;

/// The header with the secret. Never let through: the app has no use for it, and may write down what it gets.
pub(crate) const X_GAPLESS_PREVIEW: HeaderName = HeaderName::from_static(PREVIEW_HEADER);

/// A release that is not public.
pub(crate) struct Preview {
    secret: PreviewSecret,
    /// The app as those see it who may: served by the new release alone.
    app: Rc<App>,
}

impl Preview {
    /// One that nobody serves yet.
    pub(crate) fn new(routing: &AppRouting, secret: PreviewSecret) -> Self {
        let app = Rc::new(App::new(routing.app.clone(), Arc::<Places>::default()));
        app.count_for_nobody();
        Self { secret, app }
    }

    /// The app as those see it who may.
    pub(crate) const fn app(&self) -> &Rc<App> {
        &self.app
    }

    /// Whether this is its secret.
    pub(crate) fn has(&self, secret: &PreviewSecret) -> bool {
        self.secret == *secret
    }

    /// Whether a request may see it. How long that takes says nothing about the secret but its length.
    fn opens(&self, headers: &HeaderMap) -> bool {
        let is_it = |said: &HeaderValue| {
            let (said, secret) = (said.as_bytes(), self.secret.as_str().as_bytes());
            let differ = said.iter().zip(secret).fold(0, |differ, (a, b)| differ | (a ^ b));
            !secret.is_empty() && said.len() == secret.len() && std::hint::black_box(differ) == 0
        };
        headers.get(X_GAPLESS_PREVIEW).is_some_and(is_it)
    }
}

/// The app that a request is for, once its route is known.
pub(crate) fn asked_for(app: Rc<App>, headers: &HeaderMap) -> Rc<App> {
    let private = app.preview().as_ref().filter(|preview| preview.opens(headers)).map(|p| Rc::clone(p.app()));
    private.unwrap_or(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_opens_it_and_none_opens_nothing() {
        let opens = |secret: &str, said: Option<&str>| {
            let app = Rc::new(App::new("web".parse().unwrap(), Arc::default()));
            let preview = Preview { secret: PreviewSecret::new(secret.to_owned()), app };
            let mut headers = HeaderMap::new();
            if let Some(said) = said {
                headers.insert(X_GAPLESS_PREVIEW, said.parse().unwrap());
            }
            preview.opens(&headers)
        };
        assert!(opens("abc", Some("abc")));
        for (secret, said) in [
            ("abc", Some("abd")),
            ("abc", Some("ab")),
            ("abc", Some("abcd")),
            ("abc", Some("")),
            ("abc", None),
            ("", Some("")),
            ("", None),
        ] {
            assert!(!opens(secret, said), "{secret} {said:?}");
        }
    }
}

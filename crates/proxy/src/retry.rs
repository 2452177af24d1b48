//! Which requests may be sent a second time (RFC 9110 section 9.2.2).

use crate::upstream::Reached;
use http::{HeaderMap, HeaderName, Method};

/// <https://www.ietf.org/archive/id/draft-ietf-httpapi-idempotency-key-header-06.html>
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How often a request that may have been executed is sent once more: one that kills whoever gets it must
/// not go through all instances.
const REPEATS: u32 = 2;

/// What to do with a request that got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send it on a new connection; nothing is wrong with the instance.
    NewConnection,
    /// Send it to another instance.
    Elsewhere,
    /// It may have been executed, and must not be twice.
    GiveUp,
}

/// Whether a request may be executed twice, as far as its head says.
pub(crate) fn is_repeatable(method: &Method, headers: &HeaderMap, non_idempotent: bool) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::OPTIONS | Method::TRACE
    ) || non_idempotent
        || headers.contains_key(IDEMPOTENCY_KEY)
}

/// What to do after a try. `pooled`: the connection had been used before. `repeats`: how often the request
/// was sent again although it may have been executed.
pub(crate) fn next(reached: Reached, pooled: bool, repeatable: bool, repeats: u32) -> Next {
    match reached {
        Reached::Nowhere if pooled => Next::NewConnection,
        Reached::Nowhere => Next::Elsewhere,
        Reached::Sent if !repeatable || repeats >= REPEATS => Next::GiveUp,
        Reached::Sent if pooled => Next::NewConnection,
        Reached::Sent => Next::Elsewhere,
        Reached::Nonsense => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn what_was_not_written_is_always_sent_again() {
        for (pooled, then) in [(true, Next::NewConnection), (false, Next::Elsewhere)] {
            assert_eq!(next(Reached::Nowhere, pooled, false, 99), then);
        }
    }

    #[test]
    fn what_may_have_been_executed_is_sent_again_only_if_it_may_be() {
        assert_eq!(next(Reached::Sent, true, true, 0), Next::NewConnection);
        assert_eq!(next(Reached::Sent, false, true, 1), Next::Elsewhere);
        assert_eq!(next(Reached::Sent, false, true, REPEATS), Next::GiveUp);
        assert_eq!(next(Reached::Sent, true, false, 0), Next::GiveUp);
        assert_eq!(next(Reached::Nonsense, true, true, 0), Next::GiveUp);
    }

    #[test]
    fn posts_are_repeatable_with_a_key_or_by_opt_in() {
        let mut headers = HeaderMap::new();
        assert!(is_repeatable(&Method::PUT, &headers, false));
        assert!(!is_repeatable(&Method::POST, &headers, false));
        assert!(!is_repeatable(&Method::PATCH, &headers, false));
        assert!(is_repeatable(&Method::POST, &headers, true));
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_static("k"));
        assert!(is_repeatable(&Method::POST, &headers, false));
    }
}

//! Which requests may be sent a second time (RFC 9110 section 9.2.2).

use crate::upstream::Reached;
use http::{HeaderMap, HeaderName, Method};

/// <https://www.ietf.org/archive/id/draft-ietf-httpapi-idempotency-key-header-06.html>
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How many more instances get a request that may have been executed: one that kills whoever gets it must not go
/// through all of them, and a release whose instances die one after the other must not take it along.
const REPEATS: u32 = 3;

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

/// Whether a request can be sent once more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Again {
    /// It may be executed twice.
    pub(crate) repeatable: bool,
    /// All that was read of its body is still there.
    pub(crate) kept: bool,
}

/// What to do after a try. `pooled`: the connection had been used before. `repeats`: how many instances have got
/// the request and may have executed it.
pub(crate) fn next(reached: Reached, pooled: bool, again: Again, repeats: u32) -> Next {
    let repeatable = again.repeatable && again.kept;
    match reached {
        Reached::Unseen | Reached::Refused if !again.kept => Next::GiveUp,
        Reached::Unseen if pooled => Next::NewConnection,
        Reached::Unseen | Reached::Refused => Next::Elsewhere,
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

    fn again(repeatable: bool) -> Again {
        Again { repeatable, kept: true }
    }

    #[test]
    fn what_was_not_written_is_always_sent_again() {
        for (pooled, then) in [(true, Next::NewConnection), (false, Next::Elsewhere)] {
            assert_eq!(next(Reached::Nowhere, pooled, again(false), 99), then);
        }
    }

    #[test]
    fn what_was_not_looked_at_is_sent_again_as_long_as_it_is_there() {
        let kept = Again { repeatable: false, kept: true };
        assert_eq!(next(Reached::Unseen, true, kept, 99), Next::NewConnection);
        assert_eq!(next(Reached::Unseen, false, kept, 99), Next::Elsewhere);
        assert_eq!(next(Reached::Refused, true, kept, 99), Next::Elsewhere);
        let gone = Again { repeatable: true, kept: false };
        assert_eq!(next(Reached::Unseen, true, gone, 0), Next::GiveUp);
        assert_eq!(next(Reached::Refused, true, gone, 0), Next::GiveUp);
    }

    #[test]
    fn what_may_have_been_executed_is_sent_again_only_if_it_may_be() {
        assert_eq!(next(Reached::Sent, true, again(true), 0), Next::NewConnection);
        assert_eq!(next(Reached::Sent, false, again(true), 1), Next::Elsewhere);
        assert_eq!(next(Reached::Sent, false, again(true), REPEATS), Next::GiveUp);
        assert_eq!(next(Reached::Sent, true, again(false), 0), Next::GiveUp);
        assert_eq!(next(Reached::Nonsense, true, again(true), 0), Next::GiveUp);
        assert_eq!(next(Reached::Sent, true, Again { repeatable: true, kept: false }, 0), Next::GiveUp);
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

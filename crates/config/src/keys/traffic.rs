//! `[[apps.NAME.routes]]`, `[apps.NAME.drain]`, `hold`, `retry` and `limits`.

use super::kind::{Default, Key, Kind, Table};
use crate::defaults;
use std::time::Duration;

/// `[[apps.NAME.routes]]`.
pub(crate) static ROUTE: Table = Table {
    path: "apps.NAME.routes",
    doc: "A public address of the app; the table may be repeated. Among routes that match a request, an exact \
          host goes before a wildcard before none, then the longest path.",
    keys: &[
        Key {
            name: "listen",
            kind: Kind::Listen,
            default: Default::Derived("`127.0.0.1:PORT` if the app has a `port`, else required"),
            example: "\"127.0.0.1:8080\"",
            doc: "Where clients connect: `\"127.0.0.1:8080\"`, `\"[::1]:8080\"`, or `\":8080\"` for every \
                  IPv4 address of the machine, `\"[::]:8080\"` for those of IPv6 as well.",
        },
        Key {
            name: "host",
            kind: Kind::Host,
            default: Default::Derived("every host"),
            example: "\"example.com\"",
            doc: "Only requests for this host; `*.example.com` takes any one label before it.",
        },
        Key {
            name: "path",
            kind: Kind::Prefix,
            default: Default::Text(defaults::ROUTE_PATH),
            example: "\"/api\"",
            doc: "Only requests below this path; it matches whole segments.",
        },
        Key {
            name: "tls",
            kind: Kind::Flag,
            default: Default::Derived("`true` on port 443 if there is a `[tls]`, else `false`"),
            example: "true",
            doc: "Whether clients speak TLS, by the certificates of `[tls]`. The routes of one `listen` agree.",
        },
    ],
};

/// `[apps.NAME.drain]`.
pub(crate) static DRAIN: Table = Table {
    path: "apps.NAME.drain",
    doc: "How begun work is finished before an instance is stopped.",
    keys: &[
        Key {
            name: "timeout",
            kind: Kind::Duration { min: Duration::ZERO },
            default: Default::Duration(defaults::DRAIN_TIMEOUT),
            example: "\"1m\"",
            doc: "How long requests in flight are waited for.",
        },
        Key {
            name: "websocket",
            kind: Kind::Word { built: &["close", "keep"], later: &[] },
            default: Default::Text(defaults::DRAIN_WEBSOCKET),
            example: "\"keep\"",
            doc: "Whether WebSockets are closed with a close frame (1012, service restart), so that clients \
                  reconnect to the new release, or stay until they end by themselves.",
        },
        Key {
            name: "websocket_timeout",
            kind: Kind::Duration { min: Duration::ZERO },
            default: Default::Duration(defaults::DRAIN_WEBSOCKET_TIMEOUT),
            example: "\"1h\"",
            doc: "How long WebSockets that are kept may last; then they are closed all the same, within \
                  `timeout`.",
        },
        Key {
            name: "websocket_window",
            kind: Kind::Duration { min: Duration::ZERO },
            default: Default::Duration(defaults::DRAIN_WEBSOCKET_WINDOW),
            example: "\"20s\"",
            doc: "WebSockets that are closed are closed one by one over this time, so that not all clients come \
                  back at once; at most half of the time that there is.",
        },
    ],
};

/// `[apps.NAME.hold]`.
pub(crate) static HOLD: Table = Table {
    path: "apps.NAME.hold",
    doc: "What becomes of requests while no instance is ready.",
    keys: &[
        Key {
            name: "max_requests",
            kind: Kind::Number { min: 0, max: 1_000_000 },
            default: Default::Number(defaults::HOLD_MAX_REQUESTS),
            example: "100",
            doc: "How many may wait at once; others get 503 with `Retry-After`.",
        },
        Key {
            name: "max_bytes",
            kind: Kind::Size,
            default: Default::Size(defaults::HOLD_MAX_BYTES),
            example: "\"4MiB\"",
            doc: "How many bytes of them, heads and what has arrived of bodies, may wait at once; others get \
                  503 with `Retry-After`.",
        },
        Key {
            name: "timeout",
            kind: Kind::Duration { min: Duration::ZERO },
            default: Default::Duration(defaults::HOLD_TIMEOUT),
            example: "\"10s\"",
            doc: "How long each may wait; then 503 with `Retry-After`.",
        },
    ],
};

/// `[apps.NAME.retry]`.
pub(crate) static RETRY: Table = Table {
    path: "apps.NAME.retry",
    doc: "Which requests may be sent a second time after they may have reached an instance.",
    keys: &[
        Key {
            name: "non_idempotent",
            kind: Kind::Flag,
            default: Default::Flag(defaults::RETRY_NON_IDEMPOTENT),
            example: "true",
            doc: "Also POST and PATCH without `Idempotency-Key`: only for apps that know a repeated request \
                  when they see one.",
        },
        Key {
            name: "max_body",
            kind: Kind::Size,
            default: Default::Size(defaults::RETRY_MAX_BODY),
            example: "\"1MiB\"",
            doc: "Bodies up to this size are kept for a second try.",
        },
    ],
};

/// `[apps.NAME.limits]`.
pub(crate) static LIMITS: Table = Table {
    path: "apps.NAME.limits",
    doc: "How much of the machine each instance may take, and how much of a request the app takes; it does not see what \
          is more.",
    keys: &[
        Key {
            name: "memory",
            kind: Kind::Size,
            default: Default::Derived("as much as the machine has"),
            example: "\"512MB\"",
            doc: "The memory of an instance's processes together: the kernel kills an instance that needs more, and it is \
                  started again as `restart` says. Needs a delegated cgroup (docs/isolation.md).",
        },
        Key {
            name: "cpu",
            kind: Kind::Cores,
            default: Default::Derived("as much as the machine has"),
            example: "1.5",
            doc: "The CPU of an instance's processes together, in cores: who wants more waits. Needs a delegated cgroup.",
        },
        Key {
            name: "pids",
            kind: Kind::Number { min: 1, max: 4_194_304 },
            default: Default::Derived("as many as the machine has"),
            example: "200",
            doc: "An instance's processes and threads together (Node has about a dozen threads): no more can be started. \
                  Needs a delegated cgroup.",
        },
        Key {
            name: "max_body",
            kind: Kind::Size,
            default: Default::Derived("as long as clients like"),
            example: "\"10MiB\"",
            doc: "The longest body; a longer one is answered with 413.",
        },
        Key {
            name: "max_head",
            kind: Kind::Size,
            default: Default::Derived("`\"128KiB\"`, the longest that is read at all"),
            example: "\"16KiB\"",
            doc: "The longest head, method, target and fields; a longer one is answered with 431.",
        },
        Key {
            name: "body_timeout",
            kind: Kind::Duration { min: Duration::from_secs(1) },
            default: Default::Duration(defaults::BODY_TIMEOUT),
            example: "\"5m\"",
            doc: "How long a client may let the app wait for the body of its request: silence counts, 100 bytes \
                  make good a second; then 408. Not for gRPC.",
        },
    ],
};

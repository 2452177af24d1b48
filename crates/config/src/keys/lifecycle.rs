//! `[apps.NAME.stop]`, `restart` and `logs`.

use super::kind::{Default, Key, Kind, Table};
use crate::defaults;
use std::time::Duration;

/// `[apps.NAME.stop]`.
pub(crate) static STOP: Table = Table {
    path: "apps.NAME.stop",
    doc: "How an instance is stopped once its work is done.",
    keys: &[
        Key {
            name: "signal",
            kind: Kind::Signal,
            default: Default::Text(defaults::STOP_SIGNAL),
            example: "\"SIGINT\"",
            doc: "Sent first.",
        },
        Key {
            name: "to",
            kind: Kind::Word { built: &["group", "main"], later: &[] },
            default: Default::Text(defaults::STOP_TO),
            example: "\"main\"",
            doc: "Who gets it: every process of the instance, or only the first, for one that stops its own \
                  children in order.",
        },
        Key {
            name: "timeout",
            kind: Kind::Duration { min: Duration::ZERO },
            default: Default::Duration(defaults::STOP_TIMEOUT),
            example: "\"10s\"",
            doc: "After which the whole group gets SIGKILL.",
        },
    ],
};

/// `[apps.NAME.restart]`.
pub(crate) static RESTART: Table = Table {
    path: "apps.NAME.restart",
    doc: "When a failed instance is started again.",
    keys: &[
        Key {
            name: "policy",
            kind: Kind::Word { built: &["always", "on-failure", "never"], later: &[] },
            default: Default::Text(defaults::RESTART_POLICY),
            example: "\"on-failure\"",
            doc: "Whether an instance that ended by itself is started again: always, unless it exited with 0, \
                  or never.",
        },
        Key {
            name: "backoff",
            kind: Kind::Duration { min: Duration::from_millis(1) },
            default: Default::Duration(defaults::RESTART_BACKOFF),
            example: "\"200ms\"",
            doc: "Delay after the second failure in a row; the first restart is at once, and it doubles from \
                  here.",
        },
        Key {
            name: "backoff_max",
            kind: Kind::Duration { min: Duration::from_millis(1) },
            default: Default::Duration(defaults::RESTART_BACKOFF_MAX),
            example: "\"1m\"",
            doc: "The longest delay.",
        },
        Key {
            name: "stable_after",
            kind: Kind::Duration { min: Duration::from_millis(1) },
            default: Default::Duration(defaults::RESTART_STABLE_AFTER),
            example: "\"30s\"",
            doc: "Each such time without failure takes one failure off the count.",
        },
    ],
};

/// `[apps.NAME.logs]`.
pub(crate) static LOGS: Table = Table {
    path: "apps.NAME.logs",
    doc: "What becomes of the app's output.",
    keys: &[
        Key {
            name: "max_size",
            kind: Kind::Size,
            default: Default::Size(defaults::LOG_MAX_SIZE),
            example: "\"50MB\"",
            doc: "A log file is rotated beyond this size.",
        },
        Key {
            name: "max_age",
            kind: Kind::Duration { min: Duration::from_secs(1) },
            default: Default::Duration(defaults::LOG_MAX_AGE),
            example: "\"1d\"",
            doc: "A log file is rotated when its first line is older.",
        },
        Key {
            name: "keep",
            kind: Kind::Number { min: 0, max: 10_000 },
            default: Default::Number(defaults::LOG_KEEP),
            example: "10",
            doc: "How many rotated files are kept of stdout and of stderr.",
        },
    ],
};

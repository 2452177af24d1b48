//! `[apps.NAME.startup]`, `[apps.NAME.ready]`, `[apps.NAME.live]`.

use super::kind::{Default, Key, Kind, Table};
use crate::defaults;
use std::time::Duration;

/// `[apps.NAME.startup]`.
pub(crate) static STARTUP: Table = Table {
    path: "apps.NAME.startup",
    doc: "The startup probe, for apps that boot long: asked first, and until it passes the other probes wait. \
          Its deadline is the one of `[apps.NAME.ready]`.",
    keys: &[PATH, TCP, COMMAND, NOTIFY, interval(defaults::READY_INTERVAL), TIMEOUT, SUCCESSES, FAILURES],
};

/// `[apps.NAME.ready]`.
pub(crate) static READY: Table = Table {
    path: "apps.NAME.ready",
    doc: "The readiness probe: it gates traffic and every step of a rollout. At most one of `path`, `tcp`, \
          `command` and `notify`; with none of them it is `tcp` for an app that serves.",
    keys: &[
        PATH,
        TCP,
        COMMAND,
        NOTIFY,
        interval(defaults::READY_INTERVAL),
        TIMEOUT,
        SUCCESSES,
        FAILURES,
        Key {
            name: "deadline",
            kind: Kind::Duration { min: Duration::from_millis(1) },
            default: Default::Duration(defaults::START_DEADLINE),
            example: "\"60s\"",
            doc: "From its start until an instance that is not ready has failed.",
        },
    ],
};

/// `[apps.NAME.live]`.
pub(crate) static LIVE: Table = Table {
    path: "apps.NAME.live",
    doc: "The liveness probe: it restarts a wedged instance. One of `path`, `tcp` and `command`.",
    keys: &[PATH, TCP, COMMAND, interval(defaults::LIVE_INTERVAL), TIMEOUT, SUCCESSES, FAILURES],
};

const PATH: Key = Key {
    name: "path",
    kind: Kind::Target,
    default: Default::Nothing,
    example: "\"/ready\"",
    doc: "`GET` on this path of the instance's own address; any 2xx passes, a redirect does not.",
};

const TCP: Key = Key {
    name: "tcp",
    kind: Kind::Flag,
    default: Default::Nothing,
    example: "true",
    doc: "The instance's own address accepts a connection.",
};

const COMMAND: Key = Key {
    name: "command",
    kind: Kind::Command,
    default: Default::Nothing,
    example: "\"node check.js\"",
    doc: "A command that exits 0; it finds the instance in `GAPLESS_INSTANCE`, `GAPLESS_SOCKET` and `PORT`.",
};

const NOTIFY: Key = Key {
    name: "notify",
    kind: Kind::Flag,
    default: Default::Nothing,
    example: "true",
    doc: "The instance says `READY=1` itself on the socket in `NOTIFY_SOCKET` (`sd_notify`).",
};

const fn interval(default: Duration) -> Key {
    Key {
        name: "interval",
        kind: Kind::Duration { min: Duration::from_millis(10) },
        default: Default::Duration(default),
        example: "\"500ms\"",
        doc: "From the end of one probe to the start of the next.",
    }
}

const TIMEOUT: Key = Key {
    name: "timeout",
    kind: Kind::Duration { min: Duration::from_millis(1) },
    default: Default::Duration(defaults::PROBE_TIMEOUT),
    example: "\"2s\"",
    doc: "After which a probe without an answer has failed.",
};

const SUCCESSES: Key = Key {
    name: "successes",
    kind: Kind::Number { min: 1, max: 1000 },
    default: Default::Number(defaults::PROBE_SUCCESSES),
    example: "1",
    doc: "Consecutive successes until the instance counts as healthy.",
};

const FAILURES: Key = Key {
    name: "failures",
    kind: Kind::Number { min: 1, max: 1000 },
    default: Default::Number(defaults::PROBE_FAILURES),
    example: "3",
    doc: "Consecutive failures until it counts as unhealthy.",
};

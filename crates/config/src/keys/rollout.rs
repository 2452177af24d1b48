//! `[apps.NAME.rollout]`.

use super::kind::{Default, Key, Kind, Table};
use crate::defaults;
use std::time::Duration;

/// `[apps.NAME.rollout]`.
pub(crate) static ROLLOUT: Table = Table {
    path: "apps.NAME.rollout",
    doc: "How a new release replaces the old one.",
    keys: &[
        Key {
            name: "strategy",
            kind: Kind::Word { built: &["rolling", "blue-green", "recreate"], later: &["canary"] },
            default: Default::Text(defaults::STRATEGY),
            example: "\"blue-green\"",
            doc: "Rolling: a few instances at a time. Blue-green: a whole second set beside the first, checked \
                  before it is public, then all traffic at once. Recreate: the old instances are gone before \
                  the new ones start, for an app that cannot run twice; requests are held meanwhile.",
        },
        Key {
            name: "max_surge",
            kind: Kind::Number { min: 0, max: 10_000 },
            default: Default::Number(defaults::MAX_SURGE),
            example: "2",
            doc: "How many instances may run beyond the wanted number while rolling.",
        },
        Key {
            name: "max_unavailable",
            kind: Kind::Number { min: 0, max: 10_000 },
            default: Default::Number(defaults::MAX_UNAVAILABLE),
            example: "1",
            doc: "How many of the wanted number may be missing while rolling.",
        },
        Key {
            name: "bake",
            kind: Kind::Duration { min: Duration::ZERO },
            default: Default::Duration(defaults::BAKE),
            example: "\"2m\"",
            doc: "How long the new release is watched at full traffic before the old one is given up.",
        },
        Key {
            name: "verify",
            kind: Kind::Table(&VERIFY),
            default: Default::Nothing,
            example: "[apps.api.rollout.verify]",
            doc: "What a blue-green release must pass before it is public.",
        },
        Key {
            name: "preview",
            kind: Kind::Listen,
            default: Default::Derived("a free port of 127.0.0.1, as long as a release is verified"),
            example: "\"127.0.0.1:9100\"",
            doc: "Where a blue-green release is reached before it is public; all requests there go to it. An \
                  address of the loopback interface: anybody who reaches it sees the release.",
        },
        Key {
            name: "autopromote",
            kind: Kind::Flag,
            default: Default::Flag(defaults::AUTOPROMOTE),
            example: "false",
            doc: "Whether a blue-green release becomes public by itself once it has passed; otherwise `gapless \
                  promote` says when.",
        },
        Key {
            name: "promote_deadline",
            kind: Kind::Duration { min: Duration::from_secs(1) },
            default: Default::Duration(defaults::PROMOTE_DEADLINE),
            example: "\"1h\"",
            doc: "How long `gapless promote` is waited for; then the release is given up.",
        },
    ],
};

/// `[apps.NAME.rollout.verify]`.
pub(crate) static VERIFY: Table = Table {
    path: "apps.NAME.rollout.verify",
    doc: "What a blue-green release must pass before it is public: the checks, then the command.",
    keys: &[
        Key {
            name: "command",
            kind: Kind::Command,
            default: Default::Nothing,
            example: "\"npm run smoke\"",
            doc: "Must exit with 0. Words and not a shell, run where the release is, with `GAPLESS_PREVIEW_URL`, \
                  `GAPLESS_PREVIEW_SECRET`, `GAPLESS_APP` and `GAPLESS_RELEASE` in its environment.",
        },
        Key {
            name: "checks",
            kind: Kind::Tables(&VERIFY_CHECK),
            default: Default::Nothing,
            example: "[[apps.api.rollout.verify.checks]]",
            doc: "Requests, and the answers that they must get.",
        },
        Key {
            name: "timeout",
            kind: Kind::Duration { min: Duration::from_secs(1) },
            default: Default::Duration(defaults::VERIFY_TIMEOUT),
            example: "\"5m\"",
            doc: "How long all of it may take; then the release has not passed.",
        },
    ],
};

/// `[[apps.NAME.rollout.verify.checks]]`.
pub(crate) static VERIFY_CHECK: Table = Table {
    path: "apps.NAME.rollout.verify.checks",
    doc: "A request to a blue-green release before it is public, and the answer that it must get; the table may \
          be repeated.",
    keys: &[
        Key {
            name: "path",
            kind: Kind::Target,
            default: Default::Required,
            example: "\"/health\"",
            doc: "What to `GET`.",
        },
        Key {
            name: "status",
            kind: Kind::Number { min: 100, max: 599 },
            default: Default::Number(defaults::VERIFY_STATUS),
            example: "204",
            doc: "The status code of the answer.",
        },
        Key {
            name: "contains",
            kind: Kind::Text,
            default: Default::Nothing,
            example: "\"ok\"",
            doc: "What its body must contain.",
        },
    ],
};

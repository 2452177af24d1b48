//! `[apps.NAME]`.

use super::kind::{Default, Key, Kind, Table};
use super::{balance, lifecycle, probe, rollout, traffic};
use crate::defaults;

/// `[apps.NAME]`.
pub(crate) static APP: Table = Table {
    path: "apps.NAME",
    doc: "An app: what to run, and how to run and serve it.",
    keys: &[
        Key {
            name: "command",
            kind: Kind::Command,
            default: Default::Required,
            example: "\"node server.js\"",
            doc: "What to run, as words and not by a shell; `{socket}`, `{port}` and `{instance}` in it are \
                  replaced for each instance.",
        },
        Key {
            name: "shell",
            kind: Kind::Flag,
            default: Default::Flag(false),
            example: "true",
            doc: "Runs the command by `/bin/sh -c`.",
        },
        Key {
            name: "cwd",
            kind: Kind::File,
            default: Default::Text("."),
            example: "\"server\"",
            doc: "Directory to run in, relative to this file.",
        },
        Key {
            name: "instances",
            kind: Kind::Instances,
            default: Default::Number(defaults::INSTANCES),
            example: "2",
            doc: "How many processes run, or `\"max\"` for one per core.",
        },
        Key {
            name: "after",
            kind: Kind::Names,
            default: Default::Nothing,
            example: "[\"db\", \"cache\"]",
            doc: "Apps of this file that must be up before the first instance of this one is started.",
        },
        Key {
            name: "port",
            kind: Kind::Number { min: 1, max: 65_535 },
            default: Default::Derived("`PORT` in `env`, else none"),
            example: "3000",
            doc: "The port that the app itself asks for; each instance is given an address of its own in its \
                  place.",
        },
        Key {
            name: "address",
            kind: Kind::Word { built: &["auto", "socket", "port", "none"], later: &[] },
            default: Default::Derived("auto, or none for an app that has neither `port` nor routes"),
            example: "\"port\"",
            doc: "How an instance is told where to listen: the Unix socket in `GAPLESS_SOCKET`, the port in \
                  `PORT`, whichever it opens first, or nowhere as it serves no requests.",
        },
        Key {
            name: "protocol",
            kind: Kind::Word { built: &["http1", "h2c"], later: &[] },
            default: Default::Text("http1"),
            example: "\"h2c\"",
            doc: "What the instances speak: HTTP/1.1, or HTTP/2 in clear text as gRPC servers do.",
        },
        Key {
            name: "env",
            kind: Kind::Env,
            default: Default::Nothing,
            example: "{ NODE_ENV = \"production\" }",
            doc: "Environment variables; they go before `pass_env` and `env_file`.",
        },
        Key {
            name: "env_file",
            kind: Kind::File,
            default: Default::Nothing,
            example: "\".env\"",
            doc: "A file of `KEY=VALUE` lines, relative to this file.",
        },
        Key {
            name: "pass_env",
            kind: Kind::Names,
            default: Default::Nothing,
            example: "[\"DATABASE_URL\"]",
            doc: "Variables taken from the environment that `gapless` is called in; one that is not set there \
                  is an error.",
        },
        Key {
            name: "secrets",
            kind: Kind::Env,
            default: Default::Nothing,
            example: "{ DB_PASSWORD = \"/etc/shop/db-password\" }",
            doc: "Environment variables whose values are read from files, relative to this file, whenever a process is \
                  started; Gapless keeps and shows the paths only.",
        },
        Key {
            name: "user",
            kind: Kind::Text,
            default: Default::Derived("the user that Gapless runs as"),
            example: "\"shop\"",
            doc: "The user that instances run as, by name or number; only where Gapless runs as root.",
        },
        Key {
            name: "group",
            kind: Kind::Text,
            default: Default::Derived("that of `user`"),
            example: "\"shop\"",
            doc: "The group that instances run in, by name or number; only where Gapless runs as root.",
        },
        Key {
            name: "umask",
            kind: Kind::Text,
            default: Default::Derived("that of Gapless"),
            example: "\"027\"",
            doc: "What files that instances make are not for, in octal digits.",
        },
        Key {
            name: "nofile",
            kind: Kind::Number { min: 32, max: 1_073_741_816 },
            default: Default::Derived("that of Gapless"),
            example: "65536",
            doc: "How many files and connections an instance may have open.",
        },
        Key {
            name: "routes",
            kind: Kind::Tables(&traffic::ROUTE),
            default: Default::Derived("`127.0.0.1:PORT` if the app has a `port`, else none"),
            example: "[[apps.api.routes]]",
            doc: "Public addresses of the app.",
        },
        Key {
            name: "startup",
            kind: Kind::Table(&probe::STARTUP),
            default: Default::Nothing,
            example: "[apps.api.startup]",
            doc: "Asked first; until it passes, the other probes wait.",
        },
        Key {
            name: "ready",
            kind: Kind::Table(&probe::READY),
            default: Default::Derived(
                "a connection is accepted; for an app that serves no requests: it runs",
            ),
            example: "[apps.api.ready]",
            doc: "Gates traffic and every step of a rollout.",
        },
        Key {
            name: "live",
            kind: Kind::Table(&probe::LIVE),
            default: Default::Nothing,
            example: "[apps.api.live]",
            doc: "Restarts a wedged instance.",
        },
        Key {
            name: "stop",
            kind: Kind::Table(&lifecycle::STOP),
            default: Default::Derived("the defaults of its keys"),
            example: "[apps.api.stop]",
            doc: "How an instance is stopped once its work is done.",
        },
        Key {
            name: "restart",
            kind: Kind::Table(&lifecycle::RESTART),
            default: Default::Derived("the defaults of its keys"),
            example: "[apps.api.restart]",
            doc: "When a failed instance is started again.",
        },
        Key {
            name: "rollout",
            kind: Kind::Table(&rollout::ROLLOUT),
            default: Default::Derived("the defaults of its keys"),
            example: "[apps.api.rollout]",
            doc: "How a new release replaces the old one.",
        },
        Key {
            name: "logs",
            kind: Kind::Table(&lifecycle::LOGS),
            default: Default::Derived("the defaults of its keys"),
            example: "[apps.api.logs]",
            doc: "What becomes of the app's output.",
        },
        Key {
            name: "drain",
            kind: Kind::Table(&traffic::DRAIN),
            default: Default::Derived("the defaults of its keys"),
            example: "[apps.api.drain]",
            doc: "How begun work is finished before an instance is stopped.",
        },
        Key {
            name: "hold",
            kind: Kind::Table(&traffic::HOLD),
            default: Default::Derived("the defaults of its keys"),
            example: "[apps.api.hold]",
            doc: "What becomes of requests while no instance is ready.",
        },
        Key {
            name: "retry",
            kind: Kind::Table(&traffic::RETRY),
            default: Default::Derived("the defaults of its keys"),
            example: "[apps.api.retry]",
            doc: "Which requests may be sent a second time.",
        },
        Key {
            name: "max_memory",
            kind: Kind::Size,
            default: Default::Derived("as much as the machine has"),
            example: "\"512MiB\"",
            doc: "An instance whose processes together take more memory is replaced: another one first where \
                  `max_surge` has room, one at a time, and each at the earliest `restart.backoff_max` after it \
                  became ready.",
        },
        Key {
            name: "limits",
            kind: Kind::Table(&traffic::LIMITS),
            default: Default::Derived("the defaults of its keys"),
            example: "[apps.api.limits]",
            doc: "How much of the machine each instance may take, and how much of a request the app takes.",
        },
        Key {
            name: "balance",
            kind: Kind::Table(&balance::BALANCE),
            default: Default::Derived("the defaults of its keys"),
            example: "[apps.api.balance]",
            doc: "How requests are spread over the instances.",
        },
        Key {
            name: "error_pages",
            kind: Kind::File,
            default: Default::Derived("those of `[proxy]`"),
            example: "\"errors\"",
            doc: "A directory with the app's own pages for what the proxy answers in its place: `502.html`, \
                  `503.html`, `504.html`; `{request_id}` and `{status}` in them are replaced.",
        },
    ],
};

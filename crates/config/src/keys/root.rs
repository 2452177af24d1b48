//! The top of the file, and `[proxy]`.

use super::app::APP;
use super::kind::{Default, Key, Kind, Table};
use super::tls::TLS;
use crate::defaults;

/// The top of the file.
pub(crate) static ROOT: Table = Table {
    path: "",
    doc: "The top of `gapless.toml`.",
    keys: &[
        Key {
            name: "apps",
            kind: Kind::Named(&APP),
            default: Default::Required,
            example: "[apps.api]",
            doc: "The apps, each under the name that the commands know it by.",
        },
        Key {
            name: "proxy",
            kind: Kind::Table(&PROXY),
            default: Default::Nothing,
            example: "[proxy]",
            doc: "The proxy that all apps share.",
        },
        Key {
            name: "admin",
            kind: Kind::Table(&ADMIN),
            default: Default::Nothing,
            example: "[admin]",
            doc: "Where Gapless itself can be looked at.",
        },
        Key {
            name: "control",
            kind: Kind::Table(&CONTROL),
            default: Default::Nothing,
            example: "[control]",
            doc: "Who may command Gapless.",
        },
        Key {
            name: "tls",
            kind: Kind::Table(&TLS),
            default: Default::Nothing,
            example: "[tls]",
            doc: "TLS for the routes that speak it.",
        },
    ],
};

/// `[admin]`.
pub(crate) static ADMIN: Table = Table {
    path: "admin",
    doc: "Where Gapless itself can be looked at; nothing can be changed there. A file with this table and \
          without `listen` closes it.",
    keys: &[
        Key {
            name: "listen",
            kind: Kind::Listen,
            default: Default::Derived("nowhere; metrics are on the control socket in any case"),
            example: "\"127.0.0.1:9090\"",
            doc: "Serves metrics for Prometheus at `/metrics`, to those who know the token, and without encryption: \
                  keep it on a private address.",
        },
        Key {
            name: "token_file",
            kind: Kind::File,
            default: Default::Derived("`admin.token` in `GAPLESS_HOME`, which Gapless makes"),
            example: "\"/etc/gapless/admin.token\"",
            doc: "The file with what a client must send as `Authorization: Bearer …`. Not everybody may be allowed to \
                  read it. Read again at each `gapless up`.",
        },
    ],
};

/// `[control]`.
pub(crate) static CONTROL: Table = Table {
    path: "control",
    doc: "Who may use the control socket beside root and the user that Gapless runs as. A file with this table and \
          without keys takes back what was allowed before.",
    keys: &[
        Key {
            name: "group",
            kind: Kind::Text,
            default: Default::Derived("nobody"),
            example: "\"deploy\"",
            doc: "The group whose members may command. They can start any program as the user that Gapless runs as.",
        },
        Key {
            name: "readers",
            kind: Kind::Text,
            default: Default::Derived("nobody"),
            example: "\"monitoring\"",
            doc: "The group whose members may look (status, history, logs, metrics) and change nothing; `\"*\"` for \
                  every user of this machine.",
        },
    ],
};

/// `[proxy]`.
pub(crate) static PROXY: Table = Table {
    path: "proxy",
    doc: "The proxy that all apps share.",
    keys: &[
        Key {
            name: "workers",
            kind: Kind::Number { min: 1, max: 1024 },
            default: Default::Derived("one per core"),
            example: "4",
            doc: "Threads that serve requests; takes effect when the proxy is started.",
        },
        Key {
            name: "access_log",
            kind: Kind::FlagOr { words: &["json", "combined"] },
            default: Default::Flag(defaults::ACCESS_LOG),
            example: "false",
            doc: "Whether each request is written to `logs/access.log`: as JSON with its release and instance \
                  (so does `true`), or in the combined format of web servers.",
        },
        Key {
            name: "trust",
            kind: Kind::List(&Kind::Network),
            default: Default::Derived("this machine and private networks"),
            example: "[\"203.0.113.7\", \"10.0.0.0/8\"]",
            doc: "Whose word counts on the client that they speak for: the `X-Forwarded-For`, `-Proto` and `-Host` of \
                  load balancers in front of Gapless. From everybody else they are replaced by what is seen. `[]` \
                  for nobody.",
        },
        Key {
            name: "error_pages",
            kind: Kind::File,
            default: Default::Derived("a plain page with the reason and the request id"),
            example: "\"errors\"",
            doc: "A directory with pages for what the proxy answers by itself: `502.html`, `503.html`, `504.html`, \
                  `404.html`, …; `{request_id}` and `{status}` in them are replaced.",
        },
    ],
};

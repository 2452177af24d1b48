//! `[tls]`.

use super::kind::{Default, Key, Kind, Table};
use crate::defaults;
use gapless_model::tls::CIPHERS;
use std::time::Duration;

/// `[tls]`.
pub(crate) static TLS: Table = Table {
    path: "tls",
    doc: "TLS for the routes that speak it: those with `tls = true`, and those on port 443. One for the whole \
          installation; see [tls.md](tls.md).",
    keys: &[
        Key {
            name: "certificates",
            kind: Kind::Tables(&CERTIFICATE),
            default: Default::Nothing,
            example: "[tls.certificates]",
            doc: "Certificates in files, read again when they change. A client gets the one for the host that \
                  it asks for; the first one if it asks for none.",
        },
        Key {
            name: "acme",
            kind: Kind::Table(&ACME),
            default: Default::Nothing,
            example: "[tls.acme]",
            doc: "Certificates that Gapless gets and renews by itself.",
        },
        Key {
            name: "redirect",
            kind: Kind::List(&Kind::Listen),
            default: Default::Nothing,
            example: "[\":80\"]",
            doc: "Where plain HTTP is answered with a redirect (308) to https. Routes on the same address go \
                  before.",
        },
        Key {
            name: "hsts",
            kind: Kind::Duration { min: Duration::from_secs(1) },
            default: Default::Nothing,
            example: "\"365d\"",
            doc: "For how long browsers shall come by https only (`Strict-Transport-Security`), unless the app \
                  says so itself.",
        },
        Key {
            name: "minimum",
            kind: Kind::Word { built: &["1.2", "1.3"], later: &[] },
            default: Default::Text(defaults::TLS_MINIMUM),
            example: "\"1.3\"",
            doc: "The oldest version of TLS that is spoken.",
        },
        Key {
            name: "ciphers",
            kind: Kind::List(&Kind::Word { built: &CIPHERS, later: &[] }),
            default: Default::Derived("all of them"),
            example: "[\"TLS_AES_128_GCM_SHA256\"]",
            doc: "The cipher suites that may be used.",
        },
    ],
};

/// `[[tls.certificates]]`.
static CERTIFICATE: Table = Table {
    path: "tls.certificates",
    doc: "A certificate and its key; the table may be repeated, or written as `certificates = [{ certificate = \
          \"…\", key = \"…\" }]`.",
    keys: &[
        Key {
            name: "certificate",
            kind: Kind::File,
            default: Default::Required,
            example: "\"certs/example.com.pem\"",
            doc: "PEM file with the certificate, and those between it and one that clients know.",
        },
        Key {
            name: "key",
            kind: Kind::File,
            default: Default::Required,
            example: "\"certs/example.com.key\"",
            doc: "PEM file with its private key.",
        },
    ],
};

/// `[tls.acme]`.
static ACME: Table = Table {
    path: "tls.acme",
    doc: "Certificates by ACME, from Let's Encrypt or another authority; an empty table is enough.",
    keys: &[
        Key {
            name: "email",
            kind: Kind::Email,
            default: Default::Nothing,
            example: "\"you@example.com\"",
            doc: "Whom the authority may write to.",
        },
        Key {
            name: "directory",
            kind: Kind::Url,
            default: Default::Text(defaults::ACME_DIRECTORY),
            example: "\"https://acme-staging-v02.api.letsencrypt.org/directory\"",
            doc: "URL of the authority's directory. Setting it accepts its terms of service, as using the \
                  default one does.",
        },
        Key {
            name: "hosts",
            kind: Kind::List(&Kind::Host),
            default: Default::Derived("the hosts of the TLS routes that no file has a certificate for"),
            example: "[\"example.com\"]",
            doc: "For which hosts; no wildcards.",
        },
        Key {
            name: "ca",
            kind: Kind::File,
            default: Default::Nothing,
            example: "\"ca.pem\"",
            doc: "PEM file with the certificate by which a private authority is known.",
        },
        Key {
            name: "challenge",
            kind: Kind::Word { built: &["http-01", "tls-alpn-01"], later: &[] },
            default: Default::Derived(
                "`tls-alpn-01` if something listens on port 443, else `http-01`; in turns when one fails",
            ),
            example: "\"http-01\"",
            doc: "How the authority looks whether a host is yours: by a request to port 80, or a handshake with \
                  port 443.",
        },
    ],
};

//! What no build may contain, wherever it comes in.
//!
//! The same bans stand in `deny.toml`; held here too because cargo-deny is not on every machine.

/// Package names, and why not.
const BANNED: &[(&str, &str)] = &[
    ("openssl", "TLS is rustls with ring"),
    ("openssl-sys", "TLS is rustls with ring"),
    ("native-tls", "TLS is rustls with ring"),
    ("aws-lc-rs", "TLS is rustls with ring; this one wants cmake"),
    ("aws-lc-sys", "TLS is rustls with ring; this one wants cmake"),
    ("aws-lc-fips-sys", "TLS is rustls with ring; this one wants cmake"),
    ("cmake", "a build needs Rust and a C compiler, nothing more"),
];

/// Why a package must not be there; none if it may.
pub(crate) fn reason(name: &str) -> Option<&'static str> {
    BANNED.iter().find(|(banned, _)| *banned == name).map(|(_, why)| *why)
}

/// Whether a package's source is one that we take: a registry, or this tree.
pub(crate) fn may_come_from(source: Option<&str>, in_this_tree: bool) -> bool {
    match source {
        None => in_this_tree,
        Some(source) => source.starts_with("registry+") || source.starts_with("sparse+"),
    }
}

//! The table: which of our crates may know which.

use super::metadata::{Kind, Metadata};
use std::fmt::Write as _;

/// What one crate may know of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum May {
    /// These, by their names without `gapless-`.
    Know(&'static [&'static str]),
    /// Any: it is no part of the product.
    KnowAny,
}

/// Per crate, without `gapless-`. A crate that is not here has not been thought about yet.
const RULES: &[(&str, May)] = &[
    ("model", May::Know(&[])),
    ("sys", May::Know(&[])),
    ("load", May::Know(&[])),
    ("api", May::Know(&["model"])),
    ("config", May::Know(&["model"])),
    ("rollout", May::Know(&["model"])),
    ("analysis", May::Know(&["model"])),
    ("store", May::Know(&["model"])),
    ("release", May::Know(&["model"])),
    ("routing", May::Know(&["model", "sys"])),
    ("keeper", May::Know(&["sys"])),
    ("logs", May::Know(&["model", "sys"])),
    ("supervise", May::Know(&["model", "sys"])),
    ("proxy", May::Know(&["logs", "model", "routing", "sys"])),
    (
        "control",
        May::Know(&[
            "analysis",
            "api",
            "config",
            "logs",
            "model",
            "release",
            "rollout",
            "routing",
            "store",
            "supervise",
            "sys",
        ]),
    ),
    ("cli", May::Know(&["api", "config", "load", "model"])),
    ("gapless", May::Know(&["cli", "control", "keeper", "proxy"])),
    ("testkit", May::KnowAny),
    ("e2e", May::KnowAny),
    ("xtask", May::KnowAny),
];

/// What anyone's tests may know beside: the tools for tests.
const TESTS_MAY_KNOW: &[&str] = &["load", "testkit"];

/// A crate's name without `gapless-`.
pub(crate) fn short(name: &str) -> &str {
    name.strip_prefix("gapless-").unwrap_or(name)
}

/// What a crate may know, by its short name; none if it has no row.
pub(crate) fn rule_for(who: &str) -> Option<May> {
    RULES.iter().find(|(name, _)| *name == who).map(|(_, may)| *may)
}

/// Whether `who` may know `whom` (both short) by a dependency of this kind.
pub(crate) fn allows(may: May, whom: &str, kind: Kind) -> bool {
    match may {
        May::KnowAny => true,
        May::Know(names) => names.contains(&whom) || (kind == Kind::Dev && TESTS_MAY_KNOW.contains(&whom)),
    }
}

/// The arrows as they are, for people: one line per crate.
pub(crate) fn table(metadata: &Metadata) -> String {
    let mut text = String::new();
    for (name, _) in RULES {
        let Some(package) = metadata.members().find(|package| short(&package.name) == *name) else {
            continue;
        };
        let named = |dev: bool| {
            let mut names: Vec<&str> = package
                .dependencies
                .iter()
                .filter(|d| d.path.is_some() && (d.kind == Kind::Dev) == dev)
                .map(|d| short(&d.name))
                .collect();
            names.sort_unstable();
            names.dedup();
            names.join(", ")
        };
        let (knows, tests) = (named(false), named(true));
        let knows = if knows.is_empty() { "nothing of ours".to_owned() } else { knows };
        let tests = if tests.is_empty() { tests } else { format!("  (tests: {tests})") };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:>9} → {knows}{tests}");
    }
    text
}

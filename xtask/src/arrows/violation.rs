//! A broken rule, and the search for all of them.

use super::metadata::{Kind, Metadata, Package};
use super::{ban, purity, rules};
use std::fmt;

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A crate of ours that the table does not have.
    NoRow {
        /// Which.
        who: String,
    },
    /// An arrow that the table does not have.
    Arrow {
        /// From.
        who: String,
        /// To.
        whom: String,
        /// Only in its tests.
        dev: bool,
        /// What it may know.
        may: &'static [&'static str],
    },
    /// A pure crate that a runtime reaches.
    Impure {
        /// The chain, from the crate to what it must not reach.
        chain: Vec<String>,
    },
    /// A package that must not be there.
    Banned {
        /// Which.
        package: String,
        /// Why.
        why: &'static str,
    },
    /// A package from somewhere else than a registry.
    Source {
        /// Which.
        package: String,
        /// From where.
        source: String,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRow { who } => {
                write!(f, "{who}: is in no row; say in xtask/src/arrows/rules.rs whom it may know")
            }
            Self::Arrow { who, whom, dev, may } => {
                let how = if *dev { " (in its tests)" } else { "" };
                let may = if may.is_empty() { "nothing of ours".to_owned() } else { may.join(", ") };
                write!(f, "{who} → {whom}{how}: {who} may know {may}")
            }
            Self::Impure { chain } => {
                let who = chain.first().map_or("?", String::as_str);
                write!(f, "{}: {who} decides and does nothing, so no runtime may reach it", chain.join(" → "))
            }
            Self::Banned { package, why } => write!(f, "{package}: not in this house; {why}"),
            Self::Source { package, source } => {
                write!(f, "{package}: comes from {source}; take it from crates.io")
            }
        }
    }
}

/// Every violation in the workspace.
pub(crate) fn all(metadata: &Metadata) -> Vec<Violation> {
    let mut found: Vec<Violation> = Vec::new();
    for package in metadata.members() {
        found.extend(arrows_of(package));
        found.extend(impurities_of(metadata, package));
    }
    for package in &metadata.packages {
        let name = || package.name.clone();
        if let Some(why) = ban::reason(&package.name) {
            found.push(Violation::Banned { package: name(), why });
        }
        let ours = metadata.workspace_members.contains(&package.id);
        if !ban::may_come_from(package.source.as_deref(), ours) {
            let source = package.source.clone().unwrap_or_else(|| package.manifest_path.clone());
            found.push(Violation::Source { package: name(), source });
        }
    }
    found
}

fn arrows_of(package: &Package) -> Vec<Violation> {
    let who = rules::short(&package.name);
    let Some(may) = rules::rule_for(who) else { return vec![Violation::NoRow { who: who.to_owned() }] };
    let listed = match may {
        rules::May::Know(names) => names,
        rules::May::KnowAny => return Vec::new(),
    };
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.path.is_some())
        .filter(|dependency| !rules::allows(may, rules::short(&dependency.name), dependency.kind))
        .map(|dependency| Violation::Arrow {
            who: who.to_owned(),
            whom: rules::short(&dependency.name).to_owned(),
            dev: dependency.kind == Kind::Dev,
            may: listed,
        })
        .collect()
}

fn impurities_of(metadata: &Metadata, package: &Package) -> Vec<Violation> {
    if !purity::is_pure(rules::short(&package.name)) {
        return Vec::new();
    }
    metadata
        .reached_from(package)
        .into_iter()
        .filter(|(name, _)| purity::touches_world(name))
        .map(|(_, chain)| Violation::Impure {
            chain: chain.into_iter().map(|name| rules::short(name).to_owned()).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests;

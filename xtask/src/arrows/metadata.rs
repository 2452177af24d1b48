//! What `cargo metadata` says, as far as it is looked at.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The workspace, all packages that it needs, and which needs which.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Ours and others'.
    pub(crate) packages: Vec<Package>,
    /// The ids of ours.
    pub(crate) workspace_members: Vec<String>,
    /// The resolved graph.
    pub(crate) resolve: Resolve,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Unique.
    pub(crate) id: String,
    /// Where it is from; none for a directory of this workspace.
    pub(crate) source: Option<String>,
    /// Its `Cargo.toml`.
    pub(crate) manifest_path: String,
    /// What its `Cargo.toml` names.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a `[dependencies]` table.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// Of what.
    pub(crate) name: String,
    /// Which table.
    pub(crate) kind: Kind,
    /// Set if it is a directory of this workspace.
    pub(crate) path: Option<String>,
}

/// Which table a dependency stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `[dependencies]`.
    Normal,
    /// `[build-dependencies]`.
    Build,
    /// `[dev-dependencies]`: the tests.
    Dev,
}

/// Cargo writes null for the normal kind, and may one day write kinds that we do not know.
impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)?.as_deref() {
            None => Ok(Self::Normal),
            Some("build") => Ok(Self::Build),
            Some("dev") => Ok(Self::Dev),
            Some(other) => Err(serde::de::Error::custom(format!("unknown kind of dependency {other:?}"))),
        }
    }
}

/// The resolved graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    /// One per package.
    pub(crate) nodes: Vec<Node>,
}

/// What one package was resolved to need.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    /// Whose.
    pub(crate) id: String,
    /// What it needs.
    pub(crate) deps: Vec<NodeDep>,
}

/// One resolved need.
#[derive(Debug, Deserialize)]
pub(crate) struct NodeDep {
    /// Of which package, by id.
    pub(crate) pkg: String,
    /// From which tables.
    pub(crate) dep_kinds: Vec<NodeKind>,
}

/// From which table a resolved need comes.
#[derive(Debug, Deserialize)]
pub(crate) struct NodeKind {
    /// The table.
    pub(crate) kind: Kind,
}

impl Metadata {
    /// Reads the JSON of `cargo metadata --format-version 1`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// Our own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// How `from` comes to need each package that ends up in its binary: per package name the chain of names
    /// that leads there, the shortest there is. Tests and build scripts do not count.
    pub(crate) fn reached_from<'a>(&'a self, from: &'a Package) -> BTreeMap<&'a str, Vec<&'a str>> {
        let names: BTreeMap<&str, &str> =
            self.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
        let nodes: BTreeMap<&str, &Node> =
            self.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let mut chains = BTreeMap::new();
        let mut seen = BTreeSet::from([from.id.as_str()]);
        let mut front = vec![(from.id.as_str(), vec![from.name.as_str()])];
        while !front.is_empty() {
            let mut next = Vec::new();
            for (id, chain) in front {
                let needs = nodes.get(id).map_or(&[][..], |node| &node.deps);
                for need in needs.iter().filter(|need| need.dep_kinds.iter().any(|k| k.kind == Kind::Normal))
                {
                    let name = names.get(need.pkg.as_str()).copied().unwrap_or("?");
                    if seen.insert(&need.pkg) {
                        let chain: Vec<&str> = chain.iter().copied().chain([name]).collect();
                        chains.entry(name).or_insert_with(|| chain.clone());
                        next.push((need.pkg.as_str(), chain));
                    }
                }
            }
            front = next;
        }
        chains
    }
}

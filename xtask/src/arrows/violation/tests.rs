//! Against metadata made up here, in the shape that cargo writes.

use super::*;
use serde_json::{Value, json};

/// One made-up workspace. `edges` are (from, to, kind); names that begin with `gapless-` and `xtask` are ours.
fn workspace(edges: &[(&str, &str, Option<&str>)]) -> Metadata {
    let mut names: Vec<&str> = edges.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
    names.sort_unstable();
    names.dedup();
    let ours = |name: &str| name.starts_with("gapless-") || name == "xtask" || name == "gapless";
    let packages: Vec<Value> = names
        .iter()
        .map(|name| {
            let dependencies: Vec<Value> = edges
                .iter()
                .filter(|(from, ..)| from == name)
                .map(|(_, to, kind)| json!({ "name": to, "kind": kind, "path": ours(to).then_some("/tree/x") }))
                .collect();
            let source = (!ours(name)).then_some("registry+https://example.invalid/index");
            json!({ "name": name, "id": name, "source": source, "manifest_path": "/tree/x/Cargo.toml",
                    "dependencies": dependencies })
        })
        .collect();
    let nodes: Vec<Value> = names
        .iter()
        .map(|name| {
            let deps: Vec<Value> = edges
                .iter()
                .filter(|(from, ..)| from == name)
                .map(|(_, to, kind)| json!({ "pkg": to, "dep_kinds": [{ "kind": kind, "target": null }] }))
                .collect();
            json!({ "id": name, "deps": deps })
        })
        .collect();
    let members: Vec<&&str> = names.iter().filter(|name| ours(name)).collect();
    let text = json!({ "packages": packages, "workspace_members": members, "resolve": { "nodes": nodes } });
    Metadata::parse(text.to_string().as_bytes()).unwrap()
}

fn said(metadata: &Metadata) -> Vec<String> {
    all(metadata).iter().map(ToString::to_string).collect()
}

#[test]
fn what_the_design_allows_passes() {
    let metadata = workspace(&[
        ("gapless", "gapless-cli", None),
        ("gapless-cli", "gapless-api", None),
        ("gapless-api", "gapless-model", None),
        ("gapless-api", "tokio", None),
        ("gapless-rollout", "gapless-model", None),
        ("gapless-rollout", "gapless-testkit", Some("dev")),
        ("gapless-testkit", "tokio", None),
        ("xtask", "gapless-config", None),
        ("gapless-config", "gapless-model", None),
    ]);
    assert_eq!(said(&metadata), [] as [&str; 0]);
}

#[test]
fn an_arrow_the_table_does_not_have_is_named_with_the_rule() {
    let metadata = workspace(&[("gapless-cli", "gapless-control", None)]);
    assert_eq!(said(&metadata), ["cli → control: cli may know api, config, load, model"]);
}

#[test]
fn tests_may_know_the_tools_for_tests_and_no_more() {
    let metadata = workspace(&[
        ("gapless-proxy", "gapless-testkit", Some("dev")),
        ("gapless-proxy", "gapless-supervise", Some("dev")),
    ]);
    assert_eq!(
        said(&metadata),
        ["proxy → supervise (in its tests): proxy may know logs, model, routing, sys"]
    );
}

#[test]
fn the_product_may_not_know_the_tools_for_tests() {
    let metadata = workspace(&[("gapless-sys", "gapless-testkit", None)]);
    assert_eq!(said(&metadata), ["sys → testkit: sys may know nothing of ours"]);
}

#[test]
fn a_crate_without_a_row_is_asked_for_one() {
    let metadata = workspace(&[("gapless-manager", "serde", None)]);
    assert_eq!(said(&metadata), ["manager: is in no row; say in xtask/src/arrows/rules.rs whom it may know"]);
}

#[test]
fn a_runtime_that_reaches_the_decider_is_shown_with_its_chain() {
    let metadata = workspace(&[
        ("gapless-rollout", "gapless-model", None),
        ("gapless-model", "innocent", None),
        ("innocent", "tokio", None),
    ]);
    let said = said(&metadata);
    assert!(
        said.contains(
            &"rollout → model → innocent → tokio: rollout decides and does nothing, so no runtime may reach it"
                .to_owned()
        ),
        "{said:?}"
    );
}

#[test]
fn a_runtime_in_the_deciders_tests_or_build_is_no_impurity() {
    let metadata =
        workspace(&[("gapless-rollout", "tokio", Some("dev")), ("gapless-model", "mio", Some("build"))]);
    assert_eq!(said(&metadata), [] as [&str; 0]);
}

#[test]
fn what_is_banned_is_found_however_deep() {
    let metadata = workspace(&[("gapless-proxy", "innocent", None), ("innocent", "openssl-sys", None)]);
    assert_eq!(said(&metadata), ["openssl-sys: not in this house; TLS is rustls with ring"]);
}

#[test]
fn only_registries_and_this_tree_are_sources() {
    let mut metadata = workspace(&[("gapless-proxy", "forked", None)]);
    for package in metadata.packages.iter_mut().filter(|package| package.name == "forked") {
        package.source = Some("git+https://example.invalid/forked".into());
    }
    assert_eq!(
        said(&metadata),
        ["forked: comes from git+https://example.invalid/forked; take it from crates.io"]
    );
}

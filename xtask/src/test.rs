//! `cargo xtask test`: every check and every test, on a machine that has only Rust before.

use crate::provision::{debian, npm};
use crate::step::{cargo, root, run, runs, spoken, step, tool, unattended};
use crate::trouble::Trouble;
use crate::{arrows, codegen, files};
use std::process::Command;
use std::time::Instant;

/// How many tests may run side by side where nextest is not there to know the heavy ones apart.
const PLAIN_THREADS: &str = "2";

/// A check by its name.
type Check = (&'static str, fn() -> Result<(), Trouble>);

/// What needs nothing built, the quick ones first.
const CHECKS: &[Check] = &[
    ("format", || run(&mut cargo(["fmt", "--all", "--check"]))),
    ("arrows", arrows::check),
    ("files", files::check),
    ("generated files", codegen::check),
    ("licences and bans", deny),
    ("node tests", node_tests),
    ("clippy", clippy),
];

/// Everything.
pub(crate) fn everything() -> Result<(), Trouble> {
    let began = Instant::now();
    step("tools", tools)?;
    step("packages", npm::ensure)?;
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        if let Err(trouble) = step(name, check) {
            // A person mends this first; where nobody watches, one run should tell all that is wrong.
            if !unattended() {
                return Err(trouble);
            }
            eprintln!("xtask: {trouble}");
            failed.push((*name).to_owned());
        }
    }
    step("build", build)?;
    if has_nextest() {
        step("doc tests", doc_tests)?;
    }
    tests(&[])?;
    if !failed.is_empty() {
        return Err(Trouble::Broken { rule: "the tests pass, but these failed before", cases: failed });
    }
    eprintln!("── every check passed in {}", spoken(began.elapsed()));
    Ok(())
}

/// Only the tests that match, without the other checks.
pub(crate) fn only(filter: &[&str]) -> Result<(), Trouble> {
    step("tools", tools)?;
    step("packages", npm::ensure)?;
    step("build", build)?;
    tests(filter)
}

fn tools() -> Result<(), Trouble> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !runs(&mut cargo([subcommand, "--version"])) {
            return Err(Trouble::Missing {
                what: format!("cargo {subcommand}"),
                how: format!("install with `rustup component add {component}`"),
            });
        }
    }
    let mut programs = debian::NODE.to_vec();
    programs.extend([debian::PYTHON, debian::PROMTOOL, debian::PEBBLE, debian::GIT, debian::SYSTEMD]);
    programs.extend(debian::HTTP2);
    debian::ensure(&programs)
}

fn clippy() -> Result<(), Trouble> {
    run(locked(&mut cargo(["clippy", "--workspace", "--all-targets"])).args(["--", "-D", "warnings"]))
}

/// Programs and tests in one go, before the tests run the programs. Apart they would be compiled with other
/// features of the same libraries, all of them twice.
fn build() -> Result<(), Trouble> {
    run(locked(&mut cargo(["build", "--workspace", "--all-targets"])))
}

fn tests(filter: &[&str]) -> Result<(), Trouble> {
    let mut command = if has_nextest() {
        let mut command = cargo(["nextest", "run", "--workspace"]);
        if unattended() {
            command.args(["--profile", "ci"]);
        }
        command
    } else {
        let mut command = cargo(["test", "--workspace"]);
        command.env("RUST_TEST_THREADS", PLAIN_THREADS);
        if unattended() {
            command.arg("--no-fail-fast");
        }
        command
    };
    run(locked(&mut command).args(filter))
}

/// nextest leaves these out; plain cargo runs them with the others.
fn doc_tests() -> Result<(), Trouble> {
    run(locked(&mut cargo(["test", "--workspace", "--doc", "--quiet"])))
}

fn node_tests() -> Result<(), Trouble> {
    let mut files = Vec::new();
    let directory = root().join("node/test");
    let unreadable = |source| Trouble::File { verb: "read", path: directory.clone(), source };
    if directory.is_dir() {
        for entry in std::fs::read_dir(&directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if [".test.js", ".test.cjs", ".test.mjs"].iter().any(|ending| name.ends_with(ending)) {
                files.push(path);
            }
        }
    }
    if files.is_empty() {
        return Ok(());
    }
    files.sort();
    // Named one by one: what a directory means here differs between Node 20 and 22.
    run(tool("node", ["--test", "--test-reporter=spec"]).args(files))
}

/// cargo-deny where it is; the bans that matter most are held by `arrows` everywhere.
fn deny() -> Result<(), Trouble> {
    if !runs(&mut cargo(["deny", "--version"])) {
        eprintln!("cargo-deny is not installed: licences are not looked at; bans and sources were");
        return Ok(());
    }
    run(&mut cargo(["deny", "--workspace", "check", "bans", "licenses", "sources"]))
}

fn has_nextest() -> bool {
    runs(&mut cargo(["nextest", "--version"]))
}

/// Where nobody watches, the lock file is what counts.
pub(crate) fn locked(command: &mut Command) -> &mut Command {
    if unattended() { command.arg("--locked") } else { command }
}

//! Code that is taken from a commit.

use crate::fixture::{Fixture, order};
use camino::Utf8Path;
use gapless_model::Release;
use gapless_release::{Code, Error, NoCommit, Order};
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

/// Runs git in the fixture's source.
fn git(fixture: &Fixture, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command.arg("-C").arg(fixture.source()).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(words);
    let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn commit(fixture: &Fixture, tag: &str) {
    git(fixture, &["add", "--all"]);
    git(fixture, &["commit", "--quiet", "--message", tag]);
    git(fixture, &["tag", tag]);
}

/// A repository with `v1`, which is not checked out any more.
fn repository() -> Fixture {
    let fixture = Fixture::new();
    git(&fixture, &["init", "--quiet"]);
    fixture.write("packages/api/server.js", "one");
    fixture.write("bin/run", "#!/bin/sh");
    fixture.write(".gitignore", "node_modules");
    let source = fixture.source();
    std::fs::set_permissions(source.join("bin/run"), Permissions::from_mode(0o755)).unwrap();
    symlink("../packages/api/server.js", source.join("bin/x")).unwrap();
    commit(&fixture, "v1");
    fixture.write("packages/api/server.js", "two");
    fixture.write("added.js", "");
    commit(&fixture, "v2");
    // What is neither in the commit nor in the repository, staged or not.
    fixture.write("packages/api/server.js", "three");
    git(&fixture, &["add", "--all"]);
    fixture.write("packages/api/server.js", "four");
    fixture.write("node_modules/x/index.js", "");
    fixture
}

/// Makes a release of a commit, of an app that runs in this directory of the source.
fn take(fixture: &Fixture, id: u32, name: &str, cwd: &str) -> Result<Release, Error> {
    let cwd = fixture.source().join(cwd);
    let code = Some(Code::Ref { inside: cwd.clone(), name: name.into() });
    let order = Order { code, ..order(&fixture.app, id, fixture.spec(&cwd), None) };
    fixture.releases.make(vec![order]).map(|mut made| made.remove(0))
}

fn read(directory: &Utf8Path, path: &str) -> String {
    std::fs::read_to_string(directory.join(path)).unwrap()
}

#[test]
fn a_commit_is_taken_whole_and_nothing_is_touched() {
    let fixture = repository();
    let before = git(&fixture, &["status", "--porcelain=2", "--branch"]);
    let release = take(&fixture, 1, "v1", "packages/api").unwrap();
    let code = release.code.clone().unwrap();
    assert_eq!(code, fixture.place().join("releases/r1/code"));
    assert_eq!(release.spec.cwd, code.join("packages/api"));
    assert_eq!(release.declared_cwd, fixture.source().join("packages/api"));
    let revision = release.revision.clone().unwrap();
    assert_eq!(
        (revision.name, revision.commit),
        ("v1".into(), git(&fixture, &["rev-parse", "v1"]).trim().into())
    );
    assert_eq!((read(&code, "packages/api/server.js"), read(&code, "bin/x")), ("one".into(), "one".into()));
    let mode = std::fs::metadata(code.join("bin/run")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "{mode:o}");
    for absent in ["added.js", "node_modules", ".git", "../index", "../index.lock"] {
        assert!(!code.join(absent).exists(), "{absent}");
    }
    assert_eq!(git(&fixture, &["status", "--porcelain=2", "--branch"]), before);
    assert_eq!(read(&fixture.source(), "packages/api/server.js"), "four");

    // By every name that Git has for it.
    let id = git(&fixture, &["rev-parse", "v2"]);
    for (n, name) in ["HEAD", id.trim(), &id[..8], "v2~0"].into_iter().enumerate() {
        let release = take(&fixture, 2 + u32::try_from(n).unwrap(), name, "packages/api").unwrap();
        assert_eq!(read(&release.spec.cwd, "server.js"), "two", "{name}");
    }
}

#[test]
fn what_cannot_be_taken_is_said_and_leaves_nothing() {
    let fixture = repository();
    fixture.write("late/server.js", "");
    let why = |id, name: &str, cwd: &str| match take(&fixture, id, name, cwd) {
        Err(error @ Error::Git { .. }) => {
            let text = error.to_string();
            assert!(text.contains(name) && text.contains(fixture.source().as_str()), "{text}");
            let Error::Git { why, .. } = error else { unreachable!() };
            why
        }
        other => panic!("{other:?}"),
    };
    for name in ["v9", "", "--all", "HEAD:bin", "v1 v2"] {
        assert_eq!(why(1, name, "packages/api"), NoCommit::Unknown, "{name}");
    }
    assert_eq!(why(1, "v2", "late"), NoCommit::NotThere("late".into()));
    assert_eq!(fixture.names(), [""; 0]);
    std::fs::remove_dir_all(fixture.source().join(".git")).unwrap();
    assert_eq!(why(1, "v1", "packages/api"), NoCommit::NoRepository);
}

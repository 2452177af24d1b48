//! What a copy of a source is, and when there is none.

use crate::fixture::{Fixture, make, order};
use gapless_model::{AppName, ReleaseId};
use gapless_release::{Error, Releases};
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::time::{Duration, SystemTime};

#[test]
fn a_copy_has_everything_as_it_was() {
    let fixture = Fixture::new();
    fixture.write("server.js", "one");
    fixture.write("lib/deep/er/x.js", "x");
    fixture.write("bin/run", "#!/bin/sh");
    fixture.write(".env", "A=1");
    fixture.write(".git/HEAD", "ref");
    fixture.write("vendor/module/.git", "gitdir: elsewhere");
    let source = fixture.source();
    std::fs::set_permissions(source.join("bin/run"), Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(source.join(".env"), Permissions::from_mode(0o600)).unwrap();
    std::fs::set_permissions(source.join("lib/deep"), Permissions::from_mode(0o555)).unwrap();
    std::fs::create_dir(source.join("empty")).unwrap();
    std::fs::create_dir(fixture.root().join("shared")).unwrap();
    symlink("../lib/deep/er/x.js", source.join("bin/x")).unwrap();
    symlink(source.join("server.js"), source.join("bin/absolute")).unwrap();
    symlink("../shared", source.join("outside")).unwrap();
    symlink("nowhere", source.join("dangling")).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = std::fs::File::options().write(true).open(source.join("server.js")).unwrap();
    file.set_modified(old).unwrap();
    let _socket = UnixListener::bind(source.join("app.sock")).unwrap();

    let release = fixture.copy(1).unwrap();
    let code = release.code.clone().unwrap();
    assert_eq!(code, fixture.place().join("releases/r1/code"));
    assert_eq!(std::fs::read_to_string(code.join("server.js")).unwrap(), "one");
    assert_eq!(std::fs::metadata(code.join("server.js")).unwrap().modified().unwrap(), old);
    assert_eq!(std::fs::read_to_string(code.join("bin/x")).unwrap(), "x");
    let mode = |path: &str| std::fs::metadata(code.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("bin/run"), mode(".env"), mode("lib/deep")), (0o755, 0o600, 0o555));
    assert!(code.join("empty").is_dir());
    let led = |path: &str| code.join(path).read_link_utf8().unwrap();
    assert_eq!(led("bin/x"), "../lib/deep/er/x.js");
    assert_eq!(led("bin/absolute"), "../server.js");
    assert_eq!(led("outside"), fixture.root().join("shared"));
    for absent in [".git", "vendor/module/.git", "app.sock"] {
        assert!(!code.join(absent).exists(), "{absent}");
    }
    assert!(code.join("vendor/module").is_dir());
    assert!(code.join("dangling").symlink_metadata().unwrap().is_symlink());

    std::fs::write(source.join("server.js"), "two").unwrap();
    assert_eq!(std::fs::read_to_string(code.join("server.js")).unwrap(), "one");
}

#[test]
fn a_release_runs_in_the_same_place_of_its_copy() {
    let fixture = Fixture::new();
    fixture.write("packages/api/server.js", "");
    let declared = fixture.source().join("packages/api");
    let copy = |id, spec, from: &camino::Utf8Path| {
        make(&fixture.releases, &fixture.app, id, spec, Some(from)).unwrap()
    };
    let within = copy(1, fixture.spec(&declared), &fixture.source());
    assert_eq!(within.spec.cwd, fixture.place().join("releases/r1/code/packages/api"));
    assert_eq!(within.declared(), fixture.spec(&declared));

    let same = copy(2, fixture.spec(&fixture.source()), &fixture.source());
    assert_eq!(same.spec.cwd, fixture.place().join("releases/r2/code"));

    let elsewhere = fixture.root().join("build-42");
    std::fs::create_dir(&elsewhere).unwrap();
    let other = copy(3, fixture.spec(&declared), &elsewhere);
    assert_eq!(other.spec.cwd, fixture.place().join("releases/r3/code"));

    let link = fixture.root().join("link");
    symlink(fixture.source(), &link).unwrap();
    let linked = copy(4, fixture.spec(&link.join("packages/api")), &link);
    assert_eq!(linked.spec.cwd, fixture.place().join("releases/r4/code/packages/api"));
}

#[test]
fn the_code_of_a_release_can_be_copied_once_more() {
    let fixture = Fixture::new();
    fixture.write("packages/api/server.js", "one");
    let below = fixture.source().join("packages/api");
    let copy =
        |id, spec, from: &camino::Utf8Path| make(&fixture.releases, &fixture.app, id, spec, Some(from));
    let first = copy(1, fixture.spec(&below), &fixture.source()).unwrap();
    fixture.write("packages/api/server.js", "two");

    let again = copy(2, first.declared(), first.code.as_deref().unwrap()).unwrap();
    let code = again.code.clone().unwrap();
    assert_eq!(code, fixture.place().join("releases/r2/code"));
    assert_eq!(again.spec.cwd, code.join("packages/api"), "where the first one runs");
    assert_eq!(again.declared_cwd, below);
    assert_eq!(std::fs::read_to_string(again.spec.cwd.join("server.js")).unwrap(), "one");

    // Another cwd in the file is another place; the code of another app is no source.
    let moved = copy(3, fixture.spec(&fixture.root()), &code).unwrap();
    assert_eq!(moved.spec.cwd, moved.code.unwrap());
    let other = "web".parse().unwrap();
    let refused = make(&fixture.releases, &other, 1, fixture.spec(&below), Some(&code));
    assert!(matches!(refused, Err(Error::Entangled { inside: true, .. })), "{refused:?}");
}

#[test]
fn what_was_made_reads_back_and_is_for_nobody_else() {
    let fixture = Fixture::new();
    let made = fixture.copy(1).unwrap();
    assert_eq!(fixture.releases.read(&fixture.app, ReleaseId(1)).unwrap(), made);
    let in_place = fixture.in_place(2);
    assert_eq!(in_place.code, None);
    assert_eq!(in_place.spec.cwd, fixture.source());
    let listed: Result<Vec<_>, _> = fixture.releases.list(&fixture.app).unwrap().into_iter().collect();
    assert_eq!(listed.unwrap(), [made, in_place]);
    let mode = |path: &str| {
        let about = std::fs::metadata(fixture.place().join(path)).unwrap();
        about.permissions().mode() & 0o777
    };
    assert_eq!(mode("releases/r1/manifest.json"), 0o600);
    assert_eq!(mode("releases/r1"), 0o700);
    assert_eq!(mode("releases"), 0o700);
}

/// Whoever gives out a number knows of no release that has it: one was made by a control that was killed before it
/// could write that down.
#[test]
fn what_nobody_knows_of_is_not_in_the_way() {
    let fixture = Fixture::new();
    fixture.write("server.js", "one");
    fixture.copy(1).unwrap();
    fixture.write("server.js", "two");
    let again = fixture.copy(1).unwrap();
    let code = again.code.clone().unwrap();
    assert_eq!(std::fs::read_to_string(code.join("server.js")).unwrap(), "two", "its code as it is now");
    let other = fixture.spec(&fixture.root());
    let made = make(&fixture.releases, &fixture.app, 1, other.clone(), None).unwrap();
    assert_eq!((&made.spec, &made.code), (&other, &None));
    assert_eq!(fixture.releases.read(&fixture.app, ReleaseId(1)).unwrap(), made);
    assert!(!code.exists());

    // What serves stays, whatever anybody knows.
    fixture.releases.activate(&fixture.app, ReleaseId(1)).unwrap();
    let error = fixture.copy(1);
    assert!(matches!(error, Err(Error::Taken { id: ReleaseId(1), .. })), "{error:?}");
    assert_eq!(fixture.releases.read(&fixture.app, ReleaseId(1)).unwrap(), made);
}

#[test]
fn an_interrupted_copy_is_never_seen_and_not_in_the_way() {
    let fixture = Fixture::new();
    fixture.write("server.js", "one");
    fixture.in_place(1);
    let partial = fixture.place().join("releases/.r2.partial");
    std::fs::create_dir_all(partial.join("code")).unwrap();
    std::fs::write(partial.join("code/half"), "h").unwrap();
    assert_eq!(fixture.ids(), [1]);
    let missing = fixture.releases.read(&fixture.app, ReleaseId(2));
    assert!(matches!(missing, Err(Error::Missing { .. })), "{missing:?}");

    let code = fixture.copy(2).unwrap().code.unwrap();
    assert!(!code.join("half").exists());
    assert_eq!(fixture.names(), ["r1", "r2"]);
}

#[test]
fn a_copy_that_fails_leaves_nothing_and_says_where_it_stopped() {
    let fixture = Fixture::new();
    fixture.write("a/server.js", "one");
    // A path that fits into the source and is too long for the copy (`PATH_MAX`, 4096 bytes).
    let mut deep = fixture.source();
    while deep.as_str().len() < 3900 {
        deep.push("x".repeat(100));
    }
    std::fs::create_dir_all(&deep).unwrap();
    let releases = Releases::new(fixture.root().join("h".repeat(200)));
    let spec = fixture.spec(&fixture.source());
    let error = make(&releases, &fixture.app, 1, spec, Some(&fixture.source())).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("cannot make the directory /") && text.contains("File name too long"), "{text}");
    let left = std::fs::read_dir(fixture.root().join("h".repeat(200)).join("apps/api/releases")).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn a_small_stack_is_enough_for_a_deep_tree() {
    let fixture = Fixture::new();
    let mut deep = fixture.source();
    for _ in 0..400 {
        deep.push("d");
    }
    std::fs::create_dir_all(&deep).unwrap();
    std::thread::scope(|scope| {
        let work = || {
            fixture.copy(1).unwrap();
            fixture.releases.remove(&fixture.app, ReleaseId(1)).unwrap();
        };
        let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn_scoped(scope, work);
        thread.unwrap().join().unwrap();
    });
}

#[test]
fn a_source_that_cannot_be_one_is_refused_by_name() {
    let fixture = Fixture::new();
    let text = |from: &str| {
        let error = fixture.copy_of(1, &fixture.root().join(from)).unwrap_err().to_string();
        error.replace(fixture.root().as_str(), "DIR")
    };
    std::fs::write(fixture.root().join("file"), "").unwrap();
    symlink("loop", fixture.root().join("loop")).unwrap();
    assert_eq!(text("file"), "DIR/file is no directory to copy a release from");
    assert_eq!(text("absent"), "cannot find DIR/absent: No such file or directory (os error 2)");
    assert_eq!(text("loop"), "cannot find DIR/loop: Too many levels of symbolic links (os error 40)");
    assert_eq!(
        text(""),
        "cannot copy a release from DIR/: it contains Gapless's own state in DIR/home; deploy from another \
         directory"
    );
    assert_eq!(
        text("home/apps"),
        "cannot copy a release from DIR/home/apps: it is inside of Gapless's own state in DIR/home; deploy \
         from another directory"
    );
    assert!(fixture.ids().is_empty());
}

#[test]
fn what_the_disk_says_is_passed_on() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.root().join("home")).unwrap();
    std::fs::write(fixture.root().join("home/apps"), "in the way").unwrap();
    let spec = fixture.spec(&fixture.source());
    let error = make(&fixture.releases, &fixture.app, 1, spec, None);
    let text = error.unwrap_err().to_string().replace(fixture.root().as_str(), "DIR");
    assert_eq!(text, "cannot read the link DIR/home/apps/api/current: Not a directory (os error 20)");
}

#[test]
fn a_broken_manifest_is_named_and_is_in_nobodys_way() {
    let fixture = Fixture::new();
    fixture.in_place(1);
    let second = fixture.in_place(2);
    let manifest = fixture.place().join("releases/r1/manifest.json");
    std::fs::write(&manifest, "{ \"id\": ").unwrap();
    let listed = fixture.releases.list(&fixture.app).unwrap();
    let [Err(error), Ok(other)] = &listed[..] else { panic!("{listed:?}") };
    assert!(error.to_string().starts_with(&format!("{manifest} is no manifest of a release: ")), "{error}");
    assert_eq!(other, &second);
    // Nobody knows of one whose number is given again.
    let again = fixture.in_place(1);
    assert_eq!(fixture.releases.read(&fixture.app, ReleaseId(1)).unwrap(), again);
}

#[test]
fn several_are_made_together_all_or_none() {
    let fixture = Fixture::new();
    let web: AppName = "web".parse().unwrap();
    fixture.write("server.js", "one");
    let both = |id| {
        let source = fixture.source();
        let api = order(&fixture.app, id, fixture.spec(&source), None);
        vec![api, order(&web, id, fixture.spec(&source), Some(&source))]
    };
    let made = fixture.releases.make(both(1)).unwrap();
    assert_eq!(fixture.releases.read(&fixture.app, ReleaseId(1)).unwrap(), made[0]);
    assert_eq!(std::fs::read_to_string(made[1].code.clone().unwrap().join("server.js")).unwrap(), "one");

    let mut orders = both(2);
    orders.push(order(&web, 3, fixture.spec(&fixture.source()), Some(&fixture.source().join("nowhere"))));
    fixture.releases.make(orders).unwrap_err();
    assert_eq!(fixture.names(), ["r1"]);
    assert_eq!(fixture.releases.ids(&web).unwrap(), [ReleaseId(1)]);
}

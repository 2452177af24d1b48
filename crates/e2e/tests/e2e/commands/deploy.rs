//! `deploy`, `reload` and `rollback`: code, config and environment together.

use super::stage::{ask, code, code_app, customers, releases, runs};
use gapless_e2e::Site;
use gapless_e2e::traffic::nothing_lost;
use gapless_model::release::Mark;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

#[test]
fn deploy_runs_a_copy_that_nobody_can_change() {
    let site = Site::new();
    let old = code(&site, "old", "one");
    code_app(&site, &old, "x", "");
    let _ = site.gapless(&["up"]).succeeds();
    let new = code(&site, "new", "two");
    let load = customers(&site);
    let _ = site.gapless(&["deploy", "app", "--from", &new]).succeeds().says("r1 → r2").says(" 0 lost");
    let report = nothing_lost(load);
    assert!(report.answers_of("one") > 0 && report.answers_of("two") > 0, "{report}");

    code(&site, "new", "changed afterwards");
    assert_eq!(runs(&site)[0], "two");
    fs::remove_dir_all(&new).unwrap();
    let _ = site.gapless(&["reload", "app"]).succeeds();
    assert_eq!(runs(&site)[0], "two");
    let where_it_runs = ask(site.address()).json()["cwd"].as_str().unwrap().to_owned();
    assert!(where_it_runs.starts_with(&site.home().display().to_string()), "{where_it_runs}");
    // The file still names the old directory, and says nothing new.
    let _ = site.gapless(&["up"]).succeeds().says("nothing changed");
    assert_eq!(runs(&site)[0], "two");
}

#[test]
fn an_app_below_what_is_deployed_runs_below_the_copy() {
    let site = Site::new();
    let directory = code(&site, "repository/packages/api", "one");
    code_app(&site, &directory, "x", "");
    let _ = site.gapless(&["up"]).succeeds();
    code(&site, "repository/packages/api", "two");
    let repository = site.path().join("repository").display().to_string();
    let below = || {
        let answer = ask(site.address()).json();
        assert_eq!(answer["version"], "two");
        answer["cwd"].as_str().unwrap().ends_with("/code/packages/api")
    };
    let _ = site.gapless(&["deploy", "app", "--from", &repository]).succeeds();
    assert!(below());
    let _ = site.gapless(&["reload", "app"]).succeeds();
    assert!(below());
}

#[test]
fn a_ref_is_deployed_whatever_is_checked_out() {
    let site = Site::new();
    let directory = code(&site, "repository/packages/api", "one");
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(words).current_dir(&directory);
        assert!(git.status().unwrap().success(), "{words:?}");
    };
    code_app(&site, &directory, "x", "");
    let _ = site.gapless(&["up"]).succeeds();
    let deploy = |name: &str| site.gapless(&["deploy", "app", "--ref", name]);
    let _ = deploy("v1").exits(1).says("is in no Git repository").says("Nothing was changed");
    git(&["init", "--quiet", "../.."]);
    for version in ["one", "two"] {
        code(&site, "repository/packages/api", version);
        git(&["add", "."]);
        git(&["commit", "--quiet", "--message", version]);
        git(&["tag", version]);
    }
    code(&site, "repository/packages/api", "not yet committed");
    let load = customers(&site);
    let _ = deploy("two").succeeds().says("r1 → r3").says(" 0 lost");
    assert_eq!(runs(&site)[0], "two");
    assert!(ask(site.address()).json()["cwd"].as_str().unwrap().ends_with("/r3/code/packages/api"));
    let _ = deploy("one").succeeds().says("r3 → r4").says(" 0 lost");
    assert_eq!(runs(&site)[0], "one");
    let _ = site.gapless(&["rollback", "app"]).succeeds();
    assert_eq!(runs(&site)[0], "two");
    let _ = site.gapless(&["releases", "app"]).succeeds().says("/r3/code/packages/api (two, ");
    let _ = deploy("nine").exits(1).says("has no commit of that name");
    let _ = site.gapless(&["deploy", "app", "--ref", "two", "--from", "."]).exits(2);
    nothing_lost(load);
    let kept = fs::read_to_string(site.path().join("repository/packages/api/version.mjs")).unwrap();
    assert!(kept.contains("not yet committed"), "{kept}");
}

#[test]
fn a_ref_without_git_is_refused() {
    let site = Site::new();
    let directory = code(&site, "code", "one");
    code_app(&site, &directory, "x", "");
    // Gapless has the environment of the command that started it: here one with node and nothing else.
    let bin = site.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let node = std::env::split_paths(&path).map(|place| place.join("node")).find(|node| node.exists());
    symlink(node.unwrap(), bin.join("node")).unwrap();
    let mut up = site.command(&["up"]);
    up.env("PATH", &bin);
    let _ = Site::run(&["up"], up).succeeds();
    let refused = site.gapless(&["deploy", "app", "--ref", "v1"]).exits(1);
    let _ = refused.says("there is no command `git` here; install it").says("Nothing was changed");
    assert_eq!(runs(&site)[0], "one");
    assert_eq!(releases(&site), [(1, true, Mark::Good)]);
}

#[test]
fn a_reload_reads_changed_code_in_place() {
    let site = Site::new();
    let directory = code(&site, "code", "one");
    code_app(&site, &directory, "x", "");
    let _ = site.gapless(&["up"]).succeeds();
    code(&site, "code", "two");
    assert_eq!(runs(&site)[0], "one", "it was started before");
    let load = customers(&site);
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
    nothing_lost(load);
    assert_eq!(runs(&site)[0], "two");
}

#[test]
fn rollback_returns_code_and_config_and_environment_together() {
    let site = Site::new();
    let one = code(&site, "one", "one");
    code_app(&site, &one, "x", "first");
    let _ = site.gapless(&["up"]).succeeds();
    let _ = site.gapless(&["deploy", "app", "--from", &one]).succeeds();
    assert_eq!(runs(&site), ["one", "x", "first"]);
    let two = code(&site, "two", "two");
    let _ = site.gapless(&["deploy", "app", "--from", &two]).succeeds();
    code_app(&site, &one, "y", "second");
    let _ = site.gapless(&["up"]).succeeds().says("env.SETTING");
    assert_eq!(runs(&site), ["two", "y", "second"], "another config on the deployed code");

    let load = customers(&site);
    let _ = site.gapless(&["rollback", "app"]).succeeds().says("r4 → r3").says(" 0 lost");
    assert_eq!(runs(&site), ["two", "x", "first"]);
    let _ = site.gapless(&["rollback", "app", "--to", "r2"]).succeeds().says("r3 → r2").says(" 0 lost");
    assert_eq!(runs(&site), ["one", "x", "first"]);
    // And forward again, to what was left.
    let _ = site.gapless(&["rollback", "app", "--to", "r4"]).succeeds().says("r2 → r4").says(" 0 lost");
    assert_eq!(runs(&site), ["two", "y", "second"]);
    nothing_lost(load);

    let _ = site.gapless(&["rollback", "app", "--to", "r4"]).exits(1).says("is on release r4 already");
    let _ = site.gapless(&["rollback", "app", "--to", "r9"]).exits(2).says("has no release r9");
    assert_eq!(releases(&site).iter().filter(|(_, current, _)| *current).count(), 1);
}

#[test]
fn rollback_skips_what_was_bad_and_what_is_the_same() {
    let site = Site::new();
    let one = code(&site, "one", "one");
    code_app(&site, &one, "x", "");
    let _ = site.gapless(&["up"]).succeeds();
    let _ = site.gapless(&["rollback", "app"]).exits(2).says("no good release before");
    let broken = code(&site, "broken", "two");
    site.write("broken/server.mjs", "throw new Error('cannot find the module left-pad')");
    let failed = site.gapless(&["deploy", "app", "--from", &broken]).exits(3).says("left-pad");
    let _ = failed.says("r1 goes on serving");
    let two = code(&site, "two", "two");
    let _ = site.gapless(&["deploy", "app", "--from", &two]).succeeds().says("r1 → r3");
    assert_eq!(releases(&site), [(3, true, Mark::Good), (2, false, Mark::Bad), (1, false, Mark::Good)]);
    // New processes of the same release are nothing that one could want to go back to.
    let _ = site.gapless(&["reload", "app"]).succeeds();
    let _ = site.gapless(&["rollback", "app"]).succeeds().says("r4 → r1");
    assert_eq!(runs(&site)[0], "one");
    // Who went back from it, whatever its number, does not come by it again.
    let three = code(&site, "three", "three");
    let _ = site.gapless(&["deploy", "app", "--from", &three]).succeeds().says("r1 → r5");
    let _ = site.gapless(&["rollback", "app"]).succeeds().says("r5 → r1");
    let marks = [(5, false, Mark::Bad), (4, false, Mark::Bad), (3, false, Mark::Bad), (2, false, Mark::Bad)];
    assert_eq!(releases(&site), [&marks[..], &[(1, true, Mark::Good)]].concat());
}

#[test]
fn many_reloads_do_not_drive_out_what_one_could_go_back_to() {
    let site = Site::new();
    let one = code(&site, "one", "one");
    code_app(&site, &one, "x", "");
    let _ = site.gapless(&["up"]).succeeds();
    let _ = site.gapless(&["deploy", "app", "--from", &one]).succeeds();
    let two = code(&site, "two", "two");
    let _ = site.gapless(&["deploy", "app", "--from", &two]).succeeds().says("r2 → r3");
    for _ in 0..6 {
        let _ = site.gapless(&["reload", "app"]).succeeds();
    }
    let kept = releases(&site);
    assert!(kept.len() == 6 && kept[0] == (9, true, Mark::Good), "{kept:?}");
    let _ = site.gapless(&["rollback", "app"]).succeeds().says("r9 → r2");
    assert_eq!(runs(&site)[0], "one");
}

//! What each command does to what runs, and what it leaves alone. Where a command moves traffic, it is tried
//! under load, and nothing is lost.

use gapless_api::request::ReleaseRow;
use gapless_api::status::{AppStatus, InstanceStatus};
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{
    Answer, CapacityWatch, CaseApp, Customer, PATIENCE, Site, apps_directory, free_address,
    instance_processes,
};
use gapless_load::{LoadThread, Plan, RequestKind, Stream, VersionFrom};
use gapless_model::event::{Event, What};
use gapless_model::release::Mark;
use gapless_model::{Outcome, RolloutPhase};
use gapless_testkit::wait::wait_for;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Writes `apps/code.mjs` with this version into a directory of the site.
fn code(site: &Site, directory: &str, version: &str) -> String {
    let app = fs::read(apps_directory().join("code.mjs")).unwrap();
    site.write(&format!("{directory}/server.mjs"), app);
    site.write(&format!("{directory}/version.mjs"), format!("export const version = {version:?};\n"));
    site.path().join(directory).display().to_string()
}

/// The file of an app that runs what [`code`] wrote: two instances, no bake time.
fn code_app(site: &Site, directory: &str, setting: &str, words: &str) {
    let text = format!(
        "[apps.app]\ncommand = \"node server.mjs {words}\"\ncwd = {directory:?}\nport = 3000\ninstances = 2\n\
         env = {{ SETTING = {setting:?} }}\n\n[[apps.app.routes]]\nlisten = \"{}\"\n\n[apps.app.ready]\n\
         path = \"/ready\"\ninterval = \"100ms\"\n\n[apps.app.rollout]\nbake = \"0s\"\n",
        site.address()
    );
    site.write("gapless.toml", text);
}

fn ask(address: SocketAddr) -> Answer {
    let answer = Customer::of(address).get("/").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// What answers: version, setting, words of the command.
fn runs(site: &Site) -> [String; 3] {
    let said = ask(site.address()).json();
    ["version", "setting", "words"].map(|key| match &said[key] {
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        text => text.as_str().unwrap_or_default().to_owned(),
    })
}

/// A load that only asks for `/`.
fn customers(site: &Site) -> LoadThread {
    let pause = Duration::from_millis(10);
    let kept = Stream::new("kept", 8, RequestKind::get("/")).every(pause);
    let anew = Stream::new("anew", 8, RequestKind::get("/")).every(pause).connecting_anew();
    let plan = Plan::new(site.address(), Duration::from_secs(120)).with(kept).with(anew);
    begin(
        Plan { timeout: Duration::from_secs(40), ..plan }
            .versioned_by(VersionFrom::Header("x-version".into())),
    )
}

fn releases(site: &Site) -> Vec<(u32, bool, Mark)> {
    let rows: Vec<ReleaseRow> =
        serde_json::from_str(&site.gapless(&["releases", "app", "--json"]).succeeds().out).unwrap();
    rows.into_iter().map(|row| (row.release.0, row.current, row.mark)).collect()
}

fn current(site: &Site) -> Option<u32> {
    site.app("app").release.map(|release| release.0)
}

fn is_replacing(app: &AppStatus) -> bool {
    app.rollout.as_ref().is_some_and(|r| matches!(r.phase, RolloutPhase::Replacing { .. }))
}

fn is_baking(app: &AppStatus) -> bool {
    app.rollout.as_ref().is_some_and(|r| matches!(r.phase, RolloutPhase::Baking { .. }))
}

// ---------------------------------------------------------------------------------------- deploy and rollback

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

// --------------------------------------------------------------------------------------------------------- up

/// Two apps in one file, on one listener, told apart by their hosts.
fn two_hosts(site: &Site, setting_of_b: &str) {
    let script = apps_directory().join("cases.mjs").display().to_string();
    let app = |name: &str, version: &str| {
        format!(
            "[apps.{name}]\ncommand = [\"node\", {script:?}]\nport = 3000\ninstances = 2\n\
             env = {{ VERSION = {version:?} }}\n\n[[apps.{name}.routes]]\nlisten = \"{}\"\n\
             host = \"{name}.test\"\n\n[apps.{name}.ready]\npath = \"/ready\"\ninterval = \"100ms\"\n\n\
             [apps.{name}.rollout]\nbake = \"0s\"\n\n",
            site.address()
        )
    };
    site.write("gapless.toml", app("a", "a1") + &app("b", setting_of_b));
}

#[test]
fn up_rolls_out_only_what_changed() {
    let site = Site::new();
    two_hosts(&site, "b1");
    let _ = site.gapless(&["up"]).succeeds();
    let version = |host: &str| {
        let answer = Customer::of(site.address()).header("Host", host).get("/").unwrap();
        (answer.status, answer.headers.get("x-version").cloned())
    };
    assert_eq!(version("a.test"), (200, Some("a1".into())));
    assert_eq!(version("b.test"), (200, Some("b1".into())));
    let stranger = version("c.test");
    assert!(stranger.0 == 404 && stranger.1.is_none(), "{stranger:?}");

    let (a, b) = (site.pids("a"), site.pids("b"));
    let mut load = plan(&site, Clients::Mixed, false);
    load.host = "b.test".into();
    let load = begin(load);
    two_hosts(&site, "b2");
    let up = site.gapless(&["up"]).succeeds().says("env.VERSION").says(" 0 lost");
    nothing_lost(load);
    assert!(!up.text().contains("b2"), "values may be secrets: {}", up.text());
    assert_eq!(site.pids("a"), a, "the other app was not touched");
    assert!(site.pids("b").values().all(|pid| !b.values().any(|old| old == pid)));
    assert_eq!(version("a.test"), (200, Some("a1".into())));
    assert_eq!(version("b.test"), (200, Some("b2".into())));

    // Named apps only.
    two_hosts(&site, "b3");
    let _ = site.gapless(&["up", "a"]).succeeds().says("nothing changed");
    assert_eq!(version("b.test").1.as_deref(), Some("b2"));
    let _ = site.gapless(&["up", "c"]).exits(2);
}

#[test]
fn up_tries_a_first_release_that_failed_again() {
    let site = Site::new();
    let app = CaseApp { deadline: "5s".into(), ..CaseApp::new(2) };
    app.clone().env("CRASH_AT_BOOT", 1).define(&site);
    for _ in 0..2 {
        let up = site.gapless(&["up"]).exits(1).says("there is no earlier release to return to");
        let _ = up.says("DATABASE_URL is not set");
    }
    // Commands that wait for the app to be as it should do not wait for ever.
    for words in [&["scale", "app", "1"][..], &["restart", "app"], &["restart", "app", "--json"]] {
        let _ = site.gapless(words).exits(1).says("DATABASE_URL is not set");
    }
    app.up(&site);
    let now = site.app("app");
    assert_eq!((now.ready, now.instances.len(), now.last_failure), (2, 2, None));
    assert_eq!(ask(site.address()).headers["x-version"], "v1");
}

#[test]
fn a_restart_that_fails_says_so_and_a_reload_of_mended_code_helps() {
    let site = Site::new();
    let directory = code(&site, "code", "one");
    code_app(&site, &directory, "x", "");
    let _ = site.gapless(&["up"]).succeeds();
    site.write("code/server.mjs", "throw new Error('cannot find the module left-pad')");
    let restart = site.gapless(&["restart", "app"]).exits(1).says("does not come up");
    let _ = restart.says("exited with code 1").says("left-pad");
    code(&site, "code", "two");
    let _ = site.gapless(&["reload", "app"]).succeeds().says("r1 → r2");
    assert_eq!((runs(&site)[0].as_str(), site.instances("app").len()), ("two", 2));
}

#[test]
fn up_of_what_is_under_way_ends_as_that_does() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    slow(2).define(&site);
    let first = site.begin(&["up"]);
    site.wait_until("app", "the rollout to begin", is_replacing);
    let _ = site.gapless(&["up"]).succeeds().says("r1 → r2");
    let _ = first.wait().succeeds().says("r1 → r2");

    CaseApp { deadline: "2s".into(), ..CaseApp::new(2).env("NEVER_READY", 1) }.define(&site);
    let first = site.begin(&["up"]);
    site.wait_until("app", "the rollout to begin", is_replacing);
    let _ = site.gapless(&["up"]).exits(3).says("r2 goes on serving");
    let _ = first.wait().exits(3);
}

#[test]
fn what_an_app_of_the_same_name_once_said_is_not_quoted() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let _ = site.gapless(&["delete", "app"]).succeeds();
    CaseApp::new(1).env("CRASH_AT_BOOT", 1).define(&site);
    let up = site.gapless(&["up"]).exits(1).says("DATABASE_URL is not set");
    assert!(!up.text().contains("listening on port"), "{}", up.text());
    let _ = site.gapless(&["logs", "app"]).succeeds().says("listening on port");
}

#[test]
fn settings_change_without_new_processes() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let before = site.pids("app");
    CaseApp::new(3).define(&site);
    let _ = site.gapless(&["up"]).succeeds().says("instances: 2 → 3");
    let after = site.pids("app");
    assert_eq!((current(&site), after.len()), (Some(1), 3));
    assert!(before.iter().all(|(id, pid)| after.get(id) == Some(pid)));

    // A further address, and then only that one.
    let second = free_address();
    let mut both = CaseApp::new(3);
    both.tables = format!("[[apps.app.routes]]\nlisten = \"{second}\"\n");
    both.define(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let _ = site.gapless(&["up"]).succeeds().says("routes:");
    assert_eq!(ask(second).headers["x-version"], "v1");
    nothing_lost(load);
    let moved = CaseApp::new(3).toml(&site).replace(&site.address().to_string(), &second.to_string());
    site.write("gapless.toml", moved);
    let _ = site.gapless(&["up"]).succeeds().says("routes:");
    assert_eq!(ask(second).headers["x-version"], "v1");
    wait_for("the old address to be given up", PATIENCE, || Customer::of(site.address()).get("/").err());
    assert_eq!(site.pids("app"), after);
}

#[test]
fn what_cannot_be_leaves_everything_as_it_is() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let before = site.pids("app");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let good = CaseApp::new(2).env("VERSION", "v2").toml(&site);
    let other = good.replace("apps.app", "apps.other");
    for (file, what) in [
        (good.replace("instances = 2", "instances = 0"), "instances"),
        (good.replace("interval", "intervall"), "did you mean `interval`"),
        (good.replace(&site.address().to_string(), &taken.local_addr().unwrap().to_string()), "in use"),
        (format!("{good}\n{other}"), "on the same route"),
    ] {
        site.write("gapless.toml", file);
        let outcome = site.gapless(&["up"]).exits(2);
        assert!(outcome.text().to_lowercase().contains(what), "no {what:?} in\n{}", outcome.text());
        assert_eq!(site.pids("app"), before);
    }
    assert_eq!((current(&site), ask(site.address()).headers["x-version"].as_str()), (Some(1), "v1"));
}

// ------------------------------------------------------------------------------------- scale, stop and restart

#[test]
fn scale_up_and_down_under_load() {
    let site = Arc::new(Site::new());
    CaseApp::new(2).up(&site);
    let before = site.pids("app");
    let load = begin(plan(&site, Clients::Mixed, false));
    let capacity = CapacityWatch::begin(&site, "app");
    let _ = site.gapless(&["scale", "app", "4"]).succeeds().says("has 4 instances now");
    let more = site.pids("app");
    assert_eq!(more.len(), 4);
    assert!(before.iter().all(|(id, pid)| more.get(id) == Some(pid)));
    let _ = site.gapless(&["scale", "app", "1"]).succeeds().says("has 1 instance now");
    let one = site.pids("app");
    assert_eq!(one.len(), 1);
    assert!(one.iter().all(|(id, pid)| more.get(id) == Some(pid)));
    capacity.never_below(1);
    nothing_lost(load);
    assert_eq!(current(&site), Some(1), "that is no new release");
    assert_eq!(instance_processes(&site).len(), 1);
    let _ = site.gapless(&["scale", "app", "0"]).exits(2);
}

#[test]
fn restart_holds_requests_and_loses_none() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let before = site.pids("app");
    let load = customers(&site);
    let _ = site.gapless(&["restart", "app"]).succeeds().says("is restarted");
    let after = site.pids("app");
    nothing_lost(load);
    assert_eq!((current(&site), after.len()), (Some(1), 2));
    assert!(after.values().all(|pid| !before.values().any(|old| old == pid)));
}

#[test]
fn stop_and_start_and_delete() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let _ = site.gapless(&["stop", "app"]).succeeds().says("is stopped");
    let app = site.app("app");
    assert_eq!((app.ready, app.wanted, app.instances.len()), (0, 0, 0));
    assert_eq!(instance_processes(&site), [] as [u32; 0]);
    let _ = site.gapless(&["stop", "app"]).succeeds();

    let asked = Customer::of(site.address());
    let held = std::thread::spawn(move || asked.get("/"));
    let _ = site.gapless(&["start", "app"]).succeeds().says("is started");
    let answer = held.join().unwrap().unwrap();
    assert!(matches!(answer.status, 200 | 503), "{answer:?}");
    let _ = site.gapless(&["stop", "app"]).succeeds();
    let answer = Customer::of(site.address()).get("/").unwrap();
    assert!(answer.status == 503 && answer.body.contains("The app is not ready."), "{answer:?}");
    let _ = site.gapless(&["start", "app"]).succeeds();
    assert_eq!((site.app("app").ready, current(&site)), (2, Some(1)));

    let _ = site.gapless(&["stop", "app"]).succeeds();
    let _ = site.gapless(&["up"]).succeeds().says("is started");
    assert_eq!(ask(site.address()).headers["x-version"], "v1");

    let _ = site.gapless(&["delete", "app"]).succeeds().says("is deleted");
    assert_eq!(site.status().apps, []);
    assert_eq!(instance_processes(&site), [] as [u32; 0]);
    wait_for("the address to be given up", PATIENCE, || Customer::of(site.address()).get("/").err());
    wait_for("its releases to be gone", PATIENCE, || (!site.home().join("apps/app").exists()).then_some(()));
    for command in ["stop", "reload", "restart", "delete", "rollback", "releases", "status", "promote"] {
        let _ = site.gapless(&[command, "app"]).exits(2).says("there is no app app");
    }
    // It may come back, as new.
    let _ = site.gapless(&["up"]).succeeds();
    assert_eq!(ask(site.address()).headers["x-version"], "v1");
}

#[test]
fn start_without_a_file() {
    let site = Site::new();
    let script = apps_directory().join("cases.mjs").display().to_string();
    let address = site.address().to_string();
    let words = ["start", &script, "--name", "app", "--port", "3000", "--listen", &address, "-i", "2"];
    let _ = site.gapless(&words).succeeds().says("r1 is up");
    assert_eq!(site.app("app").ready, 2);
    assert_eq!(ask(site.address()).json()["address"]["port"], 3000);
    let before = site.pids("app");
    let _ = site.gapless(&words).succeeds().says("nothing changed");
    assert_eq!(site.pids("app"), before);

    // A command with options of its own, told its port by the environment, without any listener.
    let worker = site.write("worker.py", "import time\nprint('at work', flush=True)\ntime.sleep(600)\n");
    let worker = worker.display().to_string();
    let _ = site.gapless(&["start", "--name", "worker", "--", "python3", "-u", &worker]).succeeds();
    let at_work = || Some(()).filter(|()| site.gapless(&["logs", "worker"]).text().contains("at work"));
    wait_for("its output", PATIENCE, at_work);
    assert_eq!(site.app("worker").ready, 1);
    let _ = site.gapless(&["start", "no-such-program-here", "--name", "x"]).exits(1);
}

#[test]
fn down_and_up_again() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let _ = site.gapless(&["reload", "app"]).succeeds();
    let pids = {
        let of = site.status().gapless;
        [of.keeper_pid, Some(of.control_pid), of.proxy_pid].map(Option::unwrap)
    };
    let _ = site.gapless(&["down"]).succeeds();
    assert_eq!(instance_processes(&site), [] as [u32; 0]);
    assert!(!pids.into_iter().any(gapless_e2e::process::runs), "{pids:?}");
    assert!(Customer::of(site.address()).get("/").is_err());
    let _ = site.gapless(&["status"]).exits(4);
    let _ = site.gapless(&["down"]).succeeds().says("nothing runs here");

    let _ = site.gapless(&["up"]).succeeds().says("is started");
    assert_eq!((site.app("app").ready, current(&site)), (2, Some(2)), "the definitions stayed");
    assert_eq!(ask(site.address()).headers["x-version"], "v1");
    assert!(releases(&site).contains(&(1, false, Mark::Good)));
}

// --------------------------------------------------------------------------------------- a rollout in progress

/// A rollout of `v2`, which takes two seconds to boot, from `v1`.
fn slow(instances: u32) -> CaseApp {
    CaseApp { bake: "0s".into(), ..CaseApp::new(instances).env("VERSION", "v2").env("BOOT_MS", 1500) }
}

/// Who is there and stays, by name.
fn staying(app: &AppStatus) -> BTreeSet<String> {
    let stays = |i: &&InstanceStatus| !["draining", "stopping", "gone"].contains(&i.state.as_str());
    app.instances.iter().filter(stays).map(|i| i.id.to_string()).collect()
}

#[test]
fn paused_nothing_starts_or_retires_and_resumed_it_goes_on() {
    let site = Arc::new(Site::new());
    CaseApp::new(3).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let capacity = CapacityWatch::begin(&site, "app");
    slow(3).define(&site);
    let up = site.begin(&["up"]);
    let of_v2 = |app: &AppStatus| app.instances.iter().filter(|i| i.release.0 == 2).count();
    site.wait_until("app", "the first of v2", |app| of_v2(app) == 1);
    let _ = site.gapless(&["pause", "app"]).succeeds().says("is paused");
    let _ = site.gapless(&["pause", "app", "--json"]).succeeds();
    let paused = site.wait_until("app", "what had begun to be done", |app| {
        app.instances.iter().all(|i| i.state == "ready") && app.instances.len() == 4
    });
    assert!(paused.waiting.iter().any(|w| w.text.contains("resume")), "{:?}", paused.waiting);
    let status = site.gapless(&["status", "app"]).succeeds();
    let _ = status.says("gapless resume");
    // Twice as long as the next instance would take.
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        let now = site.app("app");
        assert_eq!(staying(&now), staying(&paused), "{now:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = site.gapless(&["resume", "app"]).succeeds().says("goes on");
    let _ = up.wait().succeeds().says("r1 → r2").says(" 0 lost");
    capacity.never_below(3);
    nothing_lost(load);
    assert_eq!(current(&site), Some(2));
    for command in ["pause", "resume", "abort", "promote"] {
        let _ = site.gapless(&[command, "app"]).exits(1).says("no rollout in progress");
    }
}

#[test]
fn abort_takes_a_rollout_back() {
    let site = Arc::new(Site::new());
    CaseApp::new(3).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let capacity = CapacityWatch::begin(&site, "app");
    slow(3).define(&site);
    let up = site.begin(&["up"]);
    site.wait_until("app", "an instance of v2 that serves", |app| {
        app.instances.iter().any(|i| i.release.0 == 2 && i.state == "ready" && i.traffic.served > 0)
    });
    let _ = site.gapless(&["promote", "app"]).exits(1).says("does not have all traffic yet");
    let _ = site.gapless(&["abort", "app"]).succeeds().says("is back on the old release");
    let _ = up.wait().exits(3).says("r2 was taken back as asked").says("r1 goes on serving").says(" 0 lost");
    capacity.never_below(3);
    let report = nothing_lost(load);
    assert!(report.answers_of("v2") > 0, "{report}");
    let app = site.app("app");
    assert_eq!((app.release.map(|r| r.0), app.ready, app.instances.len()), (Some(1), 3, 3));
    assert_eq!(app.split.into_iter().map(|(r, percent)| (r.0, percent)).collect::<Vec<_>>(), [(1, 100)]);
    assert_eq!(releases(&site)[0], (2, false, Mark::Untried), "nobody found anything wrong with it");
    // The same file again is the same intent again.
    let _ = site.gapless(&["up"]).succeeds().says("r1 → r3");
}

#[test]
fn a_paused_rollout_can_be_aborted() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    slow(2).define(&site);
    let up = site.begin(&["up"]);
    site.wait_until("app", "the rollout to begin", is_replacing);
    let _ = site.gapless(&["pause", "app"]).succeeds();
    let _ = site.gapless(&["abort", "app"]).succeeds();
    let _ = up.wait().exits(3);
    assert_eq!((current(&site), site.app("app").ready), (Some(1), 2));
}

#[test]
fn promote_ends_the_bake() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    CaseApp { bake: "10m".into(), ..CaseApp::new(2).env("VERSION", "v2") }.define(&site);
    let up = site.begin(&["up"]);
    site.wait_until("app", "the bake", is_baking);
    assert!(site.instances("app").iter().any(|i| i.release.0 == 1), "the last of the old stay warm");
    let _ = site.gapless(&["promote", "app"]).succeeds().says("is promoted");
    let up = up.wait().succeeds().says("r1 → r2").says(" 0 lost");
    nothing_lost(load);
    assert!(up.took < Duration::from_secs(60), "{:?}", up.took);
    assert_eq!((current(&site), site.instances("app").len()), (Some(2), 2));
}

#[test]
fn abort_within_the_bake_goes_back_at_once() {
    let site = Arc::new(Site::new());
    CaseApp::new(2).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let capacity = CapacityWatch::begin(&site, "app");
    CaseApp { bake: "10m".into(), ..CaseApp::new(2).env("VERSION", "v2") }.define(&site);
    let up = site.begin(&["up"]);
    site.wait_until("app", "the bake", is_baking);
    let _ = site.gapless(&["abort", "app"]).succeeds();
    let _ = up.wait().exits(3).says("r1 goes on serving");
    capacity.never_below(2);
    nothing_lost(load);
    assert_eq!((current(&site), ask(site.address()).headers["x-version"].as_str()), (Some(1), "v1"));
}

#[test]
fn stop_in_the_middle_of_a_rollout() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    slow(2).define(&site);
    let up = site.begin(&["up"]);
    site.wait_until("app", "the rollout to begin", is_replacing);
    let _ = site.gapless(&["stop", "app"]).succeeds();
    let _ = up.wait().exits(3).says("r1 is what is started again").says("the app was stopped");
    assert_eq!(instance_processes(&site), [] as [u32; 0]);
    assert_eq!(releases(&site)[0], (2, false, Mark::Untried));
    let _ = site.gapless(&["start", "app"]).succeeds();
    assert_eq!(ask(site.address()).headers["x-version"], "v1", "what was not proven is not started again");
}

// ---------------------------------------------------------------------------------------------- what scripts read

/// The one line of JSON that a command printed.
#[track_caller]
fn json(site: &Site, words: &[&str], code: i32) -> Value {
    let outcome = site.gapless(words).exits(code);
    serde_json::from_str(&outcome.out).unwrap_or_else(|e| panic!("{words:?}: {e}\n{}", outcome.text()))
}

#[test]
fn json_is_all_that_is_printed() {
    let site = Site::new();
    CaseApp::new(1).define(&site);
    let up = json(&site, &["up", "--json"], 0);
    assert_eq!(up["apps"][0]["app"], "app", "{up}");
    assert_eq!(up["apps"][0]["receipt"]["outcome"]["outcome"], "completed", "{up}");
    assert_eq!(json(&site, &["up", "--json"], 0)["apps"], Value::Array(Vec::new()));
    CaseApp { deadline: "1s".into(), ..CaseApp::new(1).env("NEVER_READY", 1) }.define(&site);
    let failed = json(&site, &["up", "--json"], 3);
    assert_eq!(failed["apps"][0]["receipt"]["outcome"]["outcome"], "aborted", "{failed}");
    CaseApp::new(1).define(&site);

    for words in [
        &["check", "--json"][..],
        &["reload", "app", "--json"],
        &["rollback", "app", "--to", "r1", "--json"],
        &["scale", "app", "2", "--json"],
        &["restart", "app", "--json"],
        &["status", "--json"],
        &["status", "app", "--json"],
        &["releases", "app", "--json"],
        &["history", "--json"],
        &["history", "app", "--json"],
        &["stop", "app", "--json"],
        &["start", "app", "--json"],
        &["delete", "app", "--json"],
    ] {
        json(&site, words, 0);
    }
    json(&site, &["down", "--json"], 0);
}

#[test]
fn json_of_logs_is_one_object_a_line() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let logs = site.gapless(&["logs", "app", "--json"]).succeeds();
    let lines: Vec<Value> = logs.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter(|l| l["text"] == "v1: listening on port 3000").count(), 2, "{}", logs.out);
    assert!(lines.iter().all(|l| l["err"] == false && l["instance"].as_str().is_some()));
}

#[test]
fn detached_it_goes_on_by_itself() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    slow(2).define(&site);
    let up = site.gapless(&["up", "--detach"]).succeeds().says("rollout #2 to r2 begins");
    assert!(up.took < Duration::from_secs(10), "{:?}", up.took);
    site.wait_until("app", "r2 to serve", |app| app.rollout.is_none() && app.release.map(|r| r.0) == Some(2));
    let ticket = json(&site, &["reload", "app", "--detach", "--json"], 0);
    assert_eq!(ticket["apps"][0]["ticket"]["to"], "r3", "{ticket}");
    site.wait_until("app", "r3 to serve", |app| app.rollout.is_none() && app.release.map(|r| r.0) == Some(3));
    nothing_lost(load);
}

#[test]
fn releases_and_history_tell_what_was() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let _ = site.gapless(&["reload", "app"]).succeeds();
    CaseApp { deadline: "1s".into(), ..CaseApp::new(1).env("NEVER_READY", 1) }.define(&site);
    let _ = site.gapless(&["up"]).exits(3);
    let _ = site.gapless(&["scale", "app", "2"]).succeeds();
    assert_eq!(releases(&site), [(3, false, Mark::Bad), (2, true, Mark::Good), (1, false, Mark::Good)]);
    let shown = site.gapless(&["releases", "app"]).succeeds().says("current").says("good").says("bad");
    assert!(shown.out.lines().any(|l| l.contains("r2") && l.contains("current")), "{}", shown.out);

    let ends: Vec<_> = site
        .history("app")
        .into_iter()
        .filter_map(|Event { what, .. }| match what {
            What::RolloutEnded { outcome, receipt, .. } => {
                Some((receipt.to.0, matches!(outcome, Outcome::Completed), receipt.traffic.failed))
            }
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(1, true, 0), (2, true, 0), (3, false, 0)]);
    let told = site.gapless(&["history", "app"]).succeeds().says("reload #2 began: r1 → r2");
    let _ = told.says("scaled from 1 to 2").says("rollout #3 aborted").says("503");
}

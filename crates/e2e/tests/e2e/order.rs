//! An app is not started before those that it is after are up: at the first `up`, at a boot, at a start by hand; and
//! whoever waits says for whom.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, process};
use gapless_model::{Until, WaitingOn};
use gapless_testkit::wait::wait_for;

/// An app that writes down when it begins and when it is ready, which it is once the file `go-NAME` is there. `keys`
/// are further lines.
fn app(name: &str, keys: &str) -> String {
    let script = format!(
        "echo {name} begins >> order.log; until test -e go-{name}; do sleep 0.02; done; \
         echo {name} is ready >> order.log; touch {name}-is-ready; exec sleep 600"
    );
    format!(
        "[apps.{name}]\ncommand = ['sh', '-c', '{script}']\n{keys}\n[apps.{name}.ready]\n\
         command = 'test -e {name}-is-ready'\ninterval = '50ms'\ndeadline = '60s'\n\
         [apps.{name}.rollout]\nbake = '0s'\n"
    )
}

/// What the apps have written down.
fn log(site: &Site) -> Vec<String> {
    let text = std::fs::read_to_string(site.path().join("order.log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn go(site: &Site, apps: &[&str]) {
    apps.iter().for_each(|app| drop(site.write(&format!("go-{app}"), "")));
}

/// Nobody has begun and nobody is ready, as after a boot that clears `/run`.
fn forget(site: &Site, apps: &[&str]) {
    let names = apps.iter().flat_map(|app| [format!("go-{app}"), format!("{app}-is-ready")]);
    names.chain(["order.log".to_owned()]).for_each(|name| drop(std::fs::remove_file(site.path().join(name))));
}

/// Waits until an app waits for just this other one, and nothing of it is there.
fn waits_for(site: &Site, name: &str, other: &str, until: Until) {
    let on = WaitingOn::After { app: other.parse().unwrap(), until, deadline: None };
    // It may be that it is not there yet.
    wait_for("it waits in order", PATIENCE, || {
        let mut apps = site.status().apps.into_iter().filter(|app| app.name.as_str() == name);
        let waits = |app: gapless_api::status::AppStatus| {
            app.instances.is_empty() && app.waiting.iter().any(|wait| wait.on == on)
        };
        apps.next().is_some_and(waits).then_some(())
    });
}

fn is_up(site: &Site, name: &str) {
    site.wait_until(name, "it is up", |app| app.ready == app.wanted && app.wanted > 0);
}

/// Every process of the apps and of Gapless is gone at once. What is left of it in the journal is `edit`ed.
fn everything_dies(site: &Site, apps: &[&str], edit: impl FnOnce(&rusqlite::Connection)) {
    let proxy = site.status().gapless.proxy_pid;
    let pids: Vec<u32> = apps.iter().flat_map(|app| site.pids(app).into_values().flatten()).collect();
    site.edit_journal(|journal| {
        proxy.into_iter().for_each(process::kill);
        pids.iter().for_each(|pid| drop(gapless_sys::group::signal(*pid, 9)));
        wait_for("all to be gone", PATIENCE, || {
            pids.iter().all(|pid| process::group_of(*pid).is_empty()).then_some(())
        });
        edit(journal);
    });
}

/// While another app serves: nothing of it is touched.
#[test]
fn a_slow_one_is_waited_for() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let tables = [app("web", "after = ['db', 'app']"), app("db", "instances = 2")].concat();
    CaseApp { tables, ..CaseApp::new(1) }.define(&site);
    go(&site, &["web"]);
    let up = site.begin(&["up"]);
    waits_for(&site, "web", "db", Until::Ready);
    let _ = site.gapless(&["status", "web"]).succeeds().says("db to be up");
    // Whoever decides next waits as well.
    site.kill_control();
    waits_for(&site, "web", "db", Until::Ready);
    assert_eq!(log(&site), ["db begins", "db begins"]);
    go(&site, &["db"]);
    let _ = up.wait().succeeds().says("waiting for db to be up");
    let log = log(&site);
    assert_eq!(log.last().unwrap(), "web is ready", "{log:?}");
    let of = |line: &str| log.iter().position(|other| other == line).unwrap();
    assert!(of("db is ready") < of("web begins"), "{log:?}");
    assert_eq!(log.iter().filter(|line| *line == "web begins").count(), 1, "{log:?}");

    // What becomes of it later is no matter of those after it.
    let _ = site.gapless(&["stop", "db"]).succeeds();
    let _ = site.gapless(&["reload", "web"]).succeeds();
    let report = nothing_lost(load);
    assert!(report.answers_of("v1") > 0);
}

const CHAIN: [&str; 3] = ["db", "cache", "web"];

fn chain(site: &Site) {
    let spare = app("spare", "after = ['web']");
    let tables = [app("web", "after = ['cache']"), app("cache", "after = ['db']"), spare, app("db", "")];
    site.write("gapless.toml", tables.concat());
}

fn in_order(site: &Site) {
    let expected: Vec<String> =
        CHAIN.iter().flat_map(|app| [format!("{app} begins"), format!("{app} is ready")]).collect();
    assert_eq!(log(site), expected);
}

#[test]
fn a_chain_of_three_at_up_and_after_a_boot() {
    let site = Site::new();
    chain(&site);
    go(&site, &CHAIN);
    let _ = site.gapless(&["up", "db", "cache", "web"]).succeeds();
    in_order(&site);
    go(&site, &["spare"]);
    let _ = site.gapless(&["up"]).succeeds();
    let _ = site.gapless(&["stop", "spare"]).succeeds();

    // The machine is started anew; or everything is killed on one that goes on. In the end everything that should run
    // is ended in good order.
    let anew = "UPDATE settings SET value = 'of another boot' WHERE name = 'boot'";
    for boot in [Some(anew), None] {
        everything_dies(&site, &CHAIN, |journal| {
            boot.into_iter().for_each(|change| assert_eq!(journal.execute(change, []).unwrap(), 1));
        });
        starts_in_order(&site);
    }
    let _ = site.gapless(&["down"]).succeeds();
    forget(&site, &CHAIN);
    go(&site, &CHAIN);
    let _ = site.gapless(&["up", "db", "cache", "web"]).succeeds();
    in_order(&site);
}

/// The next command finds nothing that runs.
fn starts_in_order(site: &Site) {
    forget(site, &CHAIN);
    go(site, &["cache", "web"]);
    let _ = site.gapless(&["status"]).succeeds();
    waits_for(site, "cache", "db", Until::Ready);
    waits_for(site, "web", "cache", Until::Ready);
    go(site, &["db"]);
    is_up(site, "web");
    in_order(site);
    assert!(site.instances("spare").is_empty(), "it was stopped, and stays so");
}

#[test]
fn one_that_does_not_come_up() {
    let site = Site::new();
    let db = "[apps.db]\ncommand = ['sh', '-c', 'test -e go-db || exit 3; touch db-is-ready; exec sleep 600']\n\
              [apps.db.restart]\nbackoff = '50ms'\nbackoff_max = '200ms'\n\
              [apps.db.ready]\ncommand = 'test -e db-is-ready'\ninterval = '50ms'\n";
    site.write(
        "gapless.toml",
        [&app("web", "after = ['cache']"), &app("cache", "after = ['db']"), db].concat(),
    );
    go(&site, &["cache", "web"]);
    let _ = site
        .gapless(&["up"])
        .exits(1)
        .says("exited with code 3")
        .says("it is started after db, which does not come up")
        .says("it is started after cache, which does not come up");
    waits_for(&site, "web", "cache", Until::Ready);
    // Who asks again is told the same, and nothing new is made of it.
    let _ = site.gapless(&["up", "web"]).exits(1).says("it is started after cache, which does not come up");
    let _ = site.gapless(&["start", "cache"]).exits(1).says("`gapless status db` says why");
    assert_eq!(site.app("web").release.map(|release| release.0), Some(1));
    // Nobody has given up: when it comes up, so do they.
    go(&site, &["db"]);
    is_up(&site, "web");
    assert_eq!(log(&site), ["cache begins", "cache is ready", "web begins", "web is ready"]);
}

#[test]
fn who_is_stopped_or_not_there_is_not_waited_for() {
    let site = Site::new();
    site.write("gapless.toml", [app("db", ""), app("web", "after = ['db']")].concat());
    go(&site, &["db", "web"]);
    let _ = site
        .gapless(&["up", "web"])
        .succeeds()
        .says("web is started without waiting for db, which is not there");
    let _ = site.gapless(&["up"]).succeeds();
    let _ = site.gapless(&["stop", "db", "web"]).succeeds();
    let note = "web is started without waiting for db, which is stopped";
    let _ = site.gapless(&["start", "web", "--detach"]).succeeds().says(note);
    is_up(&site, "web");

    // Stopped while it is waited for.
    let _ = site.gapless(&["stop", "web"]).succeeds();
    forget(&site, &["db"]);
    let _ = site.gapless(&["start", "db", "--detach"]).succeeds();
    let start = site.begin(&["start", "web"]);
    waits_for(&site, "web", "db", Until::Ready);
    let _ = site.gapless(&["stop", "db"]).succeeds();
    let _ = start.wait().succeeds();

    // Two files, of which neither has the circle.
    site.write("gapless.toml", [app("db", "after = ['web']"), app("web", "")].concat());
    let before = site.pids("web");
    let _ = site
        .gapless(&["up", "db"])
        .exits(2)
        .says("none of these could be started first: db after web, web after db")
        .says("gapless.toml:")
        .says("after = ['web']");
    assert_eq!(site.pids("web"), before);
    go(&site, &["db"]);
    let _ = site.gapless(&["up"]).succeeds();
}

/// What ends by itself is up when it has done so.
#[test]
fn a_job_is_waited_for_until_it_has_ended() {
    let site = Site::new();
    let job = |ends: &str| {
        let script = format!(
            "echo migrate begins >> order.log; until test -e go-migrate; do sleep 0.02; done; \
             echo migrate ends >> order.log; {ends}"
        );
        let keys = "[apps.migrate.restart]\npolicy = 'never'\n[apps.migrate.rollout]\nbake = '0s'\n";
        let job = format!("[apps.migrate]\ncommand = ['sh', '-c', '{script}']\n{keys}");
        site.write("gapless.toml", [job, app("web", "after = ['migrate']")].concat());
    };
    job("exit 4");
    go(&site, &["migrate", "web"]);
    let up = site.gapless(&["up"]);
    assert_ne!(up.code, 0, "{}", up.text());
    waits_for(&site, "web", "migrate", Until::Ended);
    forget(&site, &["migrate"]);
    job("exit 0");
    let up = site.begin(&["up"]);
    wait_for("it begins", PATIENCE, || (log(&site) == ["migrate begins"]).then_some(()));
    waits_for(&site, "web", "migrate", Until::Ended);
    go(&site, &["migrate"]);
    let _ = up.wait().succeeds();
    assert_eq!(log(&site), ["migrate begins", "migrate ends", "web begins", "web is ready"]);
}

//! No request is lost when Gapless itself is killed, the keeper too: what runs serves on, and the next command
//! brings everything back around it.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, process};
use gapless_testkit::wait::{wait_for, wait_to_see};
use std::fs;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Waits for the one that follows a killed keeper, without a word to control. `meanwhile` is done at every look.
fn another_keeper(site: &Site, before: u32, meanwhile: impl Fn()) -> u32 {
    wait_for("another keeper", PATIENCE, || {
        meanwhile();
        let written = fs::read_to_string(site.home().join("keeper.lock")).ok()?;
        written.trim().parse().ok().filter(|pid| *pid != before)
    })
}

#[test]
fn keeper_and_control() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let before = site.status();
    let pids = site.pids("app");
    let load = begin(plan(&site, Clients::Mixed, false));
    site.kill_keeper_and_control();

    // Nobody decides any more, and all is served.
    let answered = load.handle().progress().right;
    wait_for("another 300 answers", PATIENCE, || {
        (load.handle().progress().right > answered + 300).then_some(())
    });
    assert_eq!(site.pids("app"), pids, "no instance was restarted");
    // It has found the proxy when that has told what it serves.
    let what = "the proxy to be found";
    let after = wait_to_see(what, PATIENCE, || site.status(), |status| status.gapless.proxy_pid.is_some());
    assert_ne!(after.gapless.keeper_pid, before.gapless.keeper_pid);
    assert_ne!(after.gapless.control_pid, before.gapless.control_pid);
    assert_eq!(after.gapless.proxy_pid, before.gapless.proxy_pid, "the same proxy");
    assert_eq!(after.gapless.troubles, Vec::<String>::new());
    assert_eq!(site.pids("app"), pids, "no instance was restarted");

    // And what was brought back can do everything.
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
    nothing_lost(load);
    assert!(site.instances("app").iter().all(|i| i.restarts == 0 && i.state == "ready"));
}

#[test]
fn in_the_middle_of_a_rollout() {
    let site = Site::new();
    let app = |version: &str| CaseApp { bake: "1s".into(), ..CaseApp::new(2).env("VERSION", version) };
    app("v1").up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    app("v2").env("BOOT_MS", 700).define(&site);
    let _ = site.gapless(&["up", "--detach"]).succeeds();
    site.wait_until("app", "a new one to be ready", |app| {
        app.instances.iter().any(|i| i.release.0 == 2 && i.state == "ready")
    });
    let stood = site.pids("app");
    site.kill_keeper_and_control();
    let done = site.wait_until("app", "the rollout to end", |app| {
        app.rollout.is_none() && app.instances.len() == 2 && app.ready == 2
    });
    nothing_lost(load);
    assert_eq!(done.release.map(|r| r.0), Some(2));
    for instance in &done.instances {
        assert_eq!(instance.restarts, 0);
        // One that was just being started had no process yet.
        let was = stood.get(&instance.id).copied().flatten();
        assert!(was.is_none() || was == instance.pid, "{instance:?} {stood:?}");
    }
}

#[test]
fn the_keeper_alone() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let pids = site.pids("app");
    let load = begin(plan(&site, Clients::Mixed, false));
    let before = site.status().gapless;
    process::kill(before.keeper_pid.unwrap());
    // Nobody has to ask for it: there is another keeper, and a control that it keeps.
    let kept = another_keeper(&site, before.keeper_pid.unwrap(), || {});
    assert_eq!(site.status().gapless.keeper_pid, Some(kept));
    assert_eq!(site.pids("app"), pids, "no instance was restarted");
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
    nothing_lost(load);
}

/// With the keeper gone control alone has the listeners until a proxy does, and does not go before.
#[test]
fn the_keeper_and_every_proxy_for_a_while() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let at = site.address();
    let before = site.status().gapless;
    let proxies = || -> Vec<u32> {
        let all = gapless_sys::process::all().unwrap().into_iter();
        let children = all.filter(|process| process.parent == before.control_pid && !process.zombie);
        let words = |pid| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        children.map(|child| child.pid).filter(|pid| words(*pid).contains("\0proxy\0")).collect()
    };
    process::kill(before.keeper_pid.unwrap());
    // Longer than control takes to miss the keeper.
    let until = Instant::now() + Duration::from_secs(2);
    let mut killed = 0;
    wait_for("the end of it", PATIENCE, || {
        let found = proxies();
        killed += found.len();
        found.into_iter().for_each(process::kill);
        TcpStream::connect(at).expect("somebody listens all the time");
        (Instant::now() >= until).then_some(())
    });
    assert!(killed > 0);
    another_keeper(&site, before.keeper_pid.unwrap(), || {
        TcpStream::connect(at).expect("somebody listens all the time");
    });
    let load = begin(plan(&site, Clients::Mixed, false));
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
    nothing_lost(load);
}

#[test]
fn a_second_keeper_is_refused_by_name() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let before = (site.status().gapless.keeper_pid, site.status().gapless.control_pid, site.pids("app"));
    let home = site.home().display().to_string();
    let second =
        site.command(&["internal", "keeper", "--home", &home]).stdout(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success());
    let keeper = before.0.unwrap();
    assert!(said.contains(&format!("another Gapless already keeps {home} (keeper pid {keeper})")), "{said}");
    let after = (site.status().gapless.keeper_pid, site.status().gapless.control_pid, site.pids("app"));
    assert_eq!(before, after);
}

//! What fails is started again as its policy says, what is stopped is gone whole, and nothing slow of one app
//! delays another.

use gapless_e2e::process::{group_of, kill, runs, signal};
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site};
use gapless_model::event::What;
use gapless_testkit::wait::wait_for;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

/// Ends with code 0 by SIGUSR1, with code 3 by SIGUSR2.
const OBEDIENT: &str =
    r#"["sh", "-c", "trap 'exit 0' USR1; trap 'exit 3' USR2; while :; do sleep 0.02; done"]"#;
const USR1: i32 = 10;
const USR2: i32 = 12;

fn pid(site: &Site, app: &str) -> u32 {
    site.instances(app)[0].pid.unwrap()
}

/// Waits until the one instance runs as another process.
fn started_again(site: &Site, app: &str, was: u32) {
    let app = site.wait_until(app, "another process", |app| {
        app.ready == 1 && app.instances[0].pid.is_some_and(|pid| pid != was)
    });
    assert_eq!(app.instances[0].restarts, 1, "{app:#?}");
}

/// Waits until the one instance is gone, and sees that it stays so.
fn stays_gone(site: &Site, app: &str, exit: &str) {
    let gone = site.wait_until(app, "the instance to be gone", |app| app.instances[0].state == "gone");
    assert_eq!((gone.ready, gone.wanted, gone.instances.len()), (0, 1, 1), "{gone:#?}");
    assert_eq!((gone.instances[0].pid, gone.instances[0].restarts), (None, 0));
    assert_eq!(gone.instances[0].detail.as_deref(), Some(exit));
    let history = site.history(app);
    let starts = history.iter().filter(|e| matches!(e.what, What::InstanceStarted { .. })).count();
    assert_eq!(starts, 1, "{history:#?}");
}

#[test]
fn policies() {
    let site = Site::new();
    let mut toml = String::new();
    for (name, policy) in
        [("always", "always"), ("clean", "on-failure"), ("failing", "on-failure"), ("never", "never")]
    {
        let _ = write!(
            toml,
            "[apps.{name}]\ncommand = {OBEDIENT}\n[apps.{name}.restart]\npolicy = \"{policy}\"\n\n"
        );
    }
    site.write("gapless.toml", toml);
    let _ = site.gapless(&["up"]).succeeds();
    let before = |name| pid(&site, name);
    let (always, clean, failing, never) =
        (before("always"), before("clean"), before("failing"), before("never"));
    signal(always, USR1);
    signal(clean, USR1);
    signal(failing, USR2);
    signal(never, USR2);
    started_again(&site, "always", always);
    started_again(&site, "failing", failing);
    stays_gone(&site, "clean", "exited with code 0");
    stays_gone(&site, "never", "exited with code 3");
    // What is gone comes back when it is asked for.
    let _ = site.gapless(&["restart", "never"]).succeeds();
    assert_eq!(site.app("never").ready, 1);
}

#[test]
fn a_crash_loop_is_named_and_slows_down() {
    let site = Site::new();
    site.write(
        "gapless.toml",
        r#"[apps.app]
command = ["sh", "-c", "date +%s%3N >> starts; echo 'no database' >&2; exit 7"]
[apps.app.restart]
backoff = "50ms"
backoff_max = "400ms"
"#,
    );
    let _ = site.gapless(&["up"]).exits(1).says("exited with code 7").says("no database");
    site.wait_until("app", "the loop to be named", |app| {
        app.instances[0].detail.as_ref().is_some_and(|d| d.starts_with("crash loop: "))
    });
    let starts = wait_for("eight starts", PATIENCE, || {
        let text = fs::read_to_string(site.path().join("starts")).unwrap();
        let starts: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
        (starts.len() >= 8).then_some(starts)
    });
    let pauses: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The first is at once; then 50 ms doubled up to 400, each by a fifth shorter at most.
    for (pause, least) in pauses.iter().zip([0, 40, 80, 160, 320, 320, 320]) {
        assert!(*pause >= least, "{pauses:?}");
    }
    let app = site.app("app");
    assert!(app.instances[0].restarts >= 6, "{app:#?}");
    let _ = site.gapless(&["status"]).succeeds().says("crash loop: ").says("exited with code 7");
    // It is not in the way of being given up.
    let _ = site.gapless(&["delete", "app"]).succeeds();
}

#[test]
fn one_that_is_killed_under_load_comes_back() {
    let site = Site::new();
    CaseApp::new(2).up(&site);
    let load = begin(plan(&site, Clients::Mixed, true));
    let instances = site.instances("app");
    let (killed, other) = (&instances[0], &instances[1]);
    kill(killed.pid.unwrap());
    let app = site.wait_until("app", "it to be back", |app| {
        app.ready == 2 && app.instances.iter().all(|i| i.pid.is_some() && i.pid != killed.pid)
    });
    let answered = load.handle().progress().right;
    wait_for("another 200 answers", PATIENCE, || {
        (load.handle().progress().right > answered + 200).then_some(())
    });
    nothing_lost(load);
    let restarts = |id| app.instances.iter().find(|i| i.id == id).map(|i| i.restarts);
    assert_eq!(restarts(killed.id.clone()), Some(1));
    assert_eq!(restarts(other.id.clone()), Some(0));
    assert!(app.instances.iter().any(|i| i.pid == other.pid));
}

#[test]
fn a_stop_ends_the_whole_group() {
    let site = Site::new();
    site.write(
        "gapless.toml",
        r#"[apps.app]
command = ["sh", "-c", "sh -c 'trap \"\" TERM; touch deaf; while :; do sleep 0.05; done' & sleep 600 & wait"]
[apps.app.stop]
timeout = "1s"
"#,
    );
    let _ = site.gapless(&["up"]).succeeds();
    let leader = pid(&site, "app");
    wait_for("the child to be deaf", PATIENCE, || site.path().join("deaf").exists().then_some(()));
    assert!(group_of(leader).len() >= 3);
    let stop = site.gapless(&["stop", "app"]).succeeds();
    assert_eq!(group_of(leader), [] as [u32; 0]);
    assert!(stop.took >= Duration::from_secs(1), "the deaf one had its time: {:?}", stop.took);
}

#[test]
fn a_hundred_are_stopped_at_once() {
    let site = Site::new();
    let mut toml = String::new();
    for n in 0..100 {
        // Each takes a second to stop.
        let _ = write!(
            toml,
            "[apps.s{n}]\ncommand = [\"sh\", \"-c\", \"trap 'sleep 1; exit 0' TERM; while :; do sleep 600 & wait; done\"]\n"
        );
    }
    site.write("gapless.toml", toml);
    let _ = site.gapless(&["up"]).succeeds();
    let status = site.status();
    let pids: Vec<u32> = status.apps.iter().flat_map(|a| &a.instances).map(|i| i.pid.unwrap()).collect();
    assert_eq!(pids.len(), 100);
    let down = site.gapless(&["down"]).succeeds();
    assert!(pids.iter().all(|pid| !runs(*pid) && group_of(*pid).is_empty()));
    // One after the other would take 100 s.
    assert!(down.took < Duration::from_secs(20), "{:?}", down.took);
}

#[test]
fn nothing_slow_of_one_app_delays_another() {
    let site = Site::new();
    site.write(
        "gapless.toml",
        r#"[apps.crashing]
command = "sleep 600"

[apps.stubborn]
command = ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"]
[apps.stubborn.stop]
timeout = "8s"
"#,
    );
    let _ = site.gapless(&["up"]).succeeds();
    site.write(
        "slow.toml",
        r#"[apps.asked]
command = "sleep 600"
[apps.asked.ready]
command = "sleep 600"
timeout = "1m"
"#,
    );
    let _ = site.gapless(&["up", "-f", "slow.toml", "--detach"]).succeeds();
    let (crashing, stubborn) = (pid(&site, "crashing"), pid(&site, "stubborn"));
    let stop = site.begin(&["stop", "stubborn"]);
    site.wait_until("stubborn", "the stop to begin", |app| app.instances[0].state == "stopping");

    kill(crashing);
    started_again(&site, "crashing", crashing);
    // Still in the middle of what is slow.
    assert!(runs(stubborn));
    assert_eq!(site.app("stubborn").instances[0].state, "stopping");
    assert_eq!(site.app("asked").instances[0].state, "starting");

    kill(stubborn);
    let _ = stop.wait().succeeds();
    let _ = site.gapless(&["delete", "asked"]).succeeds();
}

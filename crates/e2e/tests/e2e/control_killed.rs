//! No request is lost when control is killed in the middle of a rollout, whichever phase it is in: the keeper
//! brings it back, the rollout ends as it should, and no instance is restarted for it.

use gapless_api::status::AppStatus;
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, counter, process};
use gapless_load::{LoadThread, RequestKind, Stream};
use gapless_model::event::{Event, What};
use gapless_model::{InstanceId, Outcome, Receipt, WaitingOn};
use gapless_testkit::wait::wait_for;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

type Pids = BTreeMap<InstanceId, Option<u32>>;

/// Two instances of version 1 under load.
struct Scene {
    site: Site,
    load: LoadThread,
    /// As they were before the rollout.
    old: Pids,
}

/// Control has been killed.
struct Killed {
    scene: Scene,
    /// The control that was.
    control: u32,
    keeper: Option<u32>,
    proxy: Option<u32>,
    /// The instances when it was killed.
    stood: Pids,
}

fn app(version: &str) -> CaseApp {
    CaseApp {
        bake: "1500ms".into(),
        tables: counter::TABLE.into(),
        ..CaseApp::new(2).env("VERSION", version)
    }
}

impl Scene {
    fn begin() -> Self {
        Self::begin_with(&app("v1"))
    }

    fn begin_with(app: &CaseApp) -> Self {
        let site = Site::new();
        app.up(&site);
        // Answers that are still being made when their instance is to go.
        let slow = Stream::new("slower answers", 4, RequestKind::get("/slow?ms=2500"));
        let load = begin(plan(&site, Clients::Mixed, false).with(slow));
        let old = site.pids("app");
        Self { site, load, old }
    }

    fn kill_control_when(self, what: &str, is_so: impl Fn(&AppStatus) -> bool) -> Killed {
        self.site.wait_until("app", what, is_so);
        let gapless = self.site.status().gapless;
        process::kill(gapless.control_pid);
        let stood = self.site.pids("app");
        Killed {
            scene: self,
            control: gapless.control_pid,
            keeper: gapless.keeper_pid,
            proxy: gapless.proxy_pid,
            stood,
        }
    }
}

impl Killed {
    /// Holds everything against what was promised, and returns the receipt of the rollout.
    fn shows_nothing_of_it(self, serves: &str) -> Receipt {
        let Self { scene: Scene { site, load, old }, control, keeper, proxy, stood } = self;
        let gapless = site.status().gapless;
        assert_ne!(gapless.control_pid, control, "another control");
        assert_eq!((gapless.keeper_pid, gapless.proxy_pid), (keeper, proxy), "the same keeper and proxy");
        assert_eq!(gapless.troubles, Vec::<String>::new());

        // One that was retired before the rollout was taken back may have requests to finish after its end.
        let settled = |app: &AppStatus| app.ready == 2 && app.instances.len() == 2;
        let app = site.wait_until("app", "two instances", settled);
        let report = nothing_lost(load);
        assert!(app.rollout.is_none());
        for instance in &app.instances {
            let was = old.get(&instance.id).or_else(|| stood.get(&instance.id)).copied().flatten();
            assert!(was.is_none() || was == instance.pid, "{} was restarted: it was {was:?}", instance.id);
            assert_eq!((instance.state.as_str(), instance.restarts), ("ready", 0), "{instance:#?}");
        }
        assert!(report.answers_of(serves) > 0, "{report}");
        counter::is_heard(&site);

        let history = site.history("app");
        each_was_started_once(&history);
        the_receipt(&history)
    }
}

fn each_was_started_once(history: &[Event]) {
    let mut started: BTreeMap<&InstanceId, u32> = BTreeMap::new();
    for event in history {
        match &event.what {
            What::InstanceStarted { instance, .. } => *started.entry(instance).or_default() += 1,
            What::InstanceFailed { .. } => panic!("{event:?}"),
            _ => {}
        }
    }
    assert!(started.values().all(|times| *times == 1), "{started:?}");
}

/// The one receipt of the second rollout.
fn the_receipt(history: &[Event]) -> Receipt {
    let receipts: Vec<_> = history
        .iter()
        .filter_map(|event| match &event.what {
            What::RolloutEnded { receipt, .. } if receipt.from.is_some() => Some(receipt),
            _ => None,
        })
        .collect();
    let [receipt] = receipts[..] else { panic!("{receipts:#?}") };
    assert_eq!(receipt.traffic.failed, 0, "{receipt:#?}");
    assert_eq!(receipt.served_by.values().sum::<u64>(), receipt.traffic.served, "{receipt:#?}");
    *receipt.clone()
}

fn phases(receipt: &Receipt) -> Vec<&str> {
    receipt.phases.iter().map(|p| p.phase.as_str()).collect()
}

/// A rollout of a good version in which control is killed once.
fn completed(next: &CaseApp, what: &str, is_so: impl Fn(&AppStatus) -> bool) {
    completed_from(Scene::begin(), next, what, is_so);
}

fn completed_from(scene: Scene, next: &CaseApp, what: &str, is_so: impl Fn(&AppStatus) -> bool) {
    next.define(&scene.site);
    let answered = scene.load.handle().progress().right;
    let up = scene.site.begin(&["up"]);
    let killed = scene.kill_control_when(what, is_so);
    let _ = up.wait().succeeds().says("r1 → r2").says(" 0 lost");
    let answered = killed.scene.load.handle().progress().right - answered;
    let receipt = killed.shows_nothing_of_it("v2");
    assert_eq!(receipt.outcome, Outcome::Completed);
    assert_eq!(phases(&receipt), ["replacing", "baking", "retiring"]);
    // `up` takes a little longer than its rollout.
    assert!(receipt.traffic.served * 10 > answered * 7, "{answered} answers, of which {receipt:#?} counts");
}

fn of_release(app: &AppStatus, release: u32) -> impl Iterator<Item = &str> {
    app.instances.iter().filter(move |i| i.release.0 == release).map(|i| i.state.as_str())
}

/// Whether an instance is waited for that has requests to finish.
fn is_draining(app: &AppStatus) -> bool {
    app.waiting.iter().any(|waiting| matches!(waiting.on, WaitingOn::Drained { .. }))
}

fn phase(app: &AppStatus) -> &str {
    app.rollout.as_ref().map_or("", |rollout| rollout.phase.word())
}

#[test]
fn before_the_first_new_one_is_ready() {
    completed(&app("v2").env("BOOT_MS", 1000), "the first to start", |app| {
        of_release(app, 2).eq(["starting"])
    });
}

#[test]
fn between_two_instances() {
    completed(&app("v2").env("BOOT_MS", 1000), "the second to start", |app| {
        of_release(app, 2).eq(["ready", "starting"])
    });
}

#[test]
fn while_it_bakes() {
    completed(&app("v2"), "the bake time", |app| phase(app) == "baking");
}

#[test]
fn while_the_first_old_one_drains() {
    completed(&app("v2"), "an old one to drain", |app| phase(app) == "replacing" && is_draining(app));
}

#[test]
fn while_the_last_old_one_drains() {
    let next = CaseApp { bake: "50ms".into(), ..app("v2") };
    completed(&next, "the last old one to drain", |app| phase(app) == "retiring" && is_draining(app));
}

#[test]
fn while_a_slow_one_stops() {
    let lingering = |version: &str| app(version).env("SHUTDOWN", "linger");
    completed(&lingering("v2"), "an old one to stop", |app| {
        of_release(app, 1).any(|state| state == "draining")
    });
}

#[test]
fn while_it_is_taken_back() {
    let scene = Scene::begin();
    CaseApp { bake: "60s".into(), ..app("v2") }.define(&scene.site);
    let up = scene.site.begin(&["up"]);
    scene.site.wait_until("app", "the bake time", |app| phase(app) == "baking");
    let _ = scene.site.gapless(&["abort", "app", "--detach"]).succeeds();
    let killed = scene.kill_control_when("the return", |app| phase(app) == "returning");
    let _ = up.wait().exits(3).says("r1 goes on serving");
    let receipt = killed.shows_nothing_of_it("v1");
    assert!(matches!(receipt.outcome, Outcome::Aborted { .. }), "{receipt:#?}");
    assert_eq!(phases(&receipt), ["replacing", "baking", "returning"]);
}

#[test]
fn while_a_version_is_tried_that_never_gets_ready() {
    let scene = Scene::begin();
    let bad = CaseApp { deadline: "2s".into(), ..app("v2").env("NEVER_READY", 1) };
    bad.define(&scene.site);
    let up = scene.site.begin(&["up"]);
    let is_so = |app: &AppStatus| of_release(app, 2).eq(["starting"]);
    let Killed { scene, control, .. } = scene.kill_control_when("the bad one to start", is_so);
    let _ = up.wait().exits(3).says("r1 goes on serving").says("the database schema is older");
    let Scene { site, load, old } = scene;
    assert_ne!(site.status().gapless.control_pid, control);
    nothing_lost(load);
    assert_eq!(site.pids("app"), old, "the old instances were not touched");
    let receipt = the_receipt(&site.history("app"));
    assert_eq!(phases(&receipt), ["replacing", "returning"]);
}

#[test]
fn again_and_again_until_the_rollout_is_over() {
    let scene = Scene::begin();
    app("v2").env("BOOT_MS", 400).define(&scene.site);
    let up = scene.site.begin(&["up"]);
    let mut killed = None;
    let mut times = 0;
    // The keeper takes its time with one that dies so often.
    let site = &scene.site;
    while wait_for("the rollout to begin", PATIENCE, || Some(site.app("app")))
        .rollout
        .is_some_and(|r| !r.has_ended())
        || times == 0
    {
        let app = site.app("app");
        let moves = app.instances.len() > 2 || app.rollout.is_some();
        if moves {
            killed = Some(site.kill_control());
            times += 1;
        }
    }
    let _ = up.wait().succeeds().says(" 0 lost");
    let Scene { site, load, old } = scene;
    assert!(times >= 2 && killed.is_some(), "killed {times} times");
    nothing_lost(load);
    let app = site.app("app");
    assert_eq!((app.ready, app.release.map(|r| r.0)), (2, Some(2)));
    assert!(app.instances.iter().all(|i| i.restarts == 0 && !old.contains_key(&i.id)), "{app:#?}");
    let history = site.history("app");
    each_was_started_once(&history);
    let receipt = the_receipt(&history);
    assert_eq!(phases(&receipt), ["replacing", "baking", "retiring"]);
}

#[test]
fn before_it_came_to_tidy_up() {
    let site = Site::new();
    app("v1").up(&site);
    let run = site.home().join("run");
    let names = || {
        let names = fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name());
        names.collect::<BTreeSet<_>>()
    };
    let before = names();
    for name in ["app-97.sock", "app-97.out", "app-97.err", "gone-1.notify"] {
        fs::write(run.join(name), "").unwrap();
    }
    fs::create_dir(run.join("other-3")).unwrap();
    let killed = site.kill_control();
    assert_ne!(site.status().gapless.control_pid, killed);
    assert_eq!(names(), before);
    let _ = site.gapless(&["reload", "app"]).succeeds();
}

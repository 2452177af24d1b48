//! No request is lost while an instance that takes too much memory is replaced, and an app that always takes too much
//! is not replaced faster than it may be.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, direct};
use gapless_model::event::{Event, What};
use gapless_testkit::wait::wait_for;

fn app(instances: u32, most: &str, pause: &str) -> CaseApp {
    CaseApp {
        keys: format!("max_memory = \"{most}\""),
        tables: format!("[apps.app.restart]\nbackoff = \"50ms\"\nbackoff_max = \"{pause}\"\n"),
        ..CaseApp::new(instances)
    }
}

fn place(history: &[Event], is_it: impl Fn(&What) -> bool) -> usize {
    history.iter().position(|event| is_it(&event.what)).unwrap()
}

#[test]
fn one_that_grows_is_replaced_and_nothing_is_lost() {
    let site = Site::new();
    app(2, "400MiB", "1s").up(&site);
    let load = begin(plan(&site, Clients::Mixed, false));
    let [fat, lean] = site.instances("app").try_into().unwrap();
    direct::ask(&fat, "POST /grow?mb=500");
    site.wait_until("app", "it is replaced", |app| {
        app.ready == 2 && app.instances.len() == 2 && app.instances.iter().all(|one| one.id != fat.id)
    });
    nothing_lost(load);
    let stays: Vec<_> =
        site.instances("app").into_iter().map(|one| (one.id, one.pid, one.restarts)).collect();
    assert!(stays.contains(&(lean.id, lean.pid, 0)), "{stays:?}");

    let history = site.history("app");
    let seen = place(
        &history,
        |what| matches!(what, What::InstanceOutgrown { instance, .. } if *instance == fat.id),
    );
    let stopped =
        place(&history, |what| matches!(what, What::InstanceStopped { instance, .. } if *instance == fat.id));
    let started = seen + place(&history[seen..], |what| matches!(what, What::InstanceStarted { .. }));
    assert!(started < stopped, "another was there before it went: {history:#?}");
    let _ = site.gapless(&["history", "app"]).says("of memory, more than 400 MiB: it is replaced");
}

#[test]
fn an_app_that_always_takes_too_much_is_replaced_in_its_time() {
    const PAUSE_MS: u64 = 3_000;
    let site = Site::new();
    app(1, "1MiB", "3s").up(&site);
    let stopped = wait_for("two replacements", PATIENCE, || {
        let events = site.history("app").into_iter();
        let ends = events.filter(|event| matches!(event.what, What::InstanceStopped { .. }));
        let ends: Vec<_> = ends.map(|event| event.at.as_millis()).collect();
        (ends.len() >= 2).then_some(ends)
    });
    assert!(stopped[1] - stopped[0] >= PAUSE_MS - 500, "{stopped:?}");
    assert!(site.app("app").ready >= 1);
}

//! The machine is started anew in the middle of a rollout: nothing runs any more, and no moment that was written down
//! means anything. What was wanted to run is started, by the release that was proven; what was stopped stays stopped.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, process};
use gapless_model::event::What;
use gapless_model::{AbortReason, Outcome};
use gapless_testkit::wait::wait_for;

const IDLE: &str = "[apps.idle]\ncommand = \"sleep 600\"\n";

fn app(version: &str) -> CaseApp {
    CaseApp { tables: IDLE.into(), bake: "60s".into(), ..CaseApp::new(2).env("VERSION", version) }
}

/// All that a machine does when it goes down at once: no process of ours is left, and the journal is of another boot.
fn reboot(site: &Site) {
    let gapless = site.status().gapless;
    let instances: Vec<u32> = site.pids("app").into_values().flatten().collect();
    site.edit_journal(|journal| {
        process::kill(gapless.proxy_pid.unwrap());
        instances.iter().for_each(|pid| drop(gapless_sys::group::signal(*pid, 9)));
        wait_for("all to be gone", PATIENCE, || {
            instances.iter().all(|pid| process::group_of(*pid).is_empty()).then_some(())
        });
        let change = "UPDATE settings SET value = 'of another boot' WHERE name = 'boot'";
        assert_eq!(journal.execute(change, []).unwrap(), 1);
    });
}

#[test]
fn in_the_middle_of_a_rollout() {
    let site = Site::new();
    app("v1").up(&site);
    let _ = site.gapless(&["stop", "idle"]).succeeds();
    app("v2").define(&site);
    let _ = site.gapless(&["up", "app", "--detach"]).succeeds();
    site.wait_until("app", "the bake time", |app| {
        app.rollout.as_ref().is_some_and(|rollout| rollout.phase.word() == "baking")
    });
    reboot(&site);

    let _ = site.gapless(&["status"]).succeeds();
    let now = site.wait_until("app", "two that are ready", |app| app.ready == 2 && app.rollout.is_none());
    assert_eq!(now.release.map(|release| release.0), Some(1), "the one that was proven: {now:#?}");
    assert!(now.instances.iter().all(|i| i.release.0 == 1 && i.restarts == 0), "{now:#?}");
    assert!(site.instances("idle").is_empty(), "it was stopped, and stays so");
    let mut ends = site.history("app").into_iter().filter_map(|event| match event.what {
        What::RolloutEnded { receipt, .. } => Some(receipt.outcome),
        _ => None,
    });
    let last = ends.next_back().unwrap();
    assert_eq!(last, Outcome::Aborted { why: AbortReason::MachineRestarted });
    let report = nothing_lost(begin(plan(&site, Clients::Mixed, false)));
    assert!(report.answers_of("v1") > 0);
}

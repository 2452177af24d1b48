//! No request is lost while an app is reloaded: whatever it does at its end, however many instances it has,
//! however its clients connect. The cases in which PM2 and Oxmgr lose tens to thousands (see
//! `docs/benchmarks.md`).

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CapacityWatch, CaseApp, Site};
use std::sync::Arc;

/// Three reloads under load.
fn three_reloads(shutdown: &str, instances: u32, clients: Clients) {
    let site = Arc::new(Site::new());
    CaseApp::new(instances).env("SHUTDOWN", shutdown).up(&site);
    let load = begin(plan(&site, clients, false));
    let capacity = CapacityWatch::begin(&site, "app");
    for _ in 0..3 {
        let reload = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
        assert!(!reload.text().contains("aborted"), "{}", reload.text());
    }
    capacity.never_below(instances);
    let report = nothing_lost(load);
    assert!(report.requests > 500, "32 clients for seconds should send more: {report}");
    let instances_now = site.instances("app");
    assert_eq!(instances_now.len(), instances as usize);
    assert!(instances_now.iter().all(|i| i.state == "ready" && i.restarts == 0 && i.release.0 == 4));
}

macro_rules! cases {
    ($($name:ident: $shutdown:literal, $instances:literal, $clients:ident;)*) => {
        $(#[test]
        fn $name() {
            three_reloads($shutdown, $instances, Clients::$clients);
        })*
    };
}

cases! {
    naive_1_keep_alive: "naive", 1, KeepAlive;
    naive_1_new_connections: "naive", 1, Anew;
    naive_2_keep_alive: "naive", 2, KeepAlive;
    naive_2_new_connections: "naive", 2, Anew;
    naive_4_keep_alive: "naive", 4, KeepAlive;
    naive_4_new_connections: "naive", 4, Anew;
    close_1_keep_alive: "close", 1, KeepAlive;
    close_1_new_connections: "close", 1, Anew;
    close_2_keep_alive: "close", 2, KeepAlive;
    close_2_new_connections: "close", 2, Anew;
    close_4_keep_alive: "close", 4, KeepAlive;
    close_4_new_connections: "close", 4, Anew;
    linger_1_keep_alive: "linger", 1, KeepAlive;
    linger_1_new_connections: "linger", 1, Anew;
    linger_2_keep_alive: "linger", 2, KeepAlive;
    linger_2_new_connections: "linger", 2, Anew;
    linger_4_keep_alive: "linger", 4, KeepAlive;
    linger_4_new_connections: "linger", 4, Anew;
}

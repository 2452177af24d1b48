//! In service: out and back again, wedged and restarted.

use crate::stage::{Stage, change, http, pid, runs};
use gapless_model::{Failure, InstanceState};

#[tokio::test]
async fn it_leaves_service_and_comes_back() {
    let mut stage = Stage::new();
    let mut launch = stage.app("api-1", "socket");
    change(&mut launch, |spec| {
        spec.ready.failures = 2;
        spec.ready.successes = 2;
    });
    let first = stage.ready(launch).await;
    stage.write("ready", "503 overloaded");
    let view = stage.state(&first.id, "unready").await;
    let InstanceState::Unready { report, .. } = &view.state else { panic!("{view:?}") };
    assert_eq!(report.to_string(), r#"GET /ready: answered 503: "overloaded""#);
    assert_eq!(view.last_failure, Some(Failure::Unready { report: report.clone() }));
    assert_eq!((view.process, &view.address), (first.process, &first.address));
    stage.write("ready", "200");
    let back = stage.state(&first.id, "ready").await;
    assert_eq!((back.process, back.restarts), (first.process, 0));
}

#[tokio::test]
async fn a_wedged_one_waits_for_the_order_and_is_started_again() {
    let mut stage = Stage::new();
    let mut launch = stage.app("api-1", "port");
    change(&mut launch, |spec| spec.live = Some(http("/live")));
    let first = stage.ready(launch).await;
    stage.write("live", "500 deadlock");
    let wedged = stage.state(&first.id, "wedged").await;
    assert!(matches!(&wedged.last_failure, Some(Failure::Wedged { .. })));
    assert!(runs(pid(&first)), "nothing is done about it before the decider says so");
    stage.write("live", "200");
    stage.supervisor.restart(&first.id);
    stage.supervisor.restart(&first.id);
    let view = stage.until(&first.id, "ready again", |view| view.restarts > 0 && view.state.is_ready()).await;
    assert_eq!(view.restarts, 1);
    assert!(view.process != first.process && !runs(pid(&first)));
    // It may have recovered first, which is fine too; but it never skipped the stop.
    assert!(stage.words(&first.id).contains(&"stopping"));
}

#[tokio::test]
async fn a_wedged_one_may_recover() {
    let mut stage = Stage::new();
    let mut launch = stage.app("api-1", "socket");
    change(&mut launch, |spec| spec.live = Some(http("/live")));
    let first = stage.ready(launch).await;
    stage.write("live", "500");
    stage.state(&first.id, "wedged").await;
    stage.write("live", "200");
    let back = stage.state(&first.id, "ready").await;
    assert_eq!((back.process, back.restarts), (first.process, 0));
    assert!(stage.words(&first.id).contains(&"unready"), "readiness is asked before");
}

#[tokio::test]
async fn a_listener_that_closed_is_noticed() {
    let mut stage = Stage::new();
    let launch = stage.app("api-1", "socket");
    let first = stage.ready(launch).await;
    std::fs::remove_file(stage.file("run/api-1.sock")).unwrap();
    let view = stage.state(&first.id, "unready").await;
    let InstanceState::Unready { report, .. } = view.state else { panic!("{view:?}") };
    let socket = stage.file("run/api-1.sock");
    assert!(
        report.to_string().starts_with(&format!("GET /ready from unix:{socket}: nobody listens there")),
        "{report}"
    );
}

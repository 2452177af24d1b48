//! The end of instances: asked, waited for, killed; and nobody waits for somebody else's.

use crate::stage::{PATIENCE, Stage, change, eventually, pid, runs, size};
use gapless_model::release::StopTarget;
use gapless_model::{Exit, InstanceState, Signal};
use std::time::Duration;

const BRIEF: Duration = Duration::from_millis(300);

#[tokio::test]
async fn it_is_asked_and_goes() {
    let mut stage = Stage::new();
    let launch = stage.shell("api-1", "trap 'echo bye > said; exit 5' TERM; while :; do sleep 0.01; done");
    let view = stage.ready(launch).await;
    // The trap is set before it can have been ready: the shell reads its line first. Still, ready is "runs".
    eventually("the trap", || (size(pid(&view)) > 1).then_some(())).await;
    let gone = stage.gone(&view.id).await;
    assert_eq!(gone.state, InstanceState::Gone { exit: Some(Exit::Code(5)) });
    assert_eq!((gone.process, gone.restarts), (None, 0));
    assert_eq!(stage.read("said").await, "bye");
    assert_eq!(stage.words(&view.id), ["starting", "ready", "stopping", "gone"]);
}

/// Node's `server.close()` waits for every connection that is not between two requests, a probe's too.
#[tokio::test]
async fn nothing_is_asked_of_one_that_is_to_end() {
    let mut stage = Stage::new();
    let mut launch = stage.app("api-1", "socket");
    // One that it does not end by, so that it could go on answering.
    change(&mut launch, |spec| {
        spec.stop.signal = Signal::Winch;
        spec.ready.interval = Duration::from_millis(20);
        spec.ready.timeout = PATIENCE;
        spec.stop.timeout = PATIENCE;
    });
    let view = stage.ready(launch).await;
    stage.write("ready", "hang");
    stage.read("asked").await;
    stage.supervisor.stop(&view.id);
    stage.state(&view.id, "stopping").await;
    stage.read("hung-up").await;
    assert!(runs(pid(&view)));
}

#[tokio::test]
async fn who_does_not_listen_is_killed_with_all_children() {
    let mut stage = Stage::new();
    let line = "trap '' TERM; sh -c 'while :; do sleep 0.05; done' & echo > up; while :; do sleep 0.05; done";
    let mut launch = stage.shell("api-1", line);
    change(&mut launch, |spec| spec.stop.timeout = BRIEF);
    let view = stage.ready(launch).await;
    stage.read("up").await;
    let gone = stage.gone(&view.id).await;
    assert_eq!(gone.state, InstanceState::Gone { exit: Some(Exit::Signal(9)) });
    assert_eq!(size(pid(&view)), 0);
}

#[tokio::test]
async fn a_member_that_finishes_its_work_is_waited_for() {
    let mut stage = Stage::new();
    let line = "trap 'exit 0' TERM; \
                (trap '' TERM; echo > up; while ! test -e done; do sleep 0.01; done; echo saved > work) & wait";
    let launch = stage.shell("api-1", line);
    let view = stage.ready(launch).await;
    stage.read("up").await;
    stage.supervisor.stop(&view.id);
    stage.state(&view.id, "stopping").await;
    eventually("the leader to be gone", || (!runs(pid(&view))).then_some(())).await;
    stage.write("done", "");
    let gone = stage.state(&view.id, "gone").await;
    assert_eq!(gone.state, InstanceState::Gone { exit: Some(Exit::Code(0)) });
    assert_eq!(stage.read("work").await, "saved");
}

#[tokio::test]
async fn the_signal_goes_to_whom_it_is_meant_for() {
    let mut stage = Stage::new();
    // Not SIGINT: a shell has its background jobs ignore that.
    let line = "trap 'echo > main-was-told; wait' USR1; \
                sh -c 'trap \"echo > child-was-told; exit\" USR1; echo > up; while :; do sleep 0.01; done' & wait";
    let mut launch = stage.shell("api-1", line);
    change(&mut launch, |spec| {
        spec.stop.signal = Signal::Usr1;
        spec.stop.to = StopTarget::Main;
        spec.stop.timeout = BRIEF;
    });
    let view = stage.ready(launch).await;
    stage.read("up").await;
    stage.gone(&view.id).await;
    assert!(stage.file("main-was-told").exists() && !stage.file("child-was-told").exists());
    assert_eq!(size(pid(&view)), 0);
}

#[tokio::test]
async fn told_twice_it_is_asked_once() {
    let mut stage = Stage::new();
    let line = "trap 'echo told >> told' TERM; echo > up; while :; do sleep 0.01; done";
    let mut launch = stage.shell("api-1", line);
    change(&mut launch, |spec| spec.stop.timeout = BRIEF);
    let view = stage.ready(launch).await;
    stage.read("up").await;
    stage.supervisor.stop(&view.id);
    let stopping = stage.state(&view.id, "stopping").await;
    stage.supervisor.stop(&view.id);
    stage.supervisor.restart(&view.id);
    let gone = stage.state(&view.id, "gone").await;
    assert_eq!(stage.read("told").await, "told");
    let InstanceState::Stopping { since, kill_at } = stopping.state else { panic!("{stopping:?}") };
    assert_eq!(kill_at.since(since), BRIEF);
    assert_eq!(gone.restarts, 0);
    assert_eq!(stage.words(&view.id), ["starting", "ready", "stopping", "gone"]);
}

#[tokio::test]
async fn it_stops_at_any_time_of_its_life() {
    let mut stage = Stage::new();
    // While it starts.
    let mut launch = stage.shell("a-1", "exec sleep 600");
    change(&mut launch, |spec| spec.ready = crate::stage::asks("false"));
    let id = launch.instance.clone();
    stage.supervisor.start(launch).unwrap();
    stage.state(&id, "starting").await;
    assert_eq!(stage.gone(&id).await.state, InstanceState::Gone { exit: Some(Exit::Signal(15)) });
    // While it waits to be started again.
    let mut launch = stage.shell("b-1", "exit 1");
    (launch.restart.backoff, launch.restart.backoff_max) = (PATIENCE * 100, PATIENCE * 100);
    let id = launch.instance.clone();
    stage.supervisor.start(launch).unwrap();
    stage.state(&id, "backoff").await;
    assert_eq!(stage.gone(&id).await.state, InstanceState::Gone { exit: None });
    // Before it was started at all.
    let launch = stage.shell("c-1", "exec sleep 600");
    let id = launch.instance.clone();
    stage.supervisor.start(launch).unwrap();
    assert_eq!(stage.gone(&id).await.state, InstanceState::Gone { exit: None });
    assert_eq!(stage.words(&id), ["gone"]);
}

#[tokio::test]
async fn a_slow_stop_delays_nobody() {
    let mut stage = Stage::new();
    let mut slow = stage.shell("slow-1", "trap '' TERM; echo > up; while :; do sleep 0.05; done");
    change(&mut slow, |spec| spec.stop.timeout = Duration::from_secs(8));
    let slow = stage.ready(slow).await;
    stage.read("up").await;
    let other = stage.shell("other-1", "while ! test -e die; do sleep 0.01; done; rm die; exit 1");
    let other = stage.ready(other).await;
    stage.supervisor.stop(&slow.id);
    stage.state(&slow.id, "stopping").await;
    for restarts in 1..4 {
        stage.write("die", "");
        let again =
            |view: &gapless_model::instance::InstanceView| view.restarts == restarts && view.state.is_ready();
        stage.until(&other.id, "ready again", again).await;
    }
    assert!(runs(pid(&slow)), "three crashes were dealt with while the slow one is still stopping");
}

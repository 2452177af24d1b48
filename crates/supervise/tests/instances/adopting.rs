//! What runs outlives the supervisor, and is taken over by the next.

use crate::stage::{Stage, change, eventually, http, is, pid, runs, size};
use gapless_model::instance::{InstanceView, ProcessId};
use gapless_model::{Exit, Failure, InstanceState, Moment};
use gapless_supervise::{Adoption, running};
use gapless_sys::process;
use std::os::unix::process::CommandExt;
use std::process::Command;

#[tokio::test]
async fn it_lives_on_and_is_known_again() {
    let mut stage = Stage::new();
    let mut launch = stage.app("api-1", "port");
    change(&mut launch, |spec| spec.live = Some(http("/live")));
    let before = stage.ready(launch.clone()).await;
    stage.restart();
    assert!(runs(pid(&before)));

    let found = running(stage.home(), |_| false).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(Some(found[0].process), before.process);
    assert_eq!((found[0].instance.clone(), found[0].release), (before.id.clone(), before.release));
    assert!(before.address.clone().unwrap().to_string().ends_with(&found[0].port.unwrap().to_string()));
    assert_eq!(found[0].socket, Some(stage.file("run/api-1.sock")));

    stage.supervisor.adopt(Adoption { launch, last: before.clone() }).unwrap();
    assert_eq!(stage.state(&before.id, "ready").await, before, "nothing has changed");
    // It is asked again, restarted when it fails, and stopped when told.
    stage.write("ready", "503");
    stage.state(&before.id, "unready").await;
    stage.write("ready", "200");
    stage.write("live", "500");
    stage.state(&before.id, "wedged").await;
    let gone = stage.gone(&before.id).await;
    assert!(gone.state.is_gone() && !runs(pid(&before)));
}

#[tokio::test]
async fn the_address_is_found_again_if_it_was_not_written_down() {
    let mut stage = Stage::new();
    for (instance, listen) in [("api-1", "port"), ("api-2", "socket")] {
        let launch = stage.app(instance, listen);
        let before = stage.ready(launch.clone()).await;
        stage.restart();
        let since = Moment::from_millis(0);
        // Its deadline passed while nobody looked: it gets its chance all the same.
        let state = InstanceState::Starting { since, deadline: Moment::from_millis(1) };
        let last = InstanceView { address: None, state, ..before.clone() };
        stage.supervisor.adopt(Adoption { launch, last }).unwrap();
        let view = stage.state(&before.id, "ready").await;
        assert_eq!((view.address, view.process), (before.address, before.process));
    }
}

/// Starts a line of shell as a group leader that is no child of ours, with the marks of `instance`.
pub(crate) async fn stranger(stage: &Stage, instance: &str, line: &str) -> ProcessId {
    let script = format!("setsid sh -c '{line}' </dev/null >/dev/null 2>&1 & echo $! > pid");
    let status = Command::new("/bin/sh")
        .args(["-c", &script])
        .current_dir(stage.home())
        .env("GAPLESS_HOME", stage.home())
        .env("GAPLESS_INSTANCE", instance)
        .env("GAPLESS_RELEASE", "r1")
        .status()
        .unwrap();
    assert!(status.success());
    let pid: u32 = stage.read("pid").await.parse().unwrap();
    let group = || process::stat(pid).filter(|stat| stat.group == pid && stat.parent != std::process::id());
    let stat = eventually("a group and a parent of its own", group).await;
    ProcessId { pid, started: stat.started }
}

fn was_ready(stage: &Stage, instance: &str, process: Option<ProcessId>) -> (Adoption, InstanceView) {
    let launch = stage.shell(instance, "exec sleep 600");
    let last = InstanceView {
        id: launch.instance.clone(),
        release: launch.release.id,
        state: InstanceState::Ready { since: Moment::from_millis(1) },
        process,
        address: None,
        restarts: 3,
        last_failure: None,
        unlimited: None,
    };
    (Adoption { launch, last: last.clone() }, last)
}

#[tokio::test]
async fn one_that_is_no_child_ends_in_an_unknown_way() {
    let mut stage = Stage::new();
    let line = "sleep 600 & echo $! > child; while ! test -e die; do sleep 0.01; done";
    let process = stranger(&stage, "api-1", line).await;
    let child: u32 = stage.read("child").await.parse().unwrap();
    let (adoption, last) = was_ready(&stage, "api-1", Some(process));
    stage.supervisor.adopt(adoption).unwrap();
    assert_eq!(stage.state(&last.id, "ready").await, last);
    stage.write("die", "");
    let view = stage.until(&last.id, "started again", |view| view.restarts == 4).await;
    assert!(matches!(view.last_failure, Some(Failure::Exited { exit: Exit::Unknown, was_ready: true, .. })));
    assert!(!runs(child), "what it left is known by its mark and killed");
}

#[tokio::test]
async fn one_that_is_no_child_is_stopped_whole() {
    let mut stage = Stage::new();
    let process = stranger(&stage, "api-1", "sleep 600 & echo $! > child; sleep 600").await;
    stage.read("child").await;
    let (adoption, last) = was_ready(&stage, "api-1", Some(process));
    stage.supervisor.adopt(adoption).unwrap();
    stage.state(&last.id, "ready").await;
    let gone = stage.gone(&last.id).await;
    assert_eq!(gone.state, InstanceState::Gone { exit: Some(Exit::Unknown) });
    assert_eq!(size(process.pid), 0);
}

#[tokio::test]
async fn what_a_lost_one_left_is_cleared_away_before_the_next() {
    let mut stage = Stage::new();
    let line = "sleep 600 & echo $! > child; while ! test -e die; do sleep 0.01; done";
    let process = stranger(&stage, "api-1", line).await;
    let child: u32 = stage.read("child").await.parse().unwrap();
    stage.write("die", "");
    eventually("the leader to be gone", || (!runs(process.pid)).then_some(())).await;
    // Of the same group, but none of ours: not to be touched.
    let (adoption, last) = was_ready(&stage, "other-1", Some(process));
    stage.supervisor.adopt(adoption).unwrap();
    stage.until(&last.id, "started again", |view| view.state.is_ready()).await;
    assert!(runs(child));
    let (adoption, last) = was_ready(&stage, "api-1", Some(process));
    stage.supervisor.adopt(adoption).unwrap();
    stage.until(&last.id, "started again", |view| is(view, "starting")).await;
    assert!(!runs(child));
}

#[tokio::test]
async fn a_pid_that_was_given_to_a_stranger_is_left_alone() {
    let mut stage = Stage::new();
    let mut other = Command::new("/bin/sleep").arg("600").process_group(0).spawn().unwrap();
    let started = process::started(other.id()).unwrap();
    for process in [
        Some(ProcessId { pid: other.id(), started: started - 1 }),
        Some(ProcessId { pid: u32::MAX, started: 1 }),
        None,
    ] {
        stage.restart();
        let instance = format!("api-{}", process.map_or(0, |process| process.pid));
        let (adoption, last) = was_ready(&stage, &instance, process);
        stage.supervisor.adopt(adoption).unwrap();
        let view = stage.until(&last.id, "ready", |view| view.state.is_ready()).await;
        assert_eq!(view.restarts, 4, "it was lost, so it is started again");
        assert_ne!(pid(&view), other.id());
        stage.gone(&last.id).await;
    }
    assert_eq!(other.try_wait().unwrap(), None);
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn a_stop_that_was_begun_is_completed_without_asking_again() {
    let mut stage = Stage::new();
    let line = "trap 'echo told >> told' TERM; echo > up; while ! test -e done; do sleep 0.01; done";
    let launch = stage.shell("api-1", line);
    let view = stage.ready(launch.clone()).await;
    stage.read("up").await;
    stage.supervisor.stop(&view.id);
    let stopping = stage.state(&view.id, "stopping").await;
    stage.read("told").await;
    stage.restart();
    stage.supervisor.adopt(Adoption { launch, last: stopping.clone() }).unwrap();
    assert_eq!(stage.state(&view.id, "stopping").await, stopping);
    stage.supervisor.stop(&view.id);
    stage.write("done", "");
    stage.state(&view.id, "gone").await;
    assert_eq!(stage.read("told").await, "told");
}

#[tokio::test]
async fn waiting_goes_on_where_it_was() {
    let mut stage = Stage::new();
    let (mut adoption, mut last) = was_ready(&stage, "api-1", None);
    last.state = InstanceState::Backoff { until: Moment::from_millis(u64::MAX), failures: 7 };
    adoption.last = last.clone();
    stage.supervisor.adopt(adoption.clone()).unwrap();
    assert_eq!(stage.state(&last.id, "backoff").await, last);
    stage.restart();
    last.state = InstanceState::Backoff { until: Moment::from_millis(0), failures: 7 };
    adoption.last = last.clone();
    adoption.launch = stage.shell("api-1", "exit 1");
    stage.supervisor.adopt(adoption).unwrap();
    let view = stage.until(&last.id, "failing again", |view| {
        matches!(view.state, InstanceState::Backoff { failures: 8, .. })
    });
    assert_eq!(view.await.restarts, 4);
}

//! Crashes, crash loops, and starts that come to nothing.

use crate::stage::{Stage, change, eventually, failures, http, is, pid, runs, size};
use gapless_model::app::RestartPolicy;
use gapless_model::probe::ProbeAnswer;
use gapless_model::{AddressMode, Exit, Failure, InstanceState};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(400);

#[tokio::test]
async fn a_crash_is_followed_by_a_start_at_once() {
    let mut stage = Stage::new();
    // It leaves somebody behind who has its socket: the next one must not meet them.
    let launch =
        stage.shell("api-1", "sleep 600 & echo $! > child; while ! test -e die; do sleep 0.01; done; exit 3");
    let first = stage.ready(launch).await;
    let child: u32 = stage.read("child").await.parse().unwrap();
    stage.write("die", "");
    let second = stage.until(&first.id, "started again", |view| view.restarts == 1).await;
    assert!(is(&second, "starting") && pid(&second) != pid(&first));
    assert!(!runs(child), "what was left of the old group is killed before");
    let Some(Failure::Exited { exit, was_ready, .. }) = second.last_failure else { panic!("{second:?}") };
    assert_eq!((exit, was_ready), (Exit::Code(3), true));
    assert!(!stage.words(&first.id).contains(&"backoff"));
}

#[tokio::test]
async fn a_crash_loop_backs_off_and_counts() {
    let mut stage = Stage::new();
    let launch = stage.shell("api-1", "kill -SEGV $$");
    let id = launch.instance.clone();
    stage.supervisor.start(launch).unwrap();
    let view = stage.until(&id, "failing for the fifth time", |view| failures(view) == Some(5)).await;
    assert_eq!((view.restarts, view.process, &view.address), (4, None, &None));
    assert!(
        matches!(view.last_failure, Some(Failure::Exited { exit: Exit::Signal(11), was_ready: false, .. })),
        "{view:?}"
    );
    let counted: Vec<u32> = stage.heard.iter().filter_map(failures).collect();
    assert_eq!(counted, [2, 3, 4, 5], "the first restart was at once");
    // Asked to, it does not wait for its time.
    stage.supervisor.restart(&id);
    stage.until(&id, "started again", |view| view.restarts == 5).await;
}

#[tokio::test]
async fn never_means_never_and_success_is_not_started_again() {
    let mut stage = Stage::new();
    for (instance, policy, line, exit) in [
        ("a-1", RestartPolicy::Never, "exit 4", Exit::Code(4)),
        ("b-1", RestartPolicy::OnFailure, "exit 0", Exit::Code(0)),
    ] {
        let mut launch = stage.shell(instance, line);
        launch.restart.policy = policy;
        let id = launch.instance.clone();
        stage.supervisor.start(launch).unwrap();
        let view = stage.state(&id, "gone").await;
        assert_eq!(view.state, InstanceState::Gone { exit: Some(exit) });
        // Also of one that means to end it is said that it did: a rollout to it must not wait for it.
        assert_eq!((view.restarts, view.last_failure.is_some()), (0, true));
    }
    let mut launch = stage.shell("c-1", "exit 1");
    launch.restart.policy = RestartPolicy::OnFailure;
    let id = launch.instance.clone();
    stage.supervisor.start(launch).unwrap();
    stage.until(&id, "started again", |view| view.restarts == 1).await;
}

#[tokio::test]
async fn another_policy_counts_from_the_next_failure_on() {
    let mut stage = Stage::new();
    let launch = stage.shell("api-1", "while ! test -e die; do sleep 0.01; done");
    let never = gapless_model::app::RestartSpec { policy: RestartPolicy::Never, ..launch.restart.clone() };
    let id = stage.ready(launch).await.id;
    stage.supervisor.reconfigure(&id, never);
    stage.write("die", "");
    assert_eq!(stage.state(&id, "gone").await.state, InstanceState::Gone { exit: Some(Exit::Code(0)) });
}

/// Why `launch` was not ready in time.
async fn too_late(stage: &mut Stage, mut launch: gapless_supervise::Launch) -> String {
    change(&mut launch, |spec| spec.start_deadline = SOON);
    launch.restart.policy = RestartPolicy::Never;
    let id = launch.instance.clone();
    stage.supervisor.start(launch).unwrap();
    let started = stage.state(&id, "starting").await;
    let view = stage.state(&id, "gone").await;
    assert!(stage.words(&id).contains(&"stopping"));
    assert_eq!(size(pid(&started)), 0);
    let Some(failure @ Failure::StartDeadline { after: SOON, .. }) = view.last_failure else {
        panic!("{view:?}")
    };
    failure.to_string()
}

#[tokio::test]
async fn a_late_start_says_what_the_last_probe_got() {
    let mut stage = Stage::new();
    let socket = stage.file("run/api-1.sock");

    stage.write("ready", "503 no database");
    let launch = stage.app("api-1", "socket");
    let said = too_late(&mut stage, launch).await;
    assert_eq!(said, r#"it was not ready within 400ms. Last probe: GET /ready: answered 503: "no database""#);

    stage.write("ready", "302 /login");
    let launch = stage.app("api-2", "port");
    let said = too_late(&mut stage, launch).await;
    assert!(
        said.ends_with("GET /ready: answered 302, a redirect to /login; only 2xx counts as ready"),
        "{said}"
    );

    let mut launch = stage.app("api-1", "nowhere");
    change(&mut launch, |spec| spec.address = AddressMode::Socket);
    stage.supervisor.forget(&launch.instance);
    let forgotten = || (!socket.exists()).then_some(());
    eventually("the first to be forgotten", forgotten).await;
    launch.instance = "api-3".parse().unwrap();
    let said = too_late(&mut stage, launch).await;
    let expected = format!(
        "GET /ready from {}/run/api-3.sock (GAPLESS_SOCKET): nobody listens there, and the app has opened no \
         other port",
        stage.home()
    );
    assert!(said.ends_with(&expected), "{said}");

    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let launch = stage.app("api-4", &format!("address 127.0.0.1:{port}"));
    let said = too_late(&mut stage, launch).await;
    assert!(said.ends_with(&format!("the app listens on 127.0.0.1:{port} instead")), "{said}");

    let mut launch = stage.shell("api-5", "exec sleep 600");
    change(&mut launch, |spec| spec.ready = crate::stage::asks("echo not yet; exit 9"));
    let said = too_late(&mut stage, launch).await;
    assert!(said.ends_with(r#"Last probe: `echo not yet; exit 9`: exited with code 9: "not yet""#), "{said}");

    let mut launch = stage.app("api-6", "socket");
    change(&mut launch, |spec| {
        spec.ready = crate::stage::probe(gapless_model::probe::ProbeKind::Notify);
        spec.env.insert(crate::app::NOTIFY.into(), "STATUS=loading".into());
    });
    let said = too_late(&mut stage, launch).await;
    assert!(
        said.ends_with("READY=1 on NOTIFY_SOCKET: the app has not said READY=1; its status is \"loading\""),
        "{said}"
    );
}

#[tokio::test]
async fn a_probe_that_gets_no_answer_is_bounded() {
    let mut stage = Stage::new();
    stage.write("ready", "hang");
    let mut launch = stage.app("api-1", "socket");
    change(&mut launch, |spec| spec.ready.timeout = Duration::from_millis(50));
    let said = too_late(&mut stage, launch).await;
    assert!(said.ends_with("Last probe: GET /ready: no answer within 50ms"), "{said}");

    // A command is killed with everything that it started, by a number that nobody else sleeps for. One that is killed
    // before it has started anything is asked again.
    let seconds = format!("6{}", std::process::id());
    let mut launch = stage.shell("api-2", "exec sleep 600");
    change(&mut launch, |spec| {
        spec.ready = crate::stage::asks(&format!("sleep {seconds} & wait"));
        spec.ready.timeout = Duration::from_millis(50);
    });
    let said = too_late(&mut stage, launch).await;
    assert!(said.ends_with("no answer within 50ms"), "{said}");
    let sleeps = |pid: u32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.starts_with(b"sleep\0") && words.split(|byte| *byte == 0).any(|word| word == seconds.as_bytes())
    };
    let all = || gapless_sys::process::all().unwrap().into_iter().map(|stat| stat.pid);
    eventually("what the probe started to be killed", || (!all().any(sleeps)).then_some(())).await;
}

#[tokio::test]
async fn routes_without_an_address_are_what_is_missing() {
    let mut stage = Stage::new();
    let mut launch = stage.app("api-1", "nowhere");
    change(&mut launch, |spec| spec.ready = crate::stage::asks("true"));
    let said = too_late(&mut stage, launch).await;
    assert!(said.contains("(PORT) or ") && said.ends_with("has opened no other port"), "{said}");
}

#[tokio::test]
async fn a_late_start_is_tried_again() {
    let mut stage = Stage::new();
    stage.write("startup", "500 no");
    let mut launch = stage.app("api-1", "socket");
    change(&mut launch, |spec| {
        spec.start_deadline = SOON;
        spec.startup = Some(http("/startup"));
    });
    let id = launch.instance.clone();
    stage.supervisor.start(launch).unwrap();
    let view = stage.until(&id, "started again", |view| view.restarts == 1).await;
    assert!(matches!(view.last_failure, Some(Failure::StartDeadline { report: Some(r), .. })
        if matches!(r.answer, ProbeAnswer::Status { code: 500, .. })));
    stage.write("startup", "200");
    stage.state(&id, "ready").await;
}

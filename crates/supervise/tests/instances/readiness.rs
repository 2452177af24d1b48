//! Ready by every kind of probe, and at the right address.

use crate::app;
use crate::stage::{Stage, asks, change, http, probe};
use gapless_model::probe::ProbeKind;
use gapless_model::{Address, AddressMode};

#[tokio::test]
async fn a_worker_is_ready_when_it_runs() {
    let mut stage = Stage::new();
    let launch = stage.shell("worker-1", "exec sleep 600");
    let view = stage.ready(launch).await;
    assert_eq!((view.address, view.restarts, view.last_failure), (None, 0, None));
    assert_eq!(stage.words(&view.id), ["starting", "ready"]);
}

#[tokio::test]
async fn an_app_on_its_socket() {
    let mut stage = Stage::new();
    let launch = stage.app("api-1", "socket");
    let view = stage.ready(launch).await;
    assert_eq!(view.address, Some(Address::Unix(stage.file("run/api-1.sock"))));
}

#[tokio::test]
async fn an_app_on_its_port() {
    let mut stage = Stage::new();
    let launch = stage.app("api-1", "port");
    let view = stage.ready(launch).await;
    let Some(Address::Tcp(at)) = view.address else { panic!("{view:?}") };
    assert!(at.ip().is_loopback() && at.port() >= 20_000);
}

#[tokio::test]
async fn an_app_that_can_only_be_reached_over_ipv6() {
    let mut stage = Stage::new();
    let mut launch = stage.app("api-1", "");
    // As `listen(port, "localhost")` does where localhost is ::1 first.
    change(&mut launch, |spec| {
        let line = format!("APP_LISTEN=\"address [::1]:$PORT\" exec {}", app::command().join(" "));
        spec.command = gapless_model::CommandLine::Shell(line);
    });
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        let view = stage.ready(launch).await;
        assert!(view.address.unwrap().to_string().starts_with("[::1]:"));
    }
}

#[tokio::test]
async fn readiness_waits_for_the_answer_to_be_2xx() {
    let mut stage = Stage::new();
    stage.write("ready", "503 warming up");
    stage.write("other", "200");
    let launch = stage.app("api-1", "socket");
    let id = launch.instance.clone();
    stage.supervisor.start(launch).unwrap();
    // It listens, which is not what was asked.
    let view = stage.until(&id, "listening", |view| view.address.is_some()).await;
    assert_eq!(view.state.word(), "starting");
    stage.write("ready", "204");
    stage.state(&id, "ready").await;
}

#[tokio::test]
async fn by_a_connection() {
    let mut stage = Stage::new();
    let mut launch = stage.app("api-1", "port");
    change(&mut launch, |spec| spec.ready = probe(ProbeKind::Tcp));
    assert!(stage.ready(launch).await.address.is_some());
}

#[tokio::test]
async fn by_a_command_that_knows_which_instance_it_is_about() {
    let mut stage = Stage::new();
    let mut launch = stage.shell("worker-7", "exec sleep 600");
    change(&mut launch, |spec| {
        spec.ready = asks("echo $GAPLESS_INSTANCE {instance} > asked; test -e flag");
    });
    let id = launch.instance.clone();
    stage.supervisor.start(launch).unwrap();
    assert_eq!(stage.read("asked").await, "worker-7 worker-7");
    stage.write("flag", "");
    stage.state(&id, "ready").await;
    assert_eq!(stage.words(&id), ["starting", "ready"]);
}

#[tokio::test]
async fn by_its_own_word() {
    let mut stage = Stage::new();
    let mut launch = stage.app("api-1", "socket");
    change(&mut launch, |spec| {
        spec.ready = probe(ProbeKind::Notify);
        // More than a socket's queue holds: nobody may be made to wait for us.
        let chatter = "STATUS=busy;".repeat(1000);
        spec.env
            .insert(app::NOTIFY.into(), format!("STATUS=loading;READY=1\nSTATUS=serving;{chatter}READY=1"));
    });
    let view = stage.ready(launch).await;
    assert_eq!(view.address, Some(Address::Unix(stage.file("run/api-1.sock"))), "requests go there");
}

#[tokio::test]
async fn startup_comes_before_readiness() {
    let mut stage = Stage::new();
    stage.write("startup", "500");
    let mut launch = stage.app("api-1", "socket");
    change(&mut launch, |spec| {
        spec.startup = Some(http("/startup"));
        spec.ready = asks("echo >> asked");
    });
    let id = launch.instance.clone();
    stage.supervisor.start(launch).unwrap();
    stage.until(&id, "listening", |view| view.address.is_some()).await;
    assert!(!stage.file("asked").exists(), "readiness is not asked yet");
    stage.write("startup", "200");
    stage.state(&id, "ready").await;
    assert!(stage.file("asked").exists());
}

#[tokio::test]
async fn several_successes_are_counted() {
    let mut stage = Stage::new();
    let mut launch = stage.shell("worker-1", "exec sleep 600");
    change(&mut launch, |spec| {
        spec.ready = asks("echo >> asked");
        spec.ready.successes = 3;
    });
    stage.ready(launch).await;
    assert!(stage.read("asked").await.is_empty());
    assert!(std::fs::read_to_string(stage.file("asked")).unwrap().len() >= 3);
}

#[tokio::test]
async fn an_instance_with_routes_must_open_its_address() {
    let mut stage = Stage::new();
    let mut launch = stage.shell("api-1", "while ! test -e flag; do sleep 0.01; done; exec $APP");
    launch.routed = true;
    change(&mut launch, |spec| {
        spec.address = AddressMode::Socket;
        spec.ready = asks("echo >> asked");
        spec.env.insert(app::LISTEN.into(), "socket".into());
        spec.env.insert(app::ANSWERS.into(), "/nonexistent".into());
        spec.env.insert("APP".into(), app::command().join(" "));
    });
    let id = launch.instance.clone();
    stage.supervisor.start(launch).unwrap();
    stage.read("asked").await;
    stage.write("flag", "");
    let view = stage.state(&id, "ready").await;
    assert_eq!(stage.words(&id).first(), Some(&"starting"));
    assert_eq!(view.address, Some(Address::Unix(stage.file("run/api-1.sock"))));
}

#[tokio::test]
async fn node_apps_with_one_hard_coded_port_run_side_by_side() {
    if std::process::Command::new("node").arg("--version").output().is_err() {
        eprintln!("not tried: there is no node in PATH");
        return;
    }
    let mut stage = Stage::new();
    let preload = include_str!("../../../../node/preload.cjs");
    stage.write("run/gapless-preload.cjs", preload);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = format!("require('http').createServer((q, s) => s.end('ok')).listen({port})");
    for instance in ["web-1", "web-2"] {
        let mut launch = stage.app(instance, "");
        change(&mut launch, |spec| {
            spec.command =
                gapless_model::CommandLine::Words(vec!["node".into(), "-e".into(), script.clone()]);
            spec.port = Some(port);
        });
        let view = stage.ready(launch).await;
        assert_eq!(view.address, Some(Address::Unix(stage.file(&format!("run/{instance}.sock")))));
    }
}

#[tokio::test]
async fn two_instances_told_the_same_port_are_told_apart() {
    let mut stage = Stage::new();
    // Node-like by its name, so that it is told its own port; but the preload does not work in it.
    let fake = stage.file("node");
    std::os::unix::fs::symlink(std::env::current_exe().unwrap(), &fake).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let node = |stage: &Stage, instance: &str, listen: &str| {
        let mut launch = stage.app(instance, listen);
        change(&mut launch, |spec| {
            let mut words = app::command();
            words[0] = fake.to_string();
            spec.command = gapless_model::CommandLine::Words(words);
            spec.port = Some(port);
        });
        launch
    };
    let (first, second) = (node(&stage, "api-1", "port"), node(&stage, "api-2", "nowhere"));
    let id = second.instance.clone();
    let view = stage.ready(first).await;
    assert_eq!(view.address, Some(Address::Tcp(format!("127.0.0.1:{port}").parse().unwrap())));
    // The port answers, but it is the first that answers there.
    let mut second = second;
    change(&mut second, |spec| spec.start_deadline = std::time::Duration::from_millis(500));
    stage.supervisor.start(second).unwrap();
    let view = stage.state(&id, "stopping").await;
    let said = view.last_failure.unwrap().to_string();
    assert!(said.contains(&format!("GET /ready from port {port}: nobody listens there")), "{said}");
    assert!(!stage.words(&id).contains(&"ready"));
}

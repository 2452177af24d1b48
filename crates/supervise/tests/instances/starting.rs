//! What an instance is started with.

use crate::stage::{PATIENCE, Stage, change, pid, runs};
use gapless_model::{AddressMode, CommandLine, Failure};
use gapless_supervise::LaunchError;
use std::io::Read;
use std::time::Instant;

/// The environment of the process, as `env` prints it.
async fn environment(stage: &Stage) -> Vec<(String, String)> {
    let text = stage.read("env").await;
    text.lines().filter_map(|line| line.split_once('=')).map(|(n, v)| (n.into(), v.into())).collect()
}

fn of<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    environment.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn the_environment_is_the_releases_and_our_marks() {
    let mut stage = Stage::new();
    let mut launch = stage.shell("api-4", "env > env.new; mv env.new env; exec sleep 600");
    change(&mut launch, |spec| {
        spec.address = AddressMode::Auto;
        spec.port = Some(3000);
        spec.env = [("COLOR", "red"), ("PORT", "1"), ("NODE_OPTIONS", "--no-warnings"), ("LISTEN_FDS", "1")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .into();
    });
    std::sync::Arc::make_mut(&mut launch.release).base_env.insert("NOTIFY_SOCKET".into(), "/leaked".into());
    stage.ready(launch).await;
    let environment = environment(&stage).await;
    let home = stage.home().as_str();
    let socket = format!("{home}/run/api-4.sock");
    let options = format!("--no-warnings --require={home}/run/gapless-preload.cjs");
    for (name, value) in [
        ("COLOR", "red"),
        ("GAPLESS_HOME", home),
        ("GAPLESS_APP", "api"),
        ("GAPLESS_INSTANCE", "api-4"),
        ("GAPLESS_RELEASE", "r1"),
        ("GAPLESS_SOCKET", &socket),
        ("GAPLESS_PORT", "3000"),
        ("NODE_OPTIONS", &options),
    ] {
        assert_eq!(of(&environment, name), Some(value), "{name}");
    }
    // A shell may run anything: it is told a port that is free, not the one that others were told too.
    assert!(of(&environment, "PORT").unwrap().parse::<u16>().unwrap() >= 20_000);
    // The test's own environment (cargo's variables, to begin with) does not leak in.
    let leaked = |name: &&str| of(&environment, name).is_some();
    assert_eq!(["CARGO_MANIFEST_DIR", "NOTIFY_SOCKET", "HOME", "USER"].iter().find(|n| leaked(n)), None);
}

#[tokio::test]
async fn node_is_told_the_port_that_it_asks_for() {
    let mut stage = Stage::new();
    std::os::unix::fs::symlink("/bin/sh", stage.file("node")).unwrap();
    let mut launch = stage.shell("web-1", "");
    change(&mut launch, |spec| {
        let script = "env > env.new; mv env.new env; echo {port} {socket} {instance} > words; exec sleep 600";
        spec.command = CommandLine::Words(["./node", "-c", script].map(str::to_owned).into());
        spec.address = AddressMode::Auto;
        spec.port = Some(3000);
    });
    stage.ready(launch).await;
    let environment = environment(&stage).await;
    assert_eq!((of(&environment, "PORT"), of(&environment, "GAPLESS_PORT")), (Some("3000"), Some("3000")));
    let words = stage.read("words").await;
    assert_eq!(words, format!("3000 {}/run/web-1.sock web-1", stage.home()));
}

#[tokio::test]
async fn output_goes_to_fifos_that_outlast_their_reader() {
    let mut stage = Stage::new();
    let launch = stage.shell("api-1", "echo out; echo err >&2; read nothing; exec sleep 600");
    let view = stage.ready(launch).await;
    for (stream, expected) in [("out", "out\n"), ("err", "err\n")] {
        let mut text = [0; 4];
        let mut file = std::fs::File::open(stage.file(&format!("run/api-1.{stream}"))).unwrap();
        file.read_exact(&mut text[..expected.len()]).unwrap();
        assert_eq!(&text[..expected.len()], expected.as_bytes());
    }
    assert!(runs(pid(&view)));
}

#[tokio::test]
async fn what_an_instance_left_in_run_goes_when_it_is_forgotten() {
    let mut stage = Stage::new();
    let launch = stage.app("api-1", "socket");
    let id = stage.ready(launch).await.id;
    // Said too early: it takes effect when it is gone.
    stage.supervisor.forget(&id);
    assert!(stage.file("run/api-1.sock").exists());
    stage.gone(&id).await;
    let left = || std::fs::read_dir(stage.file("run")).unwrap().flatten().count();
    crate::stage::eventually("run/ to be empty", || (left() == 1).then_some(())).await;
    // The name is free again.
    let launch = stage.app("api-1", "socket");
    let again = async { stage.ready(launch).await };
    again.await;
}

#[tokio::test]
async fn a_stale_socket_answers_nobody() {
    let mut stage = Stage::new();
    let _stranger = std::os::unix::net::UnixListener::bind(stage.file("run/api-1.sock")).unwrap();
    let launch = stage.app("api-1", "port");
    let view = stage.ready(launch).await;
    assert!(!view.address.unwrap().to_string().starts_with("unix:"));
}

#[tokio::test]
async fn what_cannot_be_run_says_why_and_is_tried_again() {
    let stage_file = |stage: &Stage, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(stage.file("tool"), text).unwrap();
        std::fs::set_permissions(stage.file("tool"), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    for (command, tool, expected) in [
        ("no-such-tool", "", "cannot run \"no-such-tool\": not found in PATH "),
        ("./tool", "#!/no/such/interpreter\n", "exists, but the interpreter that it asks for does not"),
        ("./tool", "\x7fnonsense", "tool is no program for this machine, nor does it begin with a #! line"),
    ] {
        let mut stage = Stage::new();
        stage_file(&stage, tool);
        let mut launch = stage.shell("api-1", "");
        change(&mut launch, |spec| spec.command = CommandLine::Words(vec![command.into()]));
        let id = launch.instance.clone();
        stage.supervisor.start(launch).unwrap();
        let view = stage.state(&id, "backoff").await;
        let Some(Failure::Spawn { message }) = view.last_failure else { panic!("{view:?}") };
        assert!(message.contains(expected), "{message}");
        stage.gone(&id).await;
    }
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let mut stage = Stage::new();
    let mut launch = stage.shell("api-1", "exec sleep 600");
    change(&mut launch, |spec| spec.cwd = spec.cwd.join("later"));
    let id = launch.instance.clone();
    stage.supervisor.start(launch).unwrap();
    let view = stage.state(&id, "backoff").await;
    let expected = format!("cannot run \"/bin/sh\": its directory {}/later does not exist", stage.home());
    assert_eq!(view.last_failure, Some(Failure::Spawn { message: expected }));
    std::fs::create_dir(stage.file("later")).unwrap();
    stage.state(&id, "ready").await;
}

#[tokio::test]
async fn a_name_that_is_too_long_is_refused_at_once() {
    let mut stage = Stage::new();
    let long = format!("{}-1", "a".repeat(63));
    let launch = stage.shell(&long, "exec sleep 600");
    let home = stage.home().join("h".repeat(40));
    let (events, _) = tokio::sync::mpsc::channel(1);
    stage.supervisor = gapless_supervise::Supervisor::new(
        &home,
        "",
        events,
        gapless_supervise::Safekeeping::default(),
        gapless_supervise::Cgroups::here(&home, false),
    )
    .unwrap();
    let error = stage.supervisor.start(launch).unwrap_err();
    assert!(matches!(&error, LaunchError::LongPath { .. }), "{error}");
}

#[tokio::test]
async fn a_hundred_start_and_stop_side_by_side() {
    let mut stage = Stage::new();
    let began = Instant::now();
    let launches: Vec<_> = (0..100).map(|n| stage.shell(&format!("nap-{n}"), "exec sleep 600")).collect();
    let ids: Vec<_> = launches.iter().map(|launch| launch.instance.clone()).collect();
    for mut launch in launches {
        change(&mut launch, |spec| spec.command = CommandLine::Words(vec!["sleep".into(), "600".into()]));
        stage.supervisor.start(launch).unwrap();
    }
    let mut ready = std::collections::BTreeSet::new();
    while ready.len() < 100 {
        let any = ids.iter().find(|id| !ready.contains(*id)).unwrap().clone();
        stage.state(&any, "ready").await;
        ready = stage.heard.iter().filter(|v| v.state.is_ready()).map(|v| v.id.clone()).collect();
    }
    let started = began.elapsed();
    assert_eq!(gapless_supervise::running(stage.home(), |_| false).unwrap().len(), 100);
    let began = Instant::now();
    ids.iter().for_each(|id| stage.supervisor.stop(id));
    let mut gone = std::collections::BTreeSet::new();
    while gone.len() < 100 {
        let any = ids.iter().find(|id| !gone.contains(*id)).unwrap().clone();
        stage.state(&any, "gone").await;
        gone = stage.heard.iter().filter(|v| v.state.is_gone()).map(|v| v.id.clone()).collect();
    }
    println!("100 started in {started:?}, stopped in {:?}", began.elapsed());
    assert!(began.elapsed() < PATIENCE);
    assert_eq!(gapless_supervise::running(stage.home(), |_| false).unwrap(), []);
}

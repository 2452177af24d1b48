//! What single keys mean.

use camino::Utf8Path;
use gapless_config::{Config, Proxy};
use gapless_model::app::{RestartPolicy, WebSocketPolicy};
use gapless_model::probe::ProbeKind;
use gapless_model::release::StopTarget;
use gapless_model::{AccessLog, AddressMode, AppSpec, CommandLine, ErrorPages, Instances, Signal};
use std::collections::BTreeMap;
use std::time::Duration;

fn read(text: &str) -> Config {
    let env = BTreeMap::from([("TOKEN".to_owned(), "t".to_owned())]);
    Config::parse("gapless.toml", text.to_owned(), Utf8Path::new("/"), &env).unwrap()
}

/// The app with these lines and a command.
fn app(lines: &str) -> AppSpec {
    let text = format!("[apps.api]\ncommand = \"a\"\n{lines}\n");
    read(&text).apps.remove(0)
}

fn routes(app: &AppSpec) -> Vec<String> {
    app.settings.routes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_port_is_a_route_too() {
    let on_port = app("port = 3000");
    assert_eq!(routes(&on_port), ["127.0.0.1:3000"]);
    assert_eq!(on_port.release.address, AddressMode::Auto);
    assert_eq!(on_port.release.ready.kind, ProbeKind::Tcp);
    let routed =
        app("port = 3000\n[[apps.api.routes]]\nhost = \"*.A.b\"\n[[apps.api.routes]]\nlisten = \":80\"");
    assert_eq!(routes(&routed), ["127.0.0.1:3000 *.a.b", "0.0.0.0:80"]);
    let told = app("env = { PORT = \"3000\" }");
    assert_eq!((routes(&told), told.release.port), (routes(&on_port), Some(3000)));
    assert_eq!(app("env = { PORT = \"pipe\" }").release.port, None);
    assert_eq!(app("port = 3000\nenv = { PORT = \"3000\" }").release.port, Some(3000));
    assert_eq!(routes(&app("port = 3000\naddress = \"none\"")), Vec::<String>::new());
}

#[test]
fn who_serves_and_who_does_not() {
    let mode = |text: &str| read(text).apps.remove(0).release.address;
    assert_eq!(mode("[apps.a]\ncommand = \"worker\"\n"), AddressMode::None);
    assert_eq!(mode("[apps.a]\ncommand = \"app --listen {socket}\"\n"), AddressMode::Auto);
    assert_eq!(mode("[apps.a]\ncommand = \"app {port} | cat\"\nshell = true\n"), AddressMode::Auto);
    assert_eq!(mode("[apps.a]\ncommand = \"app\"\naddress = \"port\"\n"), AddressMode::Port);
    assert_eq!(mode("[apps.a]\ncommand = \"app\"\n[apps.a.ready]\npath = \"/up\"\n"), AddressMode::Auto);
    let by_command = "[apps.a]\ncommand = \"app\"\n[apps.a.ready]\ncommand = \"check\"\n";
    assert_eq!(mode(by_command), AddressMode::None);
}

#[test]
fn addresses_to_listen_on() {
    let listen = |text: &str| routes(&app(&format!("[[apps.api.routes]]\nlisten = \"{text}\""))).remove(0);
    assert_eq!(listen("127.0.0.1:8080"), "127.0.0.1:8080");
    assert_eq!(listen(":8080"), "0.0.0.0:8080");
    assert_eq!(listen("[::]:80"), "[::]:80");
    assert_eq!(listen("localhost:8080"), "127.0.0.1:8080");
}

#[test]
fn commands() {
    let command = |text: &str| read(&format!("[apps.a]\n{text}\n")).apps.remove(0).release.command;
    let words = |words: &[&str]| CommandLine::Words(words.iter().map(|word| (*word).to_owned()).collect());
    assert_eq!(
        command("command = 'node \"my server.js\" --at=1'"),
        words(&["node", "my server.js", "--at=1"])
    );
    assert_eq!(command("command = [\"sh\", \"-c\", \"a && b\"]"), words(&["sh", "-c", "a && b"]));
    assert_eq!(command("command = \" a && b \"\nshell = true"), CommandLine::Shell("a && b".into()));
}

#[test]
fn the_nearer_variable_wins() {
    let directory = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    std::fs::write(path.join("prod.env"), "A=file\nB=file\nC=file\nPORT=1\n").unwrap();
    let text = "[apps.a]\ncommand = \"a\"\nenv_file = \"prod.env\"\npass_env = [\"B\", \"C\"]\nenv = { C = \"toml\" }";
    let caller = BTreeMap::from([("B", "caller"), ("C", "caller"), ("D", "caller")])
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let config = Config::parse("gapless.toml", text.to_owned(), path, &caller).unwrap();
    let env: Vec<String> =
        config.apps[0].release.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(env, ["A=file", "B=caller", "C=toml", "PORT=1"]);
}

#[test]
fn every_other_key_reaches_its_field() {
    let app = app(r#"
        instances = "max"
        pass_env = ["TOKEN"]
        startup = { command = "check --deep", failures = 9, successes = 2, interval = "1s", timeout = "4s" }
        ready = { notify = true, deadline = "2m" }
        live = { tcp = true, path_is_not = 0 }
        stop = { signal = "int", to = "main", timeout = "0s" }
        drain = { timeout = "1m", websocket = "keep", websocket_timeout = "1h" }
        restart = { policy = "on-failure", backoff = "1s", backoff_max = "1m", stable_after = "5s" }
        rollout = { strategy = "rolling", max_surge = 0, max_unavailable = 2, bake = "0s" }
        logs = { max_size = "1MiB", max_age = "1d", keep = 2 }
        hold = { max_requests = 7, timeout = "3s" }
        retry = { non_idempotent = true, max_body = "1KB" }
        balance = { eject_after = 4, slow_start = "9s", sticky = "at" }
        port = 1
    "#
    .replace(", path_is_not = 0", "")
    .as_str());
    let secs = Duration::from_secs;
    let release = &app.release;
    assert_eq!(release.env.get("TOKEN").map(String::as_str), Some("t"));
    let startup = release.startup.as_ref().unwrap();
    let check = CommandLine::Words(vec!["check".into(), "--deep".into()]);
    assert_eq!(startup.kind, ProbeKind::Command(check));
    assert_eq!((startup.failures, startup.successes), (9, 2));
    assert_eq!((startup.interval, startup.timeout), (secs(1), secs(4)));
    assert_eq!((&release.ready.kind, release.start_deadline), (&ProbeKind::Notify, secs(120)));
    assert_eq!(release.live.as_ref().unwrap().kind, ProbeKind::Tcp);
    assert_eq!((release.stop.signal, release.stop.to), (Signal::Int, StopTarget::Main));
    assert_eq!(release.stop.timeout, secs(0));
    let settings = &app.settings;
    assert_eq!(settings.instances, Instances::Max);
    assert_eq!(settings.drain.websocket, WebSocketPolicy::Keep);
    assert_eq!((settings.drain.timeout, settings.drain.websocket_timeout), (secs(60), secs(3600)));
    assert_eq!(settings.restart.policy, RestartPolicy::OnFailure);
    assert_eq!((settings.restart.backoff, settings.restart.backoff_max), (secs(1), secs(60)));
    assert_eq!(settings.restart.stable_after, secs(5));
    assert_eq!((settings.rollout.max_surge, settings.rollout.max_unavailable), (0, 2));
    assert_eq!(settings.rollout.bake, secs(0));
    assert_eq!((settings.logs.max_size, settings.logs.max_age), (1 << 20, secs(86_400)));
    assert_eq!(settings.logs.keep, 2);
    assert_eq!((settings.hold.max_requests, settings.hold.timeout), (7, secs(3)));
    assert_eq!((settings.retry.non_idempotent, settings.retry.max_body), (true, 1000));
    assert_eq!((settings.balance.eject_after, settings.balance.slow_start), (Some(4), secs(9)));
    assert_eq!(settings.balance.sticky.as_deref(), Some("at"));
    for (written, access_log) in [
        ("true", AccessLog::Json),
        ("false", AccessLog::Off),
        ("\"json\"", AccessLog::Json),
        ("\"combined\"", AccessLog::Combined),
    ] {
        let text = format!("[proxy]\nworkers = 3\naccess_log = {written}\n[apps.a]\ncommand = \"a\"\n");
        assert_eq!(
            read(&text).proxy,
            Some(Proxy {
                workers: Some(3),
                access_log,
                trust: gapless_model::trust::Trust::default(),
                error_pages: ErrorPages::default()
            })
        );
    }
}

#[test]
fn error_pages_are_read_when_the_file_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    for (name, text) in [("all/404.html", "nowhere"), ("all/readme.txt", ""), ("own/503.html", "soon")] {
        std::fs::create_dir_all(path.join(name).parent().unwrap()).unwrap();
        std::fs::write(path.join(name), text).unwrap();
    }
    let text = "[proxy]\nerror_pages = \"all\"\n[apps.a]\ncommand = \"a\"\nerror_pages = \"./own\"\n";
    std::fs::write(path.join("gapless.toml"), text).unwrap();
    let config = Config::load(&path.join("gapless.toml"), &BTreeMap::new()).unwrap();
    let (all, own) = (config.proxy.unwrap().error_pages, &config.apps[0].settings.error_pages);
    assert_eq!((all.get(404), all.get(503)), (Some("nowhere"), None));
    assert_eq!((own.get(404), own.get(503)), (None, Some("soon")));
}

#[test]
fn apps_are_in_the_order_of_the_file() {
    let config =
        read("[apps.z]\ncommand = \"a\"\n[apps.a]\ncommand = \"a\"\n[apps.\"m.1\"]\ncommand = \"a\"\n");
    let names: Vec<&str> = config.apps.iter().map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["z", "a", "m.1"]);
}

#[test]
fn a_directory_is_absolute_and_its_links_stay() {
    let directory = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    std::fs::create_dir_all(path.join("releases/7")).unwrap();
    std::os::unix::fs::symlink("releases/7", path.join("current")).unwrap();
    let text = "[apps.a]\ncommand = \"a\"\ncwd = \"./current\"\n";
    let config = Config::parse("gapless.toml", text.to_owned(), path, &BTreeMap::new()).unwrap();
    assert_eq!(config.apps[0].release.cwd, path.join("current"));
}

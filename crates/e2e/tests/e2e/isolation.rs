//! An app runs as the user that its file names, with what that user needs and nothing of ours; its secrets are in its
//! processes and nowhere else.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{Customer, Site, Somebody, apps_directory};
use gapless_sys::{marks, process};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

const SECRET: &str = "correct horse battery staple";

/// A site whose app is where every user can read it, with a secret where only we can.
fn site() -> Site {
    let site = Site::new();
    site.for_everybody();
    site.write("app/cases.mjs", fs::read(apps_directory().join("cases.mjs")).unwrap());
    let secret = site.write("db-password", format!("{SECRET}\n"));
    fs::set_permissions(secret, fs::Permissions::from_mode(0o600)).unwrap();
    site
}

fn define(site: &Site, keys: &str) {
    let text = format!(
        "[apps.app]\ncommand = \"node cases.mjs\"\ncwd = \"app\"\nport = 3000\ninstances = 2\n{keys}\n\
         [[apps.app.routes]]\nlisten = \"{}\"\n[apps.app.ready]\npath = \"/ready\"\ninterval = \"100ms\"\n\
         [apps.app.rollout]\nbake = \"300ms\"\n[apps.app.restart]\nbackoff = \"20ms\"\n",
        site.address()
    );
    site.write("gapless.toml", text);
}

/// What `/proc` says of each instance in this file, in the line that begins so.
fn said(site: &Site, file: &str, line: &str) -> Vec<String> {
    let of = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
        let found = text.lines().find_map(|found| found.strip_prefix(line));
        found.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    site.pids("app").into_values().map(|pid| of(pid.unwrap())).collect()
}

/// That no file below has these bytes in it.
#[track_caller]
fn is_nowhere_in(directory: &Path, bytes: &str) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            is_nowhere_in(&path, bytes);
        } else if kind.is_file() {
            let content = fs::read(&path).unwrap();
            let found = content.windows(bytes.len()).any(|part| part == bytes.as_bytes());
            assert!(!found, "the secret is in {}", path.display());
        }
    }
}

#[test]
fn secrets_are_in_the_processes_and_nowhere_else() {
    let site = site();
    define(&site, "secrets = { DB_PASSWORD = \"db-password\" }\numask = \"027\"\nnofile = 777");
    let up = site.gapless(&["up"]).succeeds();
    assert!(!up.text().contains(SECRET));
    for (id, pid) in site.pids("app") {
        let environment = marks::environment(pid.unwrap()).unwrap();
        assert_eq!(environment["DB_PASSWORD"], SECRET);
        let ours: Vec<_> =
            environment.keys().filter(|name| name.starts_with("GAPLESS_")).map(|n| &n[8..]).collect();
        assert_eq!(ours, ["APP", "HOME", "INSTANCE", "PORT", "RELEASE", "SOCKET"], "{id}");
        for name in ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID"] {
            assert!(!environment.contains_key(name), "{name}");
        }
    }
    assert_eq!(said(&site, "status", "Umask:"), ["0027", "0027"]);
    assert_eq!(said(&site, "limits", "Max open files"), ["777 777 files", "777 777 files"]);
    let _ = site.gapless(&["deploy", "app", "--from", "app"]).succeeds();
    site.kill_control();
    for words in [
        "status",
        "status app",
        "status --json",
        "releases app",
        "releases app --json",
        "history --json",
        "check",
        "logs app",
    ] {
        let words: Vec<_> = words.split(' ').collect();
        assert!(!site.gapless(&words).succeeds().text().contains(SECRET), "{words:?}");
    }
    is_nowhere_in(&site.home(), SECRET);

    // The value is that of the next start; a secret that is gone is no reason to give up what runs.
    site.write("db-password", "another\r\n");
    let _ = site.gapless(&["reload", "app"]).succeeds();
    let pid = site.pids("app").into_values().next().unwrap().unwrap();
    assert_eq!(marks::environment(pid).unwrap()["DB_PASSWORD"], "another");
    let before = site.pids("app");
    fs::remove_file(site.path().join("db-password")).unwrap();
    let _ = site.gapless(&["reload", "app"]).exits(3).says("cannot take the secret DB_PASSWORD from ");
    assert_eq!(site.pids("app"), before);
    let _ = site
        .gapless(&["up"])
        .exits(2)
        .says("the secret \"DB_PASSWORD\" in [apps.app] cannot be read")
        .says("gapless.toml:6:");
}

#[test]
fn an_app_runs_as_another_user_and_loses_nothing() {
    let Some(stranger) = Somebody::at_all() else { return };
    let site = site();
    define(
        &site,
        "user = \"nobody\"\nsecrets = { DB_PASSWORD = \"db-password\" }\numask = \"077\"\nnofile = 2000",
    );
    let _ = site.gapless(&["up"]).succeeds();
    let all = |one: &str| vec![one.to_owned(); 2];
    let (ids, groups) = ("65534 65534 65534 65534", "65534");
    assert_eq!(said(&site, "status", "Uid:"), all(ids));
    assert_eq!(said(&site, "status", "Gid:"), all(ids));
    assert_eq!(said(&site, "status", "Groups:"), all(groups));
    assert_eq!(said(&site, "status", "Umask:"), all("0077"));
    assert_eq!(said(&site, "limits", "Max open files"), all("2000 2000 files"));
    for pid in site.pids("app").into_values().flatten() {
        let environment = marks::environment(pid).unwrap();
        assert_eq!((&environment["USER"][..], &environment["HOME"][..]), ("nobody", "/nonexistent"));
        assert_eq!(environment["DB_PASSWORD"], SECRET);
    }
    // By the socket, as ever: the port in the code is opened by nobody.
    assert!(site.instances("app").iter().all(|i| i.address.as_deref().unwrap().ends_with("/sock")));
    assert!(
        site.gapless(&["logs", "app"]).succeeds().out.contains("listening on port"),
        "what it writes arrives"
    );
    for (id, _) in site.pids("app") {
        let output = fs::metadata(site.home().join(format!("run/{id}.out"))).unwrap();
        assert_eq!(
            (output.uid(), output.mode() & 0o777),
            (Somebody::NOBODY, 0o600),
            "it may open /dev/stdout"
        );
    }

    let load = begin(plan(&site, Clients::Mixed, false));
    let _ = site.gapless(&["reload", "app"]).succeeds();
    let before = site.pids("app");
    site.kill_control();
    assert_eq!(site.pids("app"), before, "adopted");
    let _ = site.gapless(&["deploy", "app", "--from", "app"]).succeeds();
    assert_eq!(said(&site, "status", "Uid:"), all(ids));
    nothing_lost(load);
    let code = fs::canonicalize(site.home().join("apps/app/current/code")).unwrap();
    assert_eq!(fs::metadata(code.join("cases.mjs")).unwrap().uid(), Somebody::NOBODY);

    // The way through the home is open, and nothing beside it.
    assert_eq!(fs::metadata(site.home()).unwrap().mode() & 0o777, 0o711);
    let (home, code) = (site.home(), &code);
    stranger.tries(|| {
        fs::read_dir(&home).unwrap_err();
        fs::read_dir(home.join("run")).unwrap_err();
        fs::read(home.join("journal.db")).unwrap_err();
        fs::read(home.join("logs/app/out.log")).unwrap_err();
        fs::read(code.parent().unwrap().join("manifest.json")).unwrap_err();
        std::os::unix::net::UnixStream::connect(home.join("control.sock")).unwrap_err();
        fs::read(code.join("cases.mjs")).unwrap();
    });
    assert!(site.pids("app").into_values().flatten().all(|pid| process::user(pid) == Some(Somebody::NOBODY)));
}

/// An instance that was taken over may do as it likes in its own directory. It must not get us to speak to a socket in
/// our name that it could not speak to itself.
#[test]
fn a_link_in_place_of_its_socket_leads_nowhere() {
    let Some(stranger) = Somebody::at_all() else { return };
    let site = site();
    define(&site, "user = \"nobody\"\nhold = { timeout = \"2s\" }");
    let _ = site.gapless(&["up"]).succeeds();
    let control = site.home().join("control.sock");
    for instance in site.instances("app") {
        let socket = instance.address.unwrap().strip_prefix("unix:").unwrap().to_owned();
        stranger.tries(|| {
            fs::remove_file(&socket).unwrap();
            symlink(&control, &socket).unwrap();
        });
    }
    // More at once than there are connections that are kept.
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = || Customer::of(site.address()).get("/v1/status");
        let asking: Vec<_> = (0..40).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for answer in answers.into_iter().flatten() {
        assert!(!answer.body.contains("control_pid"), "{}", answer.body);
    }
}

#[test]
fn who_cannot_be_or_cannot_come_is_said_so() {
    let Some(stranger) = Somebody::at_all() else { return };
    let site = site();
    define(&site, "user = \"no-such-user\"");
    let _ = site
        .gapless(&["up"])
        .exits(2)
        .says("there is no user \"no-such-user\"")
        .says("Nothing was changed")
        .says("gapless.toml:")
        .says("user = \"no-such-user\"");
    define(&site, "user = \"nobody\"\ngroup = \"no-such-group\"");
    let _ = site
        .gapless(&["up"])
        .exits(2)
        .says("there is no group \"no-such-group\"")
        .says("group = \"no-such-group\"")
        .says("groupadd");
    // Where its user cannot go.
    define(&site, "user = \"nobody\"");
    let app = site.path().join("app");
    fs::set_permissions(&app, fs::Permissions::from_mode(0o700)).unwrap();
    let failed = site.gapless(&["up"]).exits(1);
    let _ = failed.says("the user nobody may not enter").says("gapless deploy --from");
    let _ = site.gapless(&["down"]).succeeds();

    // Only root can.
    let home = site.path().join("of-nobody");
    fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(Somebody::NOBODY), None).unwrap();
    fs::set_permissions(&app, fs::Permissions::from_mode(0o755)).unwrap();
    let home = home.display().to_string();
    let refused = stranger.gapless(&site, &["--home", &home, "up"]).exits(2);
    let _ = refused.says("only root can become somebody else").says("run Gapless as root");
    let _ = stranger.gapless(&site, &["--home", &home, "down"]);
}

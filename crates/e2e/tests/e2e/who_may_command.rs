//! Root and the user that Gapless runs as command; a group may, and others may look, if the file says so. Everybody
//! else is told so in words, nothing in the home is ever open to them, and the history knows who asked for what.

use gapless_api::status::Status;
use gapless_e2e::{CaseApp, Customer, Site, Somebody};
use gapless_model::event::{Event, What};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A group that every Debian has, by its number there (`base-passwd`).
const GROUP: (&str, u32) = ("daemon", 1);

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

/// The modes of the home and of the socket.
fn doors(site: &Site) -> (u32, u32) {
    (mode(&site.home()), mode(&site.home().join("control.sock")))
}

fn whole_history(site: &Site) -> Vec<Event> {
    serde_json::from_str(&site.gapless(&["history", "-n", "1000", "--json"]).succeeds().out).unwrap()
}

fn app(control: &str) -> CaseApp {
    CaseApp { tables: format!("[control]\n{control}"), ..CaseApp::new(1) }
}

/// Everything below, links not followed.
fn below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found
}

/// That nothing in the home is for anybody but its owner, but what it is opened by.
#[track_caller]
fn nothing_is_for_others(home: &Path) {
    let (mut directories, mut files, mut fifos, mut sockets) = (0, 0, 0, 0);
    for path in below(home) {
        let meta = fs::symlink_metadata(&path).unwrap();
        let (mode, kind) = (meta.mode() & 0o777, meta.file_type());
        // The code of a release has the modes of where it came from; nobody else gets there. So it is with the
        // socket that the app itself makes, by its own umask.
        let theirs = path.components().any(|part| part.as_os_str() == "code")
            || (kind.is_socket()
                && path.extension().is_some_and(|e| e == "sock")
                && path.starts_with(home.join("run")));
        if theirs || kind.is_symlink() || path == home.join("control.sock") {
            continue;
        }
        let right = if meta.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, right, "{} has the mode {mode:o}", path.display());
        directories += u32::from(meta.is_dir());
        files += u32::from(meta.is_file());
        fifos += u32::from(kind.is_fifo());
        sockets += u32::from(kind.is_socket());
    }
    assert!(
        directories >= 6 && files >= 8 && fifos >= 2 && sockets >= 2,
        "{directories} {files} {fifos} {sockets}"
    );
}

#[test]
fn nothing_in_the_home_is_for_others_whatever_the_umask() {
    for umask in ["000", "077"] {
        let site = Site::new();
        // A home that somebody made beforehand, for everybody.
        fs::create_dir(site.home()).unwrap();
        let mut open = fs::metadata(site.home()).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o777);
        fs::set_permissions(site.home(), open).unwrap();
        CaseApp { keys: "restart = { backoff = \"10ms\" }".into(), ..CaseApp::new(2) }.define(&site);
        let mut up = site.command_of("sh", &["-c", "umask \"$1\" && exec \"$2\" up", "sh", umask]);
        up.arg(gapless_e2e::gapless());
        let _ = Site::run(&["up"], up).succeeds();
        site.write("new/cases.mjs", "");
        let _ = site.gapless(&["deploy", "app", "--from", "new"]).succeeds();
        let _ = Customer::of(site.address()).get("/").unwrap();
        site.kill_control();
        gapless_e2e::process::kill(site.status().gapless.proxy_pid.unwrap());
        let _ = site.gapless(&["reload", "app"]).succeeds();
        let _ = Customer::of(site.address()).get("/").unwrap();
        assert_eq!(doors(&site), (0o700, 0o600), "umask {umask}");
        nothing_is_for_others(&site.home());
    }
}

#[test]
fn each_command_is_in_the_history_with_who_asked_for_it() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let _ = site.gapless(&["reload", "app"]).succeeds();
    let _ = site.gapless(&["stop", "nothing"]).exits(2);
    let uid = fs::metadata("/proc/self").unwrap().uid();
    let asked: Vec<_> = whole_history(&site)
        .into_iter()
        .filter_map(|event| match event.what {
            What::Asked { by, command } => {
                assert_eq!((by.uid, by.program.as_deref()), (uid, Some("gapless")));
                assert!(by.pid.is_some());
                Some((command, event.app.map(|app| app.to_string())))
            }
            _ => None,
        })
        .collect();
    let about = |app: &str| Some(app.to_owned());
    let expected = [
        ("stop nothing".to_owned(), about("nothing")),
        ("reload app".to_owned(), about("app")),
        ("apply".to_owned(), None),
    ];
    let newest_last: Vec<_> = expected.into_iter().rev().collect();
    assert_eq!(asked, newest_last);
    let _ = site
        .gapless(&["history", "app"])
        .succeeds()
        .says(&format!("(uid {uid}, gapless["))
        .says("asked for: reload app");
}

#[test]
fn a_group_commands_if_the_file_says_so_and_readers_look() {
    let (Some(member), Some(other)) = (Somebody::in_groups(&[GROUP.1]), Somebody::at_all()) else { return };
    let site = Site::new();
    site.for_everybody();
    app("").up(&site);
    assert_eq!(doors(&site), (0o700, 0o600));
    for (who, words) in [(&member, "status"), (&other, "reload app"), (&other, "up")] {
        let words: Vec<_> = words.split(' ').collect();
        let _ =
            who.gapless(&site, &words).exits(4).says("Permission denied").says("`[control]` in gapless.toml");
    }

    app(&format!("group = {:?}", GROUP.0)).up(&site);
    assert_eq!(doors(&site), (0o710, 0o660));
    assert_eq!(fs::metadata(site.home()).unwrap().gid(), GROUP.1);
    nothing_is_for_others(&site.home());
    let before = site.pids("app");
    let _ = member.gapless(&site, &["status"]).succeeds().says("app");
    let _ = member.gapless(&site, &["reload", "app"]).succeeds();
    assert_ne!(site.pids("app"), before);
    let _ =
        site.gapless(&["history", "app"]).says("nobody (uid 65534, gapless[").says("asked for: reload app");
    let _ = other.gapless(&site, &["status"]).exits(4).says("Permission denied");

    app(&format!("group = {:?}\nreaders = \"*\"", GROUP.0)).up(&site);
    assert_eq!(doors(&site), (0o711, 0o666));
    nothing_is_for_others(&site.home());
    // A control that comes after this one knows of it.
    site.kill_control();
    let status: Status =
        serde_json::from_str(&other.gapless(&site, &["status", "--json"]).succeeds().out).unwrap();
    assert_eq!(status.apps.len(), 1);
    assert_eq!(doors(&site), (0o711, 0o666));
    let _ = other.gapless(&site, &["logs", "app"]).succeeds();
    let before = site.pids("app");
    for words in ["reload app", "stop app", "scale app 3", "delete app", "down", "up", "check"] {
        let words: Vec<_> = words.split(' ').collect();
        let refused = other.gapless(&site, &words).exits(1);
        let _ = refused
            .says("nobody (uid 65534, gapless[")
            .says("may look, and not command")
            .says("usermod -aG daemon");
    }
    assert_eq!(site.pids("app"), before);
    let refused = whole_history(&site).into_iter().find_map(|event| match event.what {
        What::Refused { by, command, times } => Some((by.uid, command, times)),
        _ => None,
    });
    // Those that follow at once are counted, and are not written each for itself.
    assert_eq!(refused, Some((Somebody::NOBODY, "reload app".to_owned(), 1)));

    app("").up(&site);
    assert_eq!(doors(&site), (0o700, 0o600));
    let _ = member.gapless(&site, &["status"]).exits(4).says("Permission denied");
}

#[test]
fn a_group_that_is_not_there_changes_nothing() {
    let site = Site::new();
    CaseApp::new(1).up(&site);
    let before = (site.pids("app"), doors(&site));
    app("group = \"no-such-group-here\"").define(&site);
    for command in ["up", "check"] {
        let refused = site.gapless(&[command]).exits(2);
        let _ = refused.says("`group` in [control] names \"no-such-group-here\"").says("Nothing was changed");
    }
    assert_eq!((site.pids("app"), doors(&site)), before);
}

//! Another user of the machine, without rights, can neither read what is in the home nor command nor stop anything.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, Somebody, process};
use gapless_sys::{notify, process as processes};
use gapless_testkit::wait::wait_for;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Everything in the home: what a stranger could guess.
fn below(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![directory.to_owned()];
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => found.extend(below(&path)),
            Ok(_) => found.push(path),
            // A socket that came aside just now.
            Err(_) => {}
        }
    }
    found
}

/// What of it could be done, in words.
fn attempts(paths: &[PathBuf], pids: &[u32]) -> Vec<String> {
    let mut done = Vec::new();
    let mut tried = |what: &str, on: &dyn std::fmt::Display, result: io::Result<()>| {
        if result.is_ok() {
            done.push(format!("{what} {on}"));
        }
    };
    for path in paths {
        let shown = path.display();
        tried("list", &shown, fs::read_dir(path).map(drop));
        tried("read", &shown, File::open(path).map(drop));
        tried("write", &shown, OpenOptions::new().write(true).open(path).map(drop));
        tried("remove", &shown, fs::remove_file(path));
        tried("put something beside", &shown, File::create(path.with_extension("planted")).map(drop));
        tried("connect to", &shown, UnixStream::connect(path).map(drop));
        let ready = notify::connect_to(path);
        tried(
            "say READY=1 to",
            &shown,
            ready.and_then(|to| rustix::io::write(to, b"READY=1").map(drop).map_err(Into::into)),
        );
    }
    for pid in pids {
        for name in ["environ", "mem", "maps"] {
            let path = format!("/proc/{pid}/{name}");
            tried("read", &path, fs::read(&path).map(drop));
        }
        for name in ["cwd", "root", "exe"] {
            let path = format!("/proc/{pid}/{name}");
            tried("follow", &path, fs::read_link(&path).map(drop));
        }
        tried("list the descriptors of", pid, fs::read_dir(format!("/proc/{pid}/fd")).map(drop));
        for number in [9, 15, 1, 19] {
            let held = gapless_sys::PidFd::open(*pid);
            tried(
                &format!("send signal {number} to"),
                pid,
                held.and_then(|held| held.signal(number).map(drop)),
            );
        }
    }
    done
}

#[test]
fn a_stranger_can_read_command_and_stop_nothing() {
    let Some(stranger) = Somebody::at_all() else { return };
    let site = Site::new();
    site.for_everybody();
    let notified = "[apps.queue]\ncommand = [\"sh\", \"-c\", \"exec sleep 1000\"]\naddress = \"none\"\n\
                    env = { SECRET = \"hunter2\" }\n[apps.queue.ready]\nnotify = true\ndeadline = \"10m\"\n";
    CaseApp { tables: notified.into(), ..CaseApp::new(2).env("SECRET", "hunter2") }.define(&site);
    let _ = site.gapless(&["up", "--detach"]).succeeds();
    site.wait_until("app", "it serves", |app| app.ready == 2);
    let queue = wait_for("the worker", PATIENCE, || site.instances("queue").first()?.pid);

    let load = begin(plan(&site, Clients::Mixed, false));
    let gapless = site.status().gapless;
    let mut pids = vec![gapless.keeper_pid.unwrap(), gapless.control_pid, gapless.proxy_pid.unwrap(), queue];
    pids.extend(site.pids("app").into_values().flatten());
    let paths = below(&site.home());
    assert!(paths.iter().any(|path| path.ends_with("journal.db")));
    assert!(paths.iter().any(|path| path.extension().is_some_and(|e| e == "notify")));
    let is_fifo = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_fifo());
    assert!(paths.iter().any(is_fifo));

    assert_eq!(stranger.tries(|| attempts(&paths, &pids)), [] as [String; 0]);
    for words in ["status", "logs app", "stop app", "down", "up", "upgrade", "history"] {
        let words: Vec<_> = words.split(' ').collect();
        let _ = stranger.gapless(&site, &words).exits(4);
    }
    assert!(pids.iter().all(|pid| process::runs(*pid)));
    assert_eq!(site.app("queue").ready, 0, "nobody else's word counts");
    let now = site.status().gapless;
    assert_eq!((now.control_pid, now.proxy_pid), (gapless.control_pid, gapless.proxy_pid));
    nothing_lost(load);
}

/// A process of a stranger that bears the marks of an instance, and waits to be taken for it.
#[test]
fn what_a_stranger_started_is_never_taken_for_an_instance() {
    let Some(stranger) = Somebody::at_all() else { return };
    let site = Site::new();
    site.for_everybody();
    CaseApp::new(1).up(&site);
    let (instance, true_one) = site.pids("app").into_iter().next().unwrap();
    let release = site.app("app").release.unwrap();
    let mut impostor = stranger.command(&site, Path::new("/bin/sleep"));
    std::os::unix::process::CommandExt::process_group(&mut impostor, 0);
    impostor.arg("1000").env("GAPLESS_APP", "app").env("PORT", "9");
    impostor.env("GAPLESS_RELEASE", release.to_string());
    // One for an instance that is there, one for one that is not: that it leads a group is what they look for.
    let mut impostors: Vec<_> = [instance.to_string(), "app-77".to_owned()]
        .into_iter()
        .map(|name| impostor.env("GAPLESS_INSTANCE", name).spawn().unwrap())
        .collect();
    for child in &impostors {
        wait_for("the impostor", PATIENCE, || {
            (processes::user(child.id()) == Some(Somebody::NOBODY)).then_some(())
        });
    }

    let killed = site.kill_control();
    wait_for("another control", PATIENCE, || (site.status().gapless.control_pid != killed).then_some(()));
    site.wait_until("app", "one that serves", |app| app.ready == 1);
    assert_eq!(site.pids("app"), [(instance, true_one)].into());
    let _ = site.gapless(&["reload", "app"]).succeeds();
    assert!(!site.pids("app").into_values().any(|pid| pid == true_one));
    assert!(impostors.iter().all(|child| process::runs(child.id())), "and it is nobody's to end");
    for child in &mut impostors {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// A home that belongs to somebody else may have anything in it.
#[test]
fn a_home_that_somebody_else_has_made_is_not_started_in() {
    if Somebody::at_all().is_none() {
        return;
    }
    let site = Site::new();
    fs::create_dir(site.home()).unwrap();
    std::os::unix::fs::chown(site.home(), Some(Somebody::NOBODY), None).unwrap();
    CaseApp::new(1).define(&site);
    let _ = site.gapless(&["up"]).exits(4).says("belongs to the user with the uid 65534");
    assert_eq!(fs::read_dir(site.home()).unwrap().count(), 0);
    assert_eq!(fs::metadata(site.home()).unwrap().uid(), Somebody::NOBODY);
}

//! No request is lost when the disk is full: logs may be, and status says so.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, process};
use gapless_testkit::wait::{wait_for, wait_to_see};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;

/// An installation whose home is a file system of its own.
struct SmallDisk {
    site: Site,
}

impl SmallDisk {
    /// None, which is said, where no file system can be mounted.
    fn mount() -> Option<Self> {
        let site = Site::new();
        let home = site.home();
        fs::create_dir(&home).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "none"]).arg(&home).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { site }),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr);
                eprintln!("SKIPPED: a full disk cannot be tried here: {}", why.trim());
                None
            }
            Err(error) => {
                eprintln!("SKIPPED: a full disk cannot be tried here: mount: {error}");
                None
            }
        }
    }

    fn filler(&self) -> PathBuf {
        self.site.home().join("filler")
    }

    /// Leaves not a byte.
    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        let mut size = 1 << 20;
        while size > 0 {
            match file.write(&vec![0; size]) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => size /= 2,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.filler());
        let _ = self.site.gapless(&["down"]);
        let _ = Command::new("umount").arg("-l").arg(self.site.home()).status();
    }
}

/// Two instances, and an app that writes all the time.
fn app(version: &str) -> CaseApp {
    let chatty = "[apps.chatty]\ncommand = [\"sh\", \"-c\", \"while :; do echo a line of the log; sleep 0.02; done\"]\n";
    CaseApp { tables: chatty.into(), ..CaseApp::new(2).env("VERSION", version) }
}

#[test]
fn traffic_and_supervision_go_on() {
    let Some(disk) = SmallDisk::mount() else { return };
    let site = &disk.site;
    app("v1").up(site);
    let load = begin(plan(site, Clients::Mixed, true));
    let instances = site.instances("app");
    disk.fill();

    let troubles = || site.status().gapless.troubles;
    let said =
        wait_to_see("the troubles", PATIENCE, troubles, |all| all.iter().any(|t| t.contains("chatty")));
    assert!(said.iter().any(|t| t.contains("dropped") && t.contains("No space left")), "{said:?}");
    let _ = site.gapless(&["status"]).succeeds().says("trouble:").says("log lines of chatty dropped");

    // Who dies is started again.
    process::kill(instances[0].pid.unwrap());
    site.wait_until("app", "it to be back", |app| {
        app.ready == 2 && app.instances.iter().all(|i| i.pid != instances[0].pid)
    });
    wait_to_see("the journal's trouble", PATIENCE, troubles, |all| all.iter().any(|t| t.contains("journal")));

    // Control dies too, and adopts what it left.
    let stood = site.pids("app");
    site.kill_control();
    assert_eq!(site.pids("app"), stood, "no instance was restarted");
    site.wait_until("app", "both to be ready", |app| app.ready == 2);

    // What needs room is refused before anything changes.
    app("v2").define(site);
    let _ = site.gapless(&["up"]).exits(1).says("No space left").says("Nothing was changed");
    assert_eq!(site.pids("app"), stood);

    // With room again, all is as it was.
    fs::remove_file(disk.filler()).unwrap();
    let _ = site.gapless(&["up"]).succeeds().says(" 0 lost");
    let _ = nothing_lost(load);
    wait_for("the log to go on", PATIENCE, || {
        let before = site.gapless(&["logs", "chatty", "-n", "1", "--json"]).succeeds().out;
        let after = site.gapless(&["logs", "chatty", "-n", "1", "--json"]).succeeds().out;
        (before != after).then_some(())
    });
    wait_to_see("the journal to be well", PATIENCE, troubles, |all| {
        !all.iter().any(|t| t.contains("journal"))
    });
    // A number is used once, even if nothing came of it.
    assert_eq!(site.app("app").release.map(|r| r.0), Some(3));
}

#[test]
fn stopping_needs_no_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let site = &disk.site;
    app("v1").up(site);
    let pids: Vec<_> = site.instances("app").iter().filter_map(|i| i.pid).collect();
    disk.fill();
    let _ = site.gapless(&["stop", "app"]).succeeds();
    assert!(pids.iter().all(|pid| !process::runs(*pid)));
    let _ = site.gapless(&["down"]).succeeds();
}

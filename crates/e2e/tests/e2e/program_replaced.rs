//! The file of the program is replaced or removed while it runs: what is started after that is still of the
//! version that runs, and nothing is lost.

use gapless_e2e::traffic::{Clients, begin, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, gapless, process};
use gapless_testkit::wait::wait_for;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// A site whose parts run from a file of its own.
fn installed(site: &Site) -> std::path::PathBuf {
    let file = site.path().join("gapless");
    let _: u64 = fs::copy(gapless(), &file).unwrap();
    CaseApp::new(2).define(site);
    let up = site.command_of(&file, &["up"]).output().unwrap();
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    file
}

fn inode(file: impl AsRef<Path>) -> u64 {
    fs::metadata(file).unwrap().ino()
}

/// Control and proxy are killed and come back, from the file with this number.
fn both_come_back(site: &Site, from: u64) {
    let pids = site.pids("app");
    let load = begin(plan(site, Clients::Mixed, false));
    let _: u32 = site.kill_control();
    let report = load.stop();
    assert_eq!(report.lost(), 0, "{report}");
    let before = site.status().gapless;
    let proxy = before.proxy_pid.unwrap();
    process::kill(proxy);
    let another = || site.status().gapless.proxy_pid.filter(|pid| *pid != proxy);
    let proxy = wait_for("another proxy", PATIENCE, another);
    for pid in [proxy, before.control_pid] {
        assert_eq!(inode(format!("/proc/{pid}/exe")), from);
    }
    assert_eq!(site.pids("app"), pids, "no instance was restarted");
    let _ = site.gapless(&["reload", "app"]).succeeds().says(" 0 lost");
}

#[test]
fn by_something_that_is_none() {
    let site = Site::new();
    let file = installed(&site);
    let ours = inode(&file);
    let other = site.write("other", "#!/bin/sh\nexit 1\n");
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(other, &file).unwrap();
    both_come_back(&site, ours);
}

#[test]
fn by_nothing() {
    let site = Site::new();
    let file = installed(&site);
    let ours = inode(&file);
    fs::remove_file(file).unwrap();
    both_come_back(&site, ours);
}

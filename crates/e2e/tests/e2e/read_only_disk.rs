//! No request is lost when the disk becomes read-only, as a file system does that has met an error: what runs goes
//! on, is started again when it dies, and is adopted when there is a disk again.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, process};
use gapless_testkit::wait::{wait_for, wait_to_see};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// An installation whose home is a file system of its own.
struct OwnDisk(Site);

impl OwnDisk {
    /// None, which is said, where no file system can be mounted.
    fn mount() -> Option<Self> {
        let site = Site::new();
        std::fs::create_dir(site.home()).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=32m", "none"]).arg(site.home()).output();
        let why = match mounted {
            Ok(output) if output.status.success() => return Some(Self(site)),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => format!("mount: {error}"),
        };
        eprintln!("SKIPPED: a read-only disk cannot be tried here: {why}");
        None
    }

    /// Lets nothing be written by any path. The kernel refuses that for a file system of which files are open to be
    /// written, as ours are; so it is mounted over itself, and every path leads through that mount. That is
    /// made elsewhere before, as somebody could open a file by it until it is read-only.
    fn forbid(&self) {
        let (home, aside) = (&self.0.home(), &self.0.path().join("read-only"));
        std::fs::create_dir(aside).unwrap();
        let run = |program: &str, words: &[&OsStr]| {
            let status = Command::new(program).args(words).status().unwrap();
            assert!(status.success(), "{program} {words:?}");
        };
        let bind = |from: &Path, to: &Path| run("mount", &["--bind".as_ref(), from.as_ref(), to.as_ref()]);
        bind(home, aside);
        run("mount", &["-o".as_ref(), "remount,bind,ro".as_ref(), aside.as_ref()]);
        bind(aside, home);
        run("umount", &[aside.as_ref()]);
    }

    /// Takes away the mount on top.
    fn unmount(&self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.home()).status();
    }
}

impl Drop for OwnDisk {
    fn drop(&mut self) {
        let writable = || std::fs::write(self.0.home().join("probe"), "").is_ok();
        if !writable() {
            self.unmount();
        }
        let _ = self.0.gapless(&["down"]);
        self.unmount();
    }
}

#[test]
fn traffic_and_supervision_go_on() {
    let Some(disk) = OwnDisk::mount() else { return };
    let site = &disk.0;
    CaseApp::new(2).up(site);
    let load = begin(plan(site, Clients::Mixed, true));
    let before = site.status().gapless;
    let pids = site.pids("app");
    disk.forbid();

    // Whatever needs the disk is refused, and says why.
    CaseApp::new(2).env("VERSION", "v2").define(site);
    let _ = site.gapless(&["up"]).exits(1).says("Read-only file system").says("Nothing was changed");
    assert_eq!(site.pids("app"), pids);

    // Control is killed: it cannot come back before the disk does. Nobody else notices.
    process::kill(before.control_pid);
    wait_for("control to be tried again in vain", PATIENCE, || {
        let log = std::fs::read_to_string(site.home().join("logs/keeper.log")).ok()?;
        let said = log.split_once("was ended by signal 9")?.1;
        said.contains("Read-only file system")
            .then_some(())
            .or_else(|| said.split_once("exited with code").map(drop))
    });
    assert!(pids.values().flatten().all(|pid| process::runs(*pid)));

    disk.unmount();
    let now = wait_to_see(
        "control",
        PATIENCE,
        || site.status().gapless,
        // It has found the proxy when that has told what it serves.
        |now| now.control_pid != before.control_pid && now.proxy_pid.is_some(),
    );
    assert_eq!((now.keeper_pid, now.proxy_pid), (before.keeper_pid, before.proxy_pid));
    assert_eq!(site.pids("app"), pids, "no instance was restarted");
    let _ = site.gapless(&["up"]).succeeds().says(" 0 lost");
    let report = nothing_lost(load);
    assert!(report.answers_of("v2") > 0);
}

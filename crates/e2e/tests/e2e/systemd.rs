//! Gapless as a service of systemd, with systemd itself: killed, reloaded and restarted under load nothing is lost, and
//! stopped it drains.

use gapless_api::Status;
use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, Machine, PATIENCE, Site, gapless};
use gapless_load::FailureKind;
use gapless_testkit::wait::{wait_for, wait_to_see};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

const UNIT: &str = "gapless.service";

/// The program, installed on this site; each time another file.
fn install(site: &Site) -> PathBuf {
    let (program, aside) = (site.path().join("gapless"), site.path().join("gapless.new"));
    let _: u64 = fs::copy(gapless(), &aside).unwrap();
    fs::rename(aside, &program).unwrap();
    program
}

/// A command of that program in the machine.
#[track_caller]
fn does(machine: &Machine, site: &Site, words: &[&str]) -> String {
    let home = format!("GAPLESS_HOME={}", site.home().display());
    let (at, program) =
        (site.path().display().to_string(), site.path().join("gapless").display().to_string());
    let mut all = vec!["env", "-C", &at, &home, &program];
    all.extend(words);
    machine.says(&all)
}

#[test]
fn killed_reloaded_restarted_and_stopped() {
    let site = Site::new();
    let Some(machine) = Machine::boot() else { return };
    install(&site);
    CaseApp::new(2).env("SHUTDOWN", "close").define(&site);

    let said = does(&machine, &site, &["startup"]);
    assert!(
        said.contains("systemd starts gapless.service at boot") && said.contains("systemctl start"),
        "{said}"
    );
    assert_eq!(machine.says(&["systemctl", "is-enabled", UNIT]), "enabled");
    // It brings up the unit, not a keeper.
    does(&machine, &site, &["up"]);
    let main = || machine.property(UNIT, "MainPID").parse::<u32>().unwrap();
    let before = site.status().gapless;
    assert_eq!((before.keeper_pid, before.control_pid), (None, main()));
    assert_ne!(machine.property(UNIT, "NFileDescriptorStore"), "0");
    let pids = site.pids("app");
    let load = begin(plan(&site, Clients::Mixed, false));

    machine.says(&["kill", "-KILL", &before.control_pid.to_string()]);
    let another = |pid: u32| {
        move |g: &gapless_api::status::GaplessStatus| g.control_pid != pid && g.proxy_pid.is_some()
    };
    // Asked in the machine: whoever asks while control is gone has its unit started.
    let status =
        || serde_json::from_str::<Status>(&does(&machine, &site, &["status", "--json"])).unwrap().gapless;
    let killed = wait_to_see("another control", PATIENCE, status, another(before.control_pid));
    assert_eq!((killed.proxy_pid, killed.control_pid), (before.proxy_pid, main()));
    assert_eq!(site.pids("app"), pids, "no instance was restarted");

    install(&site);
    machine.says(&["systemctl", "reload", UNIT]);
    let reloaded = site.status().gapless;
    assert_eq!(reloaded.control_pid, killed.control_pid, "the same process, of another program");
    assert_ne!(reloaded.proxy_pid, killed.proxy_pid);

    install(&site);
    machine.says(&["systemctl", "restart", UNIT]);
    let restarted =
        wait_to_see("another control", PATIENCE, || site.status().gapless, another(reloaded.control_pid));
    assert_eq!(restarted.keeper_pid, None);
    wait_to_see(
        "a proxy of the new file",
        PATIENCE,
        || site.status().gapless.proxy_pid,
        |pid| pid.is_some() && *pid != reloaded.proxy_pid,
    );
    assert_eq!(site.pids("app"), pids, "no instance was restarted");
    does(&machine, &site, &["reload", "app"]);
    nothing_lost(load);

    let load = begin(plan(&site, Clients::Mixed, false));
    machine.says(&["systemctl", "stop", UNIT]);
    assert_eq!(machine.property(UNIT, "ActiveState"), "inactive");
    let report = load.stop();
    assert_eq!(report.lost(), report.lost_as(FailureKind::Refused), "{report}");
    assert!(!site.home().join("control.sock").exists());
    assert_eq!(
        machine.says(&["sh", "-c", "ps -e -o args= | grep -c [c]ases.mjs || true"]),
        "0",
        "no instance is left"
    );

    // What should run is wanted still.
    machine.says(&["systemctl", "start", UNIT]);
    site.wait_until("app", "it to run again", |app| app.ready == 2);
    nothing_lost(begin(plan(&site, Clients::Mixed, false)));

    let pids = site.pids("app");
    let said = does(&machine, &site, &["unstartup"]);
    assert!(said.contains("what ran goes on"), "{said}");
    assert!(site.status().gapless.keeper_pid.is_some());
    assert_eq!(site.pids("app"), pids, "no instance was restarted");
    assert!(!machine.output(&["systemctl", "is-enabled", UNIT]).status.success());
    does(&machine, &site, &["down"]);
}

#[test]
fn after_a_boot_what_should_run_is_served_and_what_was_stopped_is_not_there() {
    let site = Site::new();
    let Some(machine) = Machine::boot() else { return };
    install(&site);
    let tables = "\n[apps.resting]\ncommand = \"sleep 600\"\n".to_owned();
    CaseApp { tables, ..CaseApp::new(2) }.define(&site);
    does(&machine, &site, &["startup"]);
    does(&machine, &site, &["up"]);
    does(&machine, &site, &["stop", "resting"]);
    let before = site.pids("app");
    let units = site.path().join("units");
    fs::create_dir(&units).unwrap();
    machine.says(&["cp", &format!("/etc/systemd/system/{UNIT}"), &units.display().to_string()]);
    // And its sockets are systemd's from now on.
    let socket = format!("[Socket]\nListenStream={}\n", site.address());
    fs::write(units.join("gapless.socket"), socket).unwrap();
    // The power fails.
    drop(machine);
    let machine = Machine::boot_with(Some(units), &format!("gapless.socket {UNIT}")).unwrap();
    let client = || std::os::unix::net::UnixStream::connect(site.home().join("control.sock")).ok();
    wait_for("control to be there", PATIENCE, client);
    site.wait_until("app", "it to run again", |app| app.ready == 2);
    let again = site.pids("app");
    assert!(again.keys().all(|id| !before.contains_key(id)), "{before:?} {again:?}");
    let resting = site.app("resting");
    assert_eq!((resting.wanted, resting.instances.len()), (0, 0));
    nothing_lost(begin(plan(&site, Clients::Mixed, false)));
    does(&machine, &site, &["down"]);
    // The socket is not closed with the app: systemd has it.
    assert_eq!(machine.property("gapless.socket", "ActiveState"), "active");
}

#[test]
fn a_control_that_stands_still_is_replaced() {
    let site = Site::new();
    let Some(machine) = Machine::boot() else { return };
    install(&site);
    CaseApp::new(1).define(&site);
    does(&machine, &site, &["startup"]);
    let own = "mkdir /etc/systemd/system/gapless.service.d && printf '[Service]\\nWatchdogSec=4\\nTimeoutAbortSec=1\\n' \
               > /etc/systemd/system/gapless.service.d/own.conf && systemctl daemon-reload";
    machine.says(&["sh", "-c", own]);
    does(&machine, &site, &["up"]);
    let (before, pids) = (site.status().gapless, site.pids("app"));
    machine.says(&["kill", "-STOP", &before.control_pid.to_string()]);
    let main = || machine.property(UNIT, "MainPID");
    wait_to_see("another control", PATIENCE, main, |pid| {
        *pid != "0" && *pid != before.control_pid.to_string()
    });
    let client = || std::os::unix::net::UnixStream::connect(site.home().join("control.sock")).ok();
    wait_for("it to answer", PATIENCE, client);
    wait_to_see("it to have adopted", PATIENCE, || site.pids("app"), |now| *now == pids);
    does(&machine, &site, &["down"]);
}

#[test]
fn the_unit_is_valid_and_fenced() {
    let site = Site::new();
    let analyze = |words: &[&str]| {
        let runtime = site.path().join("runtime");
        fs::create_dir_all(&runtime).unwrap();
        Command::new("systemd-analyze").args(words).env("XDG_RUNTIME_DIR", runtime).output()
    };
    if analyze(&["--version"]).is_err() {
        eprintln!("NOT SHOWN HERE: systemd-analyze is missing (Debian: systemd)");
        return;
    }
    for (directory, user) in [("system", None), ("user", Some("--user"))] {
        let into = site.path().join(directory).display().to_string();
        let mut words = vec!["startup", "--into", &into];
        words.extend(user);
        let _ = site.gapless(&words).succeeds().says("is written").says("systemd was not told");
        let unit = format!("{into}/{UNIT}");
        let mut words = vec!["verify", &unit];
        words.extend(user);
        let verified = analyze(&words).unwrap();
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        assert!(verified.status.success() && !said.contains(UNIT), "{said}");
    }
    // 9.6 is a service without any fence; apps of whoever run under this one.
    let unit = site.path().join("system").join(UNIT).display().to_string();
    let judged = analyze(&["security", "--offline=true", "--threshold=60", "--no-pager", &unit]).unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}

#[test]
fn only_what_is_ours_is_written_and_removed() {
    let site = Site::new();
    let into = site.path().join("units");
    let unit = into.join(UNIT);
    let words = |command| [command, "--into", "units"];
    let _ = site.gapless(&words("startup")).succeeds();
    let text = fs::read_to_string(&unit).unwrap();
    let _ = site.gapless(&words("startup")).succeeds().says("is as it should be");
    let mut other = site.command(&words("startup"));
    other.env("GAPLESS_HOME", site.path().join("other"));
    let _ = Site::run(&words("startup"), other).exits(1).says("another installation").says("--unit NAME");
    assert_eq!(fs::read_to_string(&unit).unwrap(), text);
    let _ = site.gapless(&words("unstartup")).succeeds().says("is removed");
    let _ = site.gapless(&words("unstartup")).succeeds().says("there is no");
    fs::write(&unit, "[Unit]\n").unwrap();
    let _ = site.gapless(&words("startup")).exits(1).says("was not written by");
    let _ = site.gapless(&words("unstartup")).exits(1).says("was not written by");
    assert_eq!(fs::read_to_string(&unit).unwrap(), "[Unit]\n");
    assert_eq!(fs::read_dir(&into).unwrap().count(), 1, "nothing is left aside");
    let _ = site.gapless(&["startup", "--unit", "a/b", "--print"]).exits(2);
}

#[test]
fn without_rights_it_says_what_to_run_instead() {
    let site = Site::new();
    let denied = |words: &[&str]| {
        // Nobody, whoever runs the tests.
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(install(&site)).args(words);
        command.current_dir("/").env("GAPLESS_HOME", site.path().join("nobody")).env("NO_COLOR", "1");
        Site::run(words, command)
    };
    fs::set_permissions(site.path(), fs::Permissions::from_mode(0o755)).unwrap();
    if denied(&["--version"]).code != 0 {
        eprintln!("NOT SHOWN HERE: it needs root to become somebody without rights");
        return;
    }
    let said = denied(&["startup"]).exits(1).says("Permission denied").says("Nothing was changed");
    let said = said.says("sudo gapless startup").says("gapless startup --user");
    assert!(!PathBuf::from("/etc/systemd/system").join(UNIT).exists(), "{}", said.text());
    let into = site.path().join("units");
    fs::create_dir(&into).unwrap();
    let into = into.display().to_string();
    let _ = denied(&["startup", "--into", &into]).exits(1).says("must be yours to write");
    let _ = site.gapless(&["startup", "--into", &into]).succeeds();
    let _ = denied(&["unstartup", "--into", &into]).exits(1).says("Nothing was changed");
    assert!(PathBuf::from(into).join(UNIT).exists());
}

//! `gapless run`: what has begun is finished when it is told to end, within a bound; nobody is left a zombie, also where
//! it is process 1; and what should run is wanted still.

use gapless_e2e::traffic::{Clients, begin, nothing_lost, plan};
use gapless_e2e::{CaseApp, PATIENCE, Site, gapless, process};
use gapless_load::FailureKind;
use gapless_sys::process::{Stat, all, stat};
use gapless_testkit::wait::{wait_for, wait_to_see};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const TERMINATE: i32 = 15;
const HANG_UP: i32 = 1;

/// `gapless run`, with what it prints in files. Whoever is still there at the end of a test goes with it.
struct Foreground {
    child: Child,
    out: std::path::PathBuf,
}

impl Foreground {
    fn begin(site: &Site, mut command: Command) -> Self {
        let out = site.path().join("run.out");
        let child = command
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(site.path().join("run.err")).unwrap())
            .spawn()
            .unwrap();
        Self { child, out }
    }

    fn here(site: &Site, words: &[&str]) -> Self {
        Self::begin(site, site.command(words))
    }

    fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    fn err(&self) -> String {
        fs::read_to_string(self.out.with_extension("err")).unwrap()
    }

    /// Its exit code.
    #[track_caller]
    fn ends(&mut self) -> i32 {
        let ended = wait_for("the foreground to end", PATIENCE, || self.child.try_wait().unwrap());
        ended.code().unwrap_or_else(|| panic!("{ended}\n{}\n{}", self.out(), self.err()))
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("── stdout\n{}\n── stderr\n{}", self.out(), self.err());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All that descend from a process.
fn descendants(of: u32) -> Vec<Stat> {
    let all = all().unwrap();
    let mut family = BTreeSet::from([of]);
    loop {
        let more: Vec<u32> = all.iter().filter(|s| family.contains(&s.parent)).map(|s| s.pid).collect();
        let before = family.len();
        family.extend(more);
        if family.len() == before {
            return all.into_iter().filter(|s| s.pid != of && family.contains(&s.pid)).collect();
        }
    }
}

/// Whether a process can have a process namespace of its own here.
fn can_be_first() -> bool {
    let tried = Command::new("unshare").args(["--pid", "--fork", "--mount-proc", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}

/// Two instances that serve, and an app that leaves orphans behind all the time.
fn define(site: &Site) {
    let orphans = "\n[apps.orphans]\ncommand = \"while :; do (sleep 0.05 & sleep 0.05 &); echo left; sleep 0.1; done\"\n\
                   shell = true\n";
    CaseApp { tables: orphans.into(), ..CaseApp::new(2).env("SHUTDOWN", "close") }.define(site);
}

#[test]
fn as_process_one_it_drains_and_leaves_no_zombie() {
    if !can_be_first() {
        eprintln!("not shown here: a process needs root to be process 1 of a namespace of its own");
        return;
    }
    let site = Site::new();
    define(&site);
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]).arg(gapless()).arg("run");
    command.current_dir(site.path()).env("GAPLESS_HOME", site.home());
    let mut run = Foreground::begin(&site, command);
    wait_for("the app to be served", PATIENCE, || run.out().contains("app  r1 is up").then_some(()));
    let first = descendants(run.child.id()).into_iter().find(|s| s.parent == run.child.id()).unwrap().pid;

    // Whoever loses both parents has process 1 as its parent: the keeper is the first of those in it.
    let keepers = || {
        let is_keeper = |pid: u32| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            words.split(|byte| *byte == 0).any(|word| word == b"keeper")
        };
        descendants(first).into_iter().map(|s| s.pid).filter(|pid| is_keeper(*pid)).collect::<Vec<u32>>()
    };
    let keeper = keepers()[0];
    process::kill(keeper);
    wait_for("another keeper", PATIENCE, || keepers().into_iter().find(|pid| *pid != keeper));
    let left = || run.out().matches("orphans-1 | left").count();
    let before = left();
    wait_to_see("some orphans more", PATIENCE, left, |now| *now > before + 5);
    let zombies = || descendants(run.child.id()).into_iter().filter(|s| s.zombie).count();
    wait_to_see("no zombie to be left", PATIENCE, zombies, |zombies| *zombies == 0);

    let load = begin(plan(&site, Clients::Mixed, false));
    let answered = load.handle().progress().right;
    wait_for("another 300 answers", PATIENCE, || {
        (load.handle().progress().right > answered + 300).then_some(())
    });
    process::signal(first, TERMINATE);
    assert_eq!(run.ends(), 0);
    let report = load.stop();
    // Whoever comes when nobody listens any more is refused; whoever had connected was answered.
    assert_eq!(report.lost(), report.lost_as(FailureKind::Refused), "{report}");
    assert!(run.err().contains("everything has ended by itself"), "{}", run.err());
}

#[test]
fn what_should_run_runs_again_and_what_was_stopped_does_not() {
    let site = Site::new();
    define(&site);
    let mut run = Foreground::here(&site, &["run"]);
    wait_for("both apps", PATIENCE, || run.out().contains("app  r1 is up").then_some(()));
    let _ = site.gapless(&["stop", "orphans"]).succeeds();
    process::signal(run.child.id(), TERMINATE);
    assert_eq!(run.ends(), 0);
    assert!(!site.home().join("control.sock").exists());

    fs::remove_file(site.path().join("gapless.toml")).unwrap();
    let mut run = Foreground::here(&site, &["run", "--no-logs"]);
    wait_for("control", PATIENCE, || site.home().join("control.sock").exists().then_some(()));
    site.wait_until("app", "it to be ready again", |app| app.ready == 2);
    nothing_lost(begin(plan(&site, Clients::Mixed, false)));
    assert_eq!(site.app("app").release.map(|r| r.0), Some(1));
    let orphans = site.app("orphans");
    assert_eq!((orphans.wanted, orphans.instances.len()), (0, 0));

    // Control may die; the one in the foreground stays until it is told, here by `gapless down`.
    site.kill_keeper_and_control();
    wait_for("control to be brought back by itself", PATIENCE, || {
        let client = std::os::unix::net::UnixStream::connect(site.home().join("control.sock"));
        client.ok()
    });
    assert!(stat(run.child.id()).is_some());
    let _ = site.gapless(&["down"]).succeeds();
    assert_eq!(run.ends(), 0);
}

#[test]
fn whoever_is_in_a_hurry_says_so_again() {
    let site = Site::new();
    let stubborn = "\n[apps.stubborn]\ncommand = \"trap '' TERM; while :; do sleep 0.1; done\"\nshell = true\n\
                    [apps.stubborn.stop]\ntimeout = \"300s\"\n";
    CaseApp { tables: stubborn.into(), ..CaseApp::new(1) }.define(&site);
    let mut run = Foreground::here(&site, &["run", "--drain-timeout", "300s"]);
    wait_for("the apps", PATIENCE, || run.out().contains("stubborn  r1 is up").then_some(()));
    let pid = site.instances("stubborn")[0].pid.unwrap();
    process::signal(run.child.id(), TERMINATE);
    wait_for("it to drain", PATIENCE, || run.err().contains("draining").then_some(()));
    let hurried = Instant::now();
    process::signal(run.child.id(), TERMINATE);
    assert_eq!(run.ends(), 1);
    assert!(hurried.elapsed() < Duration::from_secs(60), "{:?}", hurried.elapsed());
    assert!(run.err().contains("1 instances were killed"), "{}", run.err());
    assert!(!process::runs(pid));
}

#[test]
fn what_is_wrong_is_said_before_anything_runs_or_while_all_goes_on() {
    let site = Site::new();
    site.write("gapless.toml", "[apps.app]\ncomand = \"x\"\n");
    let mut run = Foreground::here(&site, &["run"]);
    assert_eq!(run.ends(), 2);
    assert!(run.err().contains("comand") && !site.home().exists(), "{}", run.err());

    CaseApp { deadline: "1s".into(), ..CaseApp::new(1).env("NEVER_READY", 1) }.define(&site);
    let mut run = Foreground::here(&site, &["run"]);
    assert_eq!(run.ends(), 1, "nothing came up");
    assert!(!site.home().join("control.sock").exists());

    CaseApp::new(1).define(&site);
    let mut run = Foreground::here(&site, &["run"]);
    wait_for("the app", PATIENCE, || run.out().contains("app  r2 is up").then_some(()));
    site.write("gapless.toml", "[apps.app]\ncomand = \"x\"\n");
    process::signal(run.child.id(), HANG_UP);
    wait_for("the mistake to be said", PATIENCE, || run.err().contains("comand").then_some(()));
    CaseApp::new(2).define(&site);
    process::signal(run.child.id(), HANG_UP);
    site.wait_until("app", "a second instance", |app| app.ready == 2);
    process::signal(run.child.id(), TERMINATE);
    assert_eq!(run.ends(), 0);
}

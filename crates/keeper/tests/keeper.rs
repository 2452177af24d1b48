//! The keeper with a control that does as it is told, each in a process of its own.
//!
//! Both are this very test program, run again with `--ignored --exact`.

#![expect(clippy::unwrap_used, reason = "tests")]

use gapless_sys::fdstore::{self, Store};
use gapless_sys::signals::Signals;
use gapless_sys::{PidFd, process};
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const HOME: &str = "KEEPER_TEST_HOME";
/// What the next control does; read by each as it starts.
const SCRIPT: &str = "script";

#[test]
#[ignore = "run by the other tests, as the keeper's process"]
fn the_keeper() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let program = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--exact", "the_control", "--nocapture", "--quiet"];
    let command: Vec<OsString> =
        std::iter::once(program.into()).chain(arguments.map(OsString::from)).collect();
    // ExitCode has no number; main would return it.
    let code = gapless_keeper::run(Path::new(&home), &command);
    std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
}

#[test]
#[ignore = "run by the other tests, as control's process"]
fn the_control() {
    let Some(home) = std::env::var_os(HOME).map(PathBuf::from) else { return };
    let descriptors = fdstore::take();
    let store = Store::of_our_parent().unwrap().unwrap();
    let keeper: u32 = std::env::var(gapless_keeper::KEEPER_PID).unwrap().parse().unwrap();
    assert_eq!(process::stat(std::process::id()).unwrap().parent, keeper);
    for line in fs::read_to_string(home.join(SCRIPT)).unwrap().lines() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("store", name) => {
                // One end is kept by the keeper, the other by a file of the test: its path is what is told.
                let socket = UnixStream::connect(home.join("meeting")).unwrap();
                store.store(name, socket.as_fd()).unwrap();
            }
            ("become", name) => store.become_program(&home.join(name)).unwrap(),
            ("remove", name) => store.remove(name).unwrap(),
            ("say", text) => {
                let (_, socket) = descriptors.iter().find(|(name, _)| name == "line").expect("it was stored");
                UnixStream::from(socket.try_clone().unwrap()).write_all(text.as_bytes()).unwrap();
            }
            ("orphan", "") => {
                let middle = format!("sleep 600 & echo $! > {0}/new; mv {0}/new {0}/orphan", home.display());
                Command::new("/bin/sh").args(["-c", &middle]).status().unwrap();
            }
            ("exit", code) => std::process::exit(code.parse().unwrap()),
            other => panic!("no such order: {other:?}"),
        }
    }
    tell(&home, "names", &descriptors.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(","));
    tell(&home, "control", &std::process::id().to_string());
    loop {
        std::thread::park();
    }
}

fn tell(home: &Path, what: &str, value: &str) {
    fs::write(home.join("new"), value).unwrap();
    fs::rename(home.join("new"), home.join(what)).unwrap();
}

/// A keeper under test, killed with its control when the test is over.
struct Kept {
    home: tempfile::TempDir,
    keeper: Child,
}

impl Kept {
    fn new(script: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(SCRIPT), script).unwrap();
        let keeper = keeper(home.path(), Stdio::inherit());
        Self { home, keeper }
    }

    fn script(&self, text: &str) {
        tell(self.home.path(), SCRIPT, text);
    }

    /// What is told as `what`, once it is; the word is taken, so that the next one is a new one.
    fn hear(&self, what: &str) -> String {
        let path = self.home.path().join(what);
        let text = wait_for(what, || fs::read_to_string(&path).ok());
        fs::remove_file(path).unwrap();
        text
    }

    fn control(&self) -> PidFd {
        PidFd::open(self.hear("control").parse().unwrap()).unwrap()
    }

    fn ended(&mut self) -> ExitStatus {
        wait_for("the keeper to end", || self.keeper.try_wait().unwrap())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.keeper.try_wait().unwrap().is_none() {
            let children = process::all().unwrap().into_iter().filter(|p| p.parent == self.keeper.id());
            let children: Vec<_> = children.filter_map(|p| PidFd::open(p.pid).ok()).collect();
            self.keeper.kill().unwrap();
            self.keeper.wait().unwrap();
            for child in children {
                let _ = child.signal(9);
            }
        }
    }
}

fn keeper(home: &Path, stderr: Stdio) -> Child {
    // The test harness of the new process has a thread besides the keeper's: it inherits a mask in which the
    // keeper's signals are blocked already, as the keeper itself can block them in its own thread only.
    let _signals = Signals::take(&[1, 2, 15, 17]).unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "the_keeper", "--nocapture", "--quiet"])
        .env(HOME, home)
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .unwrap()
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_killed_control_is_back_with_its_descriptors() {
    let home = tempfile::tempdir().unwrap();
    let meeting = std::os::unix::net::UnixListener::bind(home.path().join("meeting")).unwrap();
    fs::write(home.path().join(SCRIPT), "store line\nstore other\nremove other").unwrap();
    let keeper = keeper(home.path(), Stdio::inherit());
    let kept = Kept { home, keeper };
    let (mut line, _) = meeting.accept().unwrap();
    let first = kept.control();
    assert_eq!(kept.hear("names"), "");

    kept.script("say hello again");
    first.signal(9).unwrap();
    let mut text = [0; 11];
    line.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"hello again");
    let second = kept.control();
    assert_eq!(kept.hear("names"), "line");

    // And once more: what was handed back is still kept.
    kept.script("say and again");
    second.signal(9).unwrap();
    let mut text = [0; 9];
    line.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"and again");
}

/// None of them can be executed: who was to become it goes on, with all that it holds.
#[test]
fn one_that_cannot_become_another_goes_on_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let meeting = std::os::unix::net::UnixListener::bind(home.path().join("meeting")).unwrap();
    let file = |name: &str, bytes: &[u8], mode| {
        fs::write(home.path().join(name), bytes).unwrap();
        fs::set_permissions(home.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    file("locked", b"\x7fELF", 0o600);
    // A shell would run these.
    file("torn", b"\x7fELF\nexit 0\n", 0o700);
    file("text", b"exit 0\n", 0o700);
    let script = "store line\nbecome missing\nbecome locked\nbecome torn\nbecome text";
    fs::write(home.path().join(SCRIPT), script).unwrap();
    let keeper = keeper(home.path(), Stdio::inherit());
    let mut kept = Kept { home, keeper };
    let (mut line, _) = meeting.accept().unwrap();
    let first = kept.control();
    assert_eq!(kept.hear("names"), "");
    assert_eq!(gapless_keeper::holder(kept.home.path()), Some(kept.keeper.id()));

    kept.script("say still here");
    first.signal(9).unwrap();
    let mut text = [0; 10];
    line.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"still here");
    let second = kept.control();
    assert_eq!(kept.hear("names"), "line");
    PidFd::open(kept.keeper.id()).unwrap().signal(15).unwrap();
    assert!(kept.ended().success());
    assert!(second.wait(Duration::from_secs(30)).unwrap());
}

#[test]
fn a_second_keeper_is_refused_by_name() {
    let kept = Kept::new("");
    kept.hear("control");
    assert_eq!(gapless_keeper::holder(kept.home.path()), Some(kept.keeper.id()));
    let second = keeper(kept.home.path(), Stdio::piped()).wait_with_output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8(second.stderr).unwrap();
    let expected = format!(
        "gapless: another Gapless already keeps {} (keeper pid {})\n",
        kept.home.path().display(),
        kept.keeper.id()
    );
    assert_eq!(said, expected);
}

#[test]
fn orphans_go_to_the_keeper_and_are_reaped() {
    let kept = Kept::new("orphan");
    let orphan: u32 = kept.hear("orphan").trim().parse().unwrap();
    let parent = || process::stat(orphan).is_some_and(|stat| stat.parent == kept.keeper.id()).then_some(());
    wait_for("the orphan to be the keeper's", parent);
    PidFd::open(orphan).unwrap().signal(9).unwrap();
    wait_for("the orphan to be gone altogether", || process::stat(orphan).is_none().then_some(()));
}

#[test]
fn it_ends_when_control_means_to() {
    let mut kept = Kept::new("exit 0");
    assert!(kept.ended().success());
    assert_eq!(gapless_keeper::holder(kept.home.path()), None);
}

#[test]
fn a_failing_control_is_tried_again() {
    let kept = Kept::new("exit 3");
    // It has to have failed at least once before it is mended; its log is where it would say why.
    wait_for("the first control", || fs::metadata(kept.home.path().join("logs/control.log")).ok());
    kept.script("");
    kept.hear("control");
}

#[test]
fn sigterm_is_passed_on() {
    let mut kept = Kept::new("");
    let control = kept.control();
    PidFd::open(kept.keeper.id()).unwrap().signal(15).unwrap();
    assert!(kept.ended().success());
    assert!(control.wait(Duration::from_secs(30)).unwrap());
}

#[test]
fn it_starts_in_the_background() {
    let home = tempfile::tempdir().unwrap();
    let script = format!("echo $PPID > {0}/new; mv {0}/new {0}/started; echo spoken", home.path().display());
    let command: Vec<OsString> = vec!["/bin/sh".into(), "-c".into(), script.into()];
    let mut child = gapless_keeper::spawn(&home.path().join("deep/home"), &command).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(home.path().join("started").exists());
    let log = fs::read_to_string(home.path().join("deep/home/logs/keeper.log")).unwrap();
    assert_eq!(log, "spoken\n");
}

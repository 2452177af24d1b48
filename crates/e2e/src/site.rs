//! An installation of Gapless for one test.

use crate::binary::gapless;
use crate::outcome::Outcome;
use crate::parts::{Killed, Part};
use crate::process;
use gapless_api::Status;
use gapless_api::status::{AppStatus, InstanceStatus};
use gapless_model::InstanceId;
use gapless_model::event::Event;
use gapless_testkit::wait::wait_for;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take on a machine that is busy with something else as well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// An installation with a `GAPLESS_HOME`, a directory for its files, and a public address.
#[derive(Debug)]
pub struct Site {
    directory: tempfile::TempDir,
    address: SocketAddr,
}

/// A command that runs beside the test.
#[derive(Debug)]
pub struct Running {
    words: String,
    child: Child,
    began: Instant,
}

impl Site {
    /// An installation in which nothing runs yet.
    ///
    /// # Panics
    /// No directory or port can be had.
    #[expect(clippy::new_without_default, reason = "it makes directories")]
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn new() -> Self {
        // Short: paths of Unix sockets are.
        let directory = tempfile::Builder::new().prefix("gl").tempdir_in("/tmp").unwrap();
        Self { directory, address: free_address() }
    }

    /// Where its files are.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Its `GAPLESS_HOME`.
    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// The address at which its first app listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes a file below [`Self::path`].
    ///
    /// # Panics
    /// It cannot be written.
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A `gapless` command in this installation, not yet run.
    pub fn command(&self, words: &[&str]) -> Command {
        self.command_of(gapless(), words)
    }

    /// The same of another file of the program.
    pub fn command_of(&self, program: impl AsRef<OsStr>, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(words).current_dir(self.path()).env("GAPLESS_HOME", self.home());
        command.env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Runs `gapless` with these words to its end.
    ///
    /// # Panics
    /// It cannot be run.
    pub fn gapless(&self, words: &[&str]) -> Outcome {
        Self::run(words, self.command(words))
    }

    /// The same with another file of the program.
    ///
    /// # Panics
    /// It cannot be run.
    pub fn gapless_of(&self, program: impl AsRef<OsStr>, words: &[&str]) -> Outcome {
        Self::run(words, self.command_of(program, words))
    }

    /// Runs a command to its end that runs `gapless` with these words in its own way.
    ///
    /// # Panics
    /// It cannot be run.
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn run(words: &[&str], mut command: Command) -> Outcome {
        let began = Instant::now();
        let output = command.output().unwrap();
        Outcome::new(words, &output, began.elapsed())
    }

    /// Begins to run `gapless` with these words.
    ///
    /// # Panics
    /// It cannot be run.
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn begin(&self, words: &[&str]) -> Running {
        let child = self.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { words: words.join(" "), child, began: Instant::now() }
    }

    /// `gapless status --json`.
    ///
    /// # Panics
    /// It fails, or prints something else.
    #[expect(clippy::expect_used, reason = "a test cannot go on without")]
    #[track_caller]
    pub fn status(&self) -> Status {
        let outcome = self.gapless(&["status", "--json"]).succeeds();
        serde_json::from_str(&outcome.out).expect("status --json prints a Status")
    }

    /// One app of the status.
    ///
    /// # Panics
    /// There is none of that name.
    #[track_caller]
    pub fn app(&self, name: &str) -> AppStatus {
        let status = self.status();
        let app = status.apps.into_iter().find(|a| a.name.as_str() == name);
        app.unwrap_or_else(|| panic!("there is no app {name}"))
    }

    /// Its instances.
    #[track_caller]
    pub fn instances(&self, name: &str) -> Vec<InstanceStatus> {
        self.app(name).instances
    }

    /// The processes of an app's instances.
    #[track_caller]
    pub fn pids(&self, name: &str) -> BTreeMap<InstanceId, Option<u32>> {
        self.instances(name).into_iter().map(|i| (i.id, i.pid)).collect()
    }

    /// Sends SIGKILL to control; returns its process id.
    #[track_caller]
    pub fn kill_control(&self) -> u32 {
        let pid = self.status().gapless.control_pid;
        process::kill(pid);
        pid
    }

    /// Sends SIGKILL to keeper and control at once, so that neither can bring the other back.
    ///
    /// # Panics
    /// There is no keeper.
    #[track_caller]
    pub fn kill_keeper_and_control(&self) {
        Killed::now(self, &[Part::Keeper, Part::Control]);
    }

    /// Kills keeper and control and lets `edit` do what it likes to the journal. The next command brings both back.
    ///
    /// # Panics
    /// There is no keeper, or no journal.
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    #[track_caller]
    pub fn edit_journal(&self, edit: impl FnOnce(&rusqlite::Connection)) {
        self.kill_keeper_and_control();
        edit(&rusqlite::Connection::open(self.home().join("journal.db")).unwrap());
    }

    /// What happened to an app, the oldest first.
    ///
    /// # Panics
    /// `gapless history` fails, or prints something else.
    #[expect(clippy::expect_used, reason = "a test cannot go on without")]
    #[track_caller]
    pub fn history(&self, name: &str) -> Vec<Event> {
        let outcome = self.gapless(&["history", name, "-n", "1000", "--json"]).succeeds();
        serde_json::from_str(&outcome.out).expect("history --json prints Events")
    }

    /// Asks for the app until it is as `is_so` wants it.
    ///
    /// # Panics
    /// When [`PATIENCE`] is at its end.
    #[track_caller]
    pub fn wait_until(&self, name: &str, what: &str, is_so: impl Fn(&AppStatus) -> bool) -> AppStatus {
        wait_for(what, PATIENCE, || Some(self.app(name)).filter(&is_so))
    }
}

impl Running {
    /// Waits for its end.
    ///
    /// # Panics
    /// It cannot be waited for.
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn wait(self) -> Outcome {
        let output = self.child.wait_with_output().unwrap();
        Outcome::new(&[&self.words], &output, self.began.elapsed())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGKILL: a client that dies.
    ///
    /// # Panics
    /// It has ended already.
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Site {
    /// Takes everything down, and shows the logs of a test that failed.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for log in ["control", "proxy", "keeper"] {
                let text =
                    fs::read_to_string(self.home().join(format!("logs/{log}.log"))).unwrap_or_default();
                let tail: Vec<_> = text.lines().rev().take(30).collect();
                eprintln!("── {log}.log, the last lines");
                tail.into_iter().rev().for_each(|line| eprintln!("   {line}"));
            }
        }
        if self.home().join("journal.db").exists() {
            let down = self.gapless(&["down"]);
            if down.code != 0 {
                eprintln!("`gapless down` at the end of the test: {}", down.text());
            }
        }
    }
}

/// An address on the loopback interface that nobody listens on.
///
/// # Panics
/// There is none.
#[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

//! The process group of one instance, held so that its number can never come to mean a stranger.

use crate::census::Census;
use crate::environment;
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::instance::ProcessId;
use gapless_model::signal::Signal;
use gapless_model::{Exit, InstanceId, Moment};
use gapless_sys::process::Stat;
use gapless_sys::{Ended, PidFd, group, marks, process};
use std::ffi::OsStr;
use std::io;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep};

/// How long killed processes may take to vanish; one that hangs in the kernel is not waited for longer.
const VANISH: Duration = Duration::from_secs(5);

/// What every process of an instance was started with.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    home: Utf8PathBuf,
    instance: String,
}

impl Mark {
    pub(crate) fn new(home: &Utf8Path, instance: &InstanceId) -> Self {
        Self { home: home.to_owned(), instance: instance.to_string() }
    }

    fn is_on(&self, pid: u32) -> bool {
        marks::bears(pid, environment::INSTANCE, OsStr::new(&self.instance))
            && marks::bears(pid, environment::HOME, self.home.as_os_str())
    }
}

/// A group with its leader. The leader is not reaped before the rest of the group was dealt with: until then
/// the kernel gives its number to nobody else.
#[derive(Debug)]
pub(crate) struct Group {
    process: ProcessId,
    leader: AsyncFd<PidFd>,
}

impl Group {
    /// Takes hold of the leader that was just started, or that was started by an earlier control.
    ///
    /// # Errors
    /// There is no such process, or it is another one.
    pub(crate) fn hold(pid: u32) -> io::Result<Self> {
        let leader = PidFd::open(pid)?;
        let stat = process::stat(pid).ok_or_else(gone)?;
        let process = ProcessId { pid, started: stat.started };
        #[expect(deprecated, reason = "sound here, as a PidFd owns one descriptor; the successor is unsafe")]
        let leader = AsyncFd::with_interest(leader, Interest::READABLE)?;
        Ok(Self { process, leader })
    }

    /// Takes hold of exactly this process, if it still runs and leads its group.
    ///
    /// # Errors
    /// It does not run any more; its pid may mean a stranger now.
    pub(crate) fn resume(process: ProcessId) -> io::Result<Self> {
        let held = Self::hold(process.pid)?;
        let leads = process::stat(process.pid).is_some_and(|stat| stat.group == process.pid && !stat.zombie);
        if held.process == process && leads { Ok(held) } else { Err(gone()) }
    }

    /// Its leader.
    pub(crate) const fn process(&self) -> ProcessId {
        self.process
    }

    /// When its leader was started, to the hundredth of a second.
    pub(crate) fn since(&self) -> Moment {
        Moment::from_millis(gapless_sys::usage::ticks_to_millis(self.process.started))
    }

    /// Its number.
    pub(crate) const fn number(&self) -> u32 {
        self.process.pid
    }

    /// Waits until the leader has ended. Cancel safe.
    pub(crate) async fn ended(&self) {
        if self.leader.readable().await.is_err() {
            // The runtime is going away, and we with it.
            std::future::pending::<()>().await;
        }
    }

    /// Lets go of a leader that has ended: from here on the number may mean a stranger.
    pub(crate) fn reap(&self) -> Exit {
        self.leader.get_ref().reap().map_or(Exit::Unknown, exit_of)
    }

    /// Sends `signal` to the leader alone. One that has ended needs none.
    pub(crate) fn signal_leader(&self, signal: Signal) {
        let _ = self.leader.get_ref().signal(signal.number());
    }

    /// Sends `signal` to every process of the group, unless the number might mean a stranger's.
    pub(crate) fn signal_all(&self, signal: Signal) {
        if self.holds_number() {
            let _ = group::signal(self.number(), signal.number());
        }
    }

    /// A leader that runs, or was our child and is not reaped, keeps the number; one that another process has
    /// reaped does not.
    fn holds_number(&self) -> bool {
        self.leader.get_ref().peek() != Some(Ended::Unknown)
    }

    /// The processes of the instance that still run, leader included.
    pub(crate) async fn members(&self, census: &Census, mark: &Mark) -> Vec<Stat> {
        let mut members = census.members(self.number()).await.unwrap_or_default();
        if !self.holds_number() {
            members.retain(|member| mark.is_on(member.pid));
        }
        members
    }

    /// Kills what is left of the group, whose leader has ended, and waits until it is gone. Says how the
    /// leader ended.
    pub(crate) async fn finish(self, census: &Census, mark: &Mark) -> Exit {
        // All that are left are reached while the number is held; a fork in that moment does not get away.
        self.signal_all(Signal::Kill);
        let exit = self.reap();
        kill_remains(self.number(), census, mark).await;
        exit
    }
}

/// Kills what a leader left behind that is not there any more, and waits until it is gone. As the number of
/// its group may have come to mean a stranger's, only processes that bear `mark` are touched.
pub(crate) async fn kill_remains(number: u32, census: &Census, mark: &Mark) {
    let deadline = Instant::now() + VANISH;
    let mut pause = Duration::from_millis(1);
    // Nearly always there is nobody, and nobody has to be looked for.
    while group::exists(number) && Instant::now() < deadline {
        let mut members = census.members(number).await.unwrap_or_default();
        members.retain(|member| mark.is_on(member.pid));
        if members.is_empty() {
            return;
        }
        members.into_iter().for_each(|member| kill_one(member, mark));
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn kill_one(member: Stat, mark: &Mark) {
    let Ok(held) = PidFd::open(member.pid) else { return };
    if process::started(member.pid) == Some(member.started) && mark.is_on(member.pid) {
        let _ = held.signal(Signal::Kill.number());
    }
}

fn exit_of(ended: Ended) -> Exit {
    match ended {
        Ended::Code(code) => Exit::Code(code),
        Ended::Signal(number) => Exit::Signal(number),
        Ended::Unknown => Exit::Unknown,
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the process does not run any more")
}

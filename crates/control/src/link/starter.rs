//! Starting proxies.

use super::LOOK;
use camino::{Utf8Path, Utf8PathBuf};
use gapless_sys::program;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The longest pause between two starts of a proxy that dies at once.
const START_PAUSE_MAX: Duration = Duration::from_secs(5);

/// Starts proxies, less often when they die at once.
pub(super) struct Starter {
    /// `GAPLESS_HOME`.
    home: Utf8PathBuf,
    last: Option<Started>,
    /// Those that it follows.
    former: Vec<Child>,
    pause: Duration,
}

/// A proxy that was started.
struct Started {
    child: Child,
    since: Instant,
    workers: Option<u32>,
}

impl Starter {
    /// One that has started none.
    pub(super) const fn new(home: Utf8PathBuf) -> Self {
        Self { home, last: None, former: Vec::new(), pause: Duration::ZERO }
    }

    /// Starts one beside the one that serves.
    ///
    /// # Errors
    /// The program cannot be executed.
    pub(super) fn succeed(&mut self, workers: Option<u32>) -> std::io::Result<u32> {
        let child = start(&self.home, workers)?;
        let pid = child.id();
        let former = self.last.replace(Started { child, since: Instant::now(), workers });
        self.former.extend(former.map(|former| former.child));
        Ok(pid)
    }

    /// How the one that was started last ended, if it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.last.as_mut()?.child.try_wait().ok()?
    }

    /// The one that was started last is not to serve: it goes on by itself, or is killed.
    pub(super) fn give_up(&mut self, kill: bool) {
        if let Some(Started { mut child, .. }) = self.last.take() {
            if kill && let Err(error) = child.kill().and_then(|()| child.wait()) {
                tracing::error!("cannot stop the proxy (pid {}): {error}", child.id());
            }
            self.former.push(child);
        }
    }

    /// The one that was started last.
    pub(super) fn last(&self) -> Option<u32> {
        self.last.as_ref().map(|last| last.child.id())
    }

    /// The number of workers that one was started with. Of one that somebody else has started nothing is known.
    pub(super) fn workers_of(&self, pid: u32) -> Option<Option<u32>> {
        self.last.as_ref().filter(|last| last.child.id() == pid).map(|last| last.workers)
    }

    /// Takes note of those that have ended, so that none is left a zombie.
    pub(super) fn reap(&mut self) {
        self.former.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }

    /// Starts one unless the last one still runs.
    pub(super) async fn ensure(&mut self, workers: Option<u32>) {
        if let Some(Started { child, since, .. }) = &mut self.last {
            match child.try_wait() {
                Ok(None) => return,
                Ok(Some(status)) => {
                    let ran = since.elapsed();
                    tracing::error!("the proxy (pid {}) ended: {status}; starting another", child.id());
                    self.pause = if ran > START_PAUSE_MAX {
                        Duration::ZERO
                    } else {
                        (self.pause * 2).clamp(LOOK, START_PAUSE_MAX)
                    };
                }
                Err(error) => tracing::error!("cannot ask for the proxy: {error}"),
            }
            self.last = None;
        }
        sleep(self.pause).await;
        match start(&self.home, workers) {
            Ok(child) => self.last = Some(Started { child, since: Instant::now(), workers }),
            Err(error) => {
                self.pause = (self.pause * 2).clamp(LOOK, START_PAUSE_MAX);
                tracing::error!("cannot start the proxy: {error}");
            }
        }
    }
}

fn start(home: &Utf8Path, workers: Option<u32>) -> std::io::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(home.join("logs/proxy.log"))?;
    let named = std::env::current_exe()?;
    let mut process = Command::new(program::again(named.as_os_str()));
    process.args(["internal", "proxy", "--home", home.as_str()]);
    if let Some(workers) = workers {
        process.args(["--workers", &workers.to_string()]);
    }
    process.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
    process.env_remove("NOTIFY_SOCKET").spawn()
}

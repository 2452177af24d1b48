//! Control becomes another program in place (`execve(2)`), where no keeper of ours would start that: the service
//! manager sees the same process go on. What outlives it there comes along, as the manager hands it back only to a
//! process that it starts.

use crate::listeners::Listeners;
use gapless_supervise::Supervisor;
use gapless_sys::{PidFd, fdstore, handover};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

/// How often it is looked whether an inherited child has ended.
const LOOK: Duration = Duration::from_secs(1);

/// What one control leaves to the next in the same process.
#[derive(Debug)]
pub(crate) struct Estate {
    /// The program to become.
    pub(crate) program: PathBuf,
    /// Children that nobody else will reap: the proxies.
    children: Vec<u32>,
    descriptors: Vec<(String, OwnedFd)>,
}

impl Estate {
    /// All that has to come along.
    pub(crate) fn of(
        program: PathBuf,
        listeners: &Listeners,
        supervisor: &Supervisor,
        children: Vec<u32>,
    ) -> Self {
        let mut descriptors = listeners.copies();
        descriptors.extend(supervisor.kept());
        Self { program, children, descriptors }
    }

    /// Becomes the program. Comes back only if that failed.
    pub(crate) fn leave(&self) -> io::Error {
        let words: Vec<OsString> = std::env::args_os().skip(1).collect();
        let children: Vec<String> = self.children.iter().map(u32::to_string).collect();
        let descriptors: Vec<_> =
            self.descriptors.iter().map(|(name, fd)| (name.as_str(), fd.as_fd())).collect();
        handover::become_program(self.program.as_os_str(), &words, &children.join(","), &descriptors)
    }
}

/// What is there from the first moment on.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    /// Descriptors by name.
    pub(crate) descriptors: Vec<(String, OwnedFd)>,
    /// Children of a control before us in this process.
    pub(crate) children: Vec<u32>,
}

impl Inherited {
    /// From whoever has started us, or was here before us. To be called once, first thing in `main`.
    pub(crate) fn take() -> Self {
        let mut descriptors = fdstore::take();
        let left = handover::take();
        let note = left.as_ref().map(|left| left.note.clone()).unwrap_or_default();
        descriptors.extend(left.into_iter().flat_map(|left| left.descriptors));
        Self { descriptors, children: note.split(',').filter_map(|pid| pid.parse().ok()).collect() }
    }
}

/// Reaps inherited children as they end.
pub(crate) async fn reap(children: Vec<u32>) {
    let mut children: Vec<PidFd> = children.into_iter().filter_map(|pid| PidFd::open(pid).ok()).collect();
    while !children.is_empty() {
        children.retain(|child| child.reap().is_none());
        tokio::time::sleep(LOOK).await;
    }
}

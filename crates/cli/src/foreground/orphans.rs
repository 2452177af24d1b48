//! Processes whose parent has died become ours, and are reaped when they end: no zombie is left by anybody.

use crate::errors::Error;
use rustix::process::{WaitOptions, getpid, set_child_subreaper, wait};
use tokio::signal::unix::{SignalKind, signal};

/// Adopts orphans and reaps them from here on. Process 1 of a container has no choice; any other asks for it
/// (`PR_SET_CHILD_SUBREAPER`, `prctl(2)`).
///
/// Whoever starts a child in this process gets no word of its end: it is reaped here.
pub(crate) fn adopt() -> Result<(), Error> {
    let failed =
        |error: std::io::Error| Error::failed(format!("cannot become the parent of orphans: {error}"));
    let mut ended = signal(SignalKind::child()).map_err(failed)?;
    set_child_subreaper(Some(getpid())).map_err(|error| failed(error.into()))?;
    tokio::task::spawn_local(async move {
        loop {
            // Several that end together are one signal.
            while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
            if ended.recv().await.is_none() {
                return;
            }
        }
    });
    Ok(())
}

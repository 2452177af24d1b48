//! What a process in the foreground is told by signals.

use crate::errors::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What somebody wants of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// SIGTERM, SIGINT, SIGQUIT: end; told again, sooner.
    End,
    /// SIGHUP: read the file again.
    Reload,
}

/// The signals.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Takes them: from here on none of them ends us.
    pub(crate) fn take() -> Result<Self, Error> {
        let take =
            |kind| signal(kind).map_err(|error| Error::failed(format!("cannot listen to signals: {error}")));
        Ok(Self {
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
            quit: take(SignalKind::quit())?,
            hang_up: take(SignalKind::hangup())?,
        })
    }

    /// The next wish. Cancel safe.
    pub(crate) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::End,
            _ = self.interrupt.recv() => Wish::End,
            _ = self.quit.recv() => Wish::End,
            _ = self.hang_up.recv() => Wish::Reload,
        }
    }

    /// The next wish that we end. Cancel safe.
    pub(crate) async fn end(&mut self) {
        while self.next().await != Wish::End {}
    }
}

//! How the reader is reached.

use crate::bell::Bell;
use crate::fifo::Fifo;
use gapless_model::app::LogSpec;
use gapless_model::{AppName, InstanceId};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// What the reader is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    Add {
        instance: InstanceId,
        spec: LogSpec,
        out: Fifo,
        err: Fifo,
    },
    Configure {
        app: AppName,
        spec: LogSpec,
    },
    /// Read what is left and forget it.
    Remove {
        instance: InstanceId,
        reply: oneshot::Sender<()>,
    },
    /// Read all that it has written by now.
    CatchUp {
        instance: InstanceId,
        reply: oneshot::Sender<()>,
    },
    End {
        reply: oneshot::Sender<()>,
    },
}

impl Command {
    /// Whom it is about; none if all.
    pub(crate) fn app(&self) -> Option<&AppName> {
        match self {
            Self::Add { instance, .. } | Self::Remove { instance, .. } | Self::CatchUp { instance, .. } => {
                Some(instance.app())
            }
            Self::Configure { app, .. } => Some(app),
            Self::End { .. } => None,
        }
    }
}

/// What the reader is asked, until it looks.
#[derive(Debug)]
pub(crate) struct Mailbox {
    commands: Mutex<Vec<Command>>,
    bell: Arc<Bell>,
}

impl Mailbox {
    pub(crate) fn new(bell: Arc<Bell>) -> Self {
        Self { commands: Mutex::default(), bell }
    }

    pub(crate) fn send(&self, command: Command) {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).push(command);
        self.bell.ring();
    }

    pub(crate) fn take(&self) -> Vec<Command> {
        std::mem::take(&mut *self.commands.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

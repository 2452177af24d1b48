//! The keeper's own successor, in the same process.

use crate::control::Control;
use crate::error::KeeperError;
use crate::shelf::Shelf;
use gapless_sys::handover::{self, Handover};
use gapless_sys::lock::Lock;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The names of what is not on the shelf. No control stores anything like it.
const LOCK: &str = "keeper: lock";
const INBOX: &str = "keeper: inbox";

/// What one keeper leaves to the next.
#[derive(Debug)]
pub(crate) struct Estate {
    pub(crate) lock: Lock,
    pub(crate) inbox: OwnedFd,
    pub(crate) shelf: Shelf,
    /// None if it has to be started.
    pub(crate) control: Option<Control>,
}

impl Estate {
    /// What was left to us; none if we are the first in this process.
    ///
    /// # Errors
    /// What was left is not all there.
    pub(crate) fn take() -> Result<Option<Self>, KeeperError> {
        let Some(Handover { note, mut descriptors }) = handover::take() else { return Ok(None) };
        let mut remove = |name| {
            let at = descriptors.iter().position(|(of, _)| of == name);
            at.map(|at| descriptors.remove(at).1).ok_or_else(|| KeeperError::System {
                doing: "take over from the keeper before",
                error: io::ErrorKind::NotFound.into(),
            })
        };
        let (lock, inbox) = (remove(LOCK)?.into(), remove(INBOX)?);
        let control = note.parse().ok().map(Control::adopt).transpose()?;
        Ok(Some(Self { lock, inbox, shelf: Shelf::of(descriptors), control }))
    }
}

/// Becomes `program`, with the words that we were started with. Comes back only if that failed.
pub(crate) fn leave_to(
    program: &Path,
    lock: &Lock,
    inbox: &OwnedFd,
    shelf: &Shelf,
    control: Option<u32>,
) -> io::Error {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut descriptors = shelf.all();
    descriptors.extend([(LOCK, lock.as_fd()), (INBOX, inbox.as_fd())]);
    let note = control.map(|pid| pid.to_string()).unwrap_or_default();
    handover::become_program(program.as_os_str(), &words, &note, &descriptors)
}

//! Reading what is in a FIFO without taking it out.

use crate::fifo::{CAPACITY, Fifo};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;

/// So much is looked at in one piece.
pub(crate) const PIECE: usize = 32 * 1024;

/// A pipe that copies are read from (`tee(2)`: the pages are shared, not copied). It is empty between two looks.
#[derive(Debug)]
pub(crate) struct Peek {
    input: OwnedFd,
    output: OwnedFd,
    capacity: usize,
    buffer: Vec<u8>,
}

impl Peek {
    pub(crate) fn new() -> rustix::io::Result<Self> {
        let (output, input) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // Beyond the user's limit it keeps the size that it has.
        let _ = fcntl_setpipe_size(&input, CAPACITY);
        let capacity = fcntl_getpipe_size(&input)?;
        Ok(Self { input, output, capacity, buffer: vec![0; PIECE] })
    }

    /// Whether all that can be in a FIFO is seen in one look.
    pub(crate) fn shows_all(&self, fifo: &Fifo) -> bool {
        fifo.capacity() <= self.capacity
    }

    /// Gives out what is in the FIFO behind the position `from`, in pieces of at most [`PIECE`] bytes, until no
    /// more are wanted.
    pub(crate) fn look(
        &mut self,
        fifo: &Fifo,
        from: u64,
        mut give: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> rustix::io::Result<()> {
        let (mut at, mut left) = fifo.copy_to(&self.input)?;
        let mut wanted = true;
        while left > 0 {
            let read = match rustix::io::read(&self.output, &mut self.buffer) {
                Ok(read) => read,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error),
            };
            let known = usize::try_from(from.saturating_sub(at)).unwrap_or(read).min(read);
            if wanted && known < read {
                wanted = give(&self.buffer[known..read]).is_continue();
            }
            at += read as u64;
            left = left.saturating_sub(read);
        }
        Ok(())
    }
}

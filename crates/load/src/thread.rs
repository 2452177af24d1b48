//! A load on a thread of its own, beside a program that does something else.

use crate::plan::Plan;
use crate::report::Report;
use crate::run::{Handle, Load};
use std::io;
use std::thread::JoinHandle;

/// A running load.
#[derive(Debug)]
pub struct LoadThread {
    handle: Handle,
    thread: JoinHandle<Report>,
}

impl LoadThread {
    /// Starts `plan` on a thread with a runtime of its own.
    ///
    /// # Errors
    ///
    /// When the runtime or the thread cannot be made: no descriptors or no memory left.
    pub fn start(plan: Plan) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let load = Load::new(plan);
        let handle = load.handle();
        let thread = std::thread::Builder::new()
            .name("gapless-load".to_owned())
            .spawn(move || runtime.block_on(load.run()))?;
        Ok(Self { handle, thread })
    }

    /// To watch and to stop it.
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for its end. Blocks the calling thread.
    pub fn wait(self) -> Report {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Lets no further request begin, and waits for those begun. Blocks the calling thread for at most the
    /// plan's timeout.
    pub fn stop(self) -> Report {
        self.handle.stop();
        self.wait()
    }
}

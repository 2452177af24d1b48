//! What can happen next.

use super::proxy::ToProxy;
use super::supervisor::Timer;
use gapless_control::engine::Input;
use gapless_model::{AppName, InstanceId, RolloutId};

/// Something that happens at its time. Where it belongs to a process of ours that may have died since, it says
/// to which; the others then no longer matter.
#[derive(Debug)]
pub(super) enum Event {
    /// Something reaches control.
    Input { control: u64, inputs: Vec<Input> },
    /// Control's own timer.
    Tick { control: u64, at: u64 },
    /// The next control begins.
    ControlStarts,
    /// The disk is done with the oldest journal entry.
    Written { control: u64 },
    /// The disk has room again.
    DiskFree,
    /// A timer of an instance's supervisor, or what its probes see.
    Supervisor { control: u64, instance: InstanceId, timer: Timer },
    /// The checks of a new release end.
    Verified { control: u64, app: AppName, rollout: RolloutId, passes: bool },
    /// A process's own life goes on.
    Process { pid: u32, turn: Turn },
    /// The next proxy is there, in place of one that was killed.
    ProxyStarts,
    /// A proxy of the next version is there, beside the one that serves.
    SuccessorStarts { version: u32 },
    /// Control has found proxies that it had no connection to.
    Found { control: u64, proxies: Vec<u32> },
    /// A former proxy may have nobody left to serve.
    MayEnd { proxy: u32 },
    /// A message reaches a proxy.
    ToProxy { proxy: u32, message: ToProxy },
    /// A worker takes up the next snapshot.
    WorkerApplies { proxy: u32, worker: usize },
    /// The proxy's counters are due.
    Counters { proxy: u32 },
    /// The next request of an app.
    Request { app: usize },
    /// A request is answered.
    Answered { proxy: u32, request: u64 },
    /// Held requests are looked at again.
    Held { proxy: u32 },
    /// The script goes on.
    Act(usize),
}

/// A turn in a process's life.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    /// It answers, and is ready if it ever is.
    Booted,
    /// It ends by itself.
    Ends { code: i32 },
    /// It stops being ready, or is ready again.
    Ready(bool),
    /// It hangs.
    Wedges,
    /// It ends as it was asked to.
    Leaves,
    /// It is killed.
    Killed,
}

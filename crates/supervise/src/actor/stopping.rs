//! It has been asked to end.

use super::process::Process;
use super::{Actor, Next};
use crate::wish::Order;
use crate::{clock, stop};
use gapless_model::{Failure, InstanceState, Moment};
use std::time::Duration;

/// What an instance is stopped for. An order to end that comes later overrides it.
#[derive(Debug)]
pub(super) enum Then {
    /// Not to run again.
    Gone,
    /// To be started again at once.
    Start,
    /// Because it failed.
    Fail(Failure),
}

impl Actor {
    /// Does what was ordered, whatever it is doing.
    pub(super) fn obey(&mut self, order: Order, process: Process) -> Next {
        match order {
            Order::Stop => self.stop(process, Then::Gone),
            Order::Restart => self.stop(process, Then::Start),
            Order::Leave => Next::Left,
        }
    }

    /// Asks it to end. From here on the timer of the kill runs, and nothing winds it up again.
    pub(super) fn stop(&mut self, process: Process, then: Then) -> Next {
        let spec = &self.launch.release.spec.stop;
        stop::ask(&process.group, spec);
        let since = clock::now();
        let kill_at = since + spec.timeout;
        self.view.state = InstanceState::Stopping { since, kill_at };
        if let Then::Fail(failure) = &then {
            self.view.last_failure = Some(failure.clone());
        }
        Next::Stopping { process, kill_at, then }
    }

    /// Waits until the whole group is gone.
    pub(super) async fn stopping(&mut self, process: Process, kill_at: Moment, then: Then) -> Next {
        let Process { group, cell, target, ready_since, probes, .. } = process;
        // A question without an answer yet holds a connection, and who closes politely waits for each to end.
        drop(probes);
        self.tell().await;
        tokio::select! {
            () = stop::complete(&group, kill_at, &self.world.census, &self.mark) => {}
            () = self.orders.abandoned() => return Next::Left,
        }
        let exit = self.finish(group, cell).await;
        drop(target);
        self.nothing_runs();
        match then {
            _ if self.orders.pending() == Some(Order::Stop) => Next::Gone { exit: Some(exit) },
            Then::Gone => Next::Gone { exit: Some(exit) },
            Then::Start => self.again(),
            Then::Fail(failure) => {
                let ready = ready_since.map_or(Duration::ZERO, |since| clock::now().since(since));
                Next::Failed { failure, exit: Some(exit), ready }
            }
        }
    }

    /// There is no process any more, nor an address.
    pub(super) fn nothing_runs(&mut self) {
        self.view.process = None;
        self.view.address = None;
        self.view.unlimited = None;
    }
}

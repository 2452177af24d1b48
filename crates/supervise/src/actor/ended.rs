//! Nothing of it runs any more.

use super::process::Process;
use super::{Actor, Next};
use crate::cgroups::Cell;
use crate::clock;
use crate::environment::says_ready_itself;
use crate::group::Group;
use crate::wish::Order;
use gapless_model::app::RestartPolicy;
use gapless_model::{Exit, Failure, InstanceState};
use std::time::Duration;

impl Actor {
    /// Its process ended without being asked to: what it left running is killed, as the next one must not meet
    /// it.
    pub(super) async fn ended(&mut self, process: Process) -> Next {
        let now = clock::now();
        let Process { group, cell, since, ready_since, .. } = process;
        let exit = self.finish(group, cell).await;
        self.nothing_runs();
        let ready = ready_since.map_or(Duration::ZERO, |since| now.since(since));
        let ran = now.since(since);
        let failure = Failure::Exited { exit, ran, was_ready: ready_since.is_some() };
        if self.orders.pending() == Some(Order::Stop) {
            return Next::Gone { exit: Some(exit) };
        }
        if exit == Exit::Code(0) && self.orders.restart_spec().policy == RestartPolicy::OnFailure {
            // It may mean to end; nobody asked it to, and a rollout to it must not wait for it for ever.
            self.view.last_failure = Some(failure);
            return Next::Gone { exit: Some(exit) };
        }
        Next::Failed { failure, exit: Some(exit), ready }
    }

    /// Kills what is left of its group, and of whoever went out of that, and says how it ended.
    pub(super) async fn finish(&self, group: Group, cell: Option<Cell>) -> Exit {
        let exit = group.finish(&self.world.census, &self.mark).await;
        let Some(cell) = cell else { return exit };
        let exit = cell.told(exit);
        cell.close().await;
        exit
    }

    /// There it stays, until it shall be forgotten.
    pub(super) async fn gone(&mut self, exit: Option<Exit>) -> Next {
        self.nothing_runs();
        self.become_state(InstanceState::Gone { exit }).await;
        if self.orders.forgotten().await {
            let instance = &self.launch.instance;
            if says_ready_itself(&self.launch.release) {
                self.world.kept.forget(instance);
            }
            // One that an earlier control had not come to remove.
            let limits = &self.launch.release.spec.process.limits;
            if let Some(cell) = self.world.cgroups.left_by(instance, limits) {
                cell.close().await;
            }
            if let Err(error) = self.world.run.forget(instance) {
                tracing::warn!(%instance, %error, "cannot remove what it left in run/");
            }
        }
        Next::Left
    }
}

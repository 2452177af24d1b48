//! It runs, and must become ready.

use super::process::Process;
use super::{Actor, Next, Then};
use crate::clock;
use crate::probe::Health;
use crate::target::Target;
use gapless_model::probe::{ProbeAnswer, ProbeReport};
use gapless_model::{Failure, InstanceState, Moment};

impl Actor {
    /// Probes it until it is ready, ends, or is too late.
    pub(super) async fn starting(&mut self, mut process: Process, deadline: Moment) -> Next {
        self.become_state(InstanceState::Starting { since: process.since, deadline }).await;
        loop {
            let health = tokio::select! {
                biased;
                order = self.orders.next() => return self.obey(order, process),
                () = process.group.ended() => return Next::Ended { process },
                () = clock::sleep_until(deadline) => return self.too_late(process, deadline),
                health = process.probes.boot() => health,
            };
            if health == Health::Healthy && self.is_reachable(&process.target).await {
                process.settle(&self.launch, clock::now());
                return Next::Ready { process };
            }
            if self.view.address.as_ref() != process.target.found() {
                self.view.address = process.target.found().cloned();
                self.tell().await;
            }
        }
    }

    /// Whether requests can be sent to it, if it is to have any. One look, which takes no time on loopback; if
    /// it fails, the next answer of the probe leads to the next look.
    async fn is_reachable(&self, target: &Target) -> bool {
        let found = target.serves() && target.find().await;
        found || !self.launch.routed
    }

    fn too_late(&mut self, process: Process, deadline: Moment) -> Next {
        let report = self.what_was_missing(&process);
        let after = deadline.since(process.since);
        let failure = Failure::StartDeadline { after, report };
        self.stop(process, Then::Fail(failure))
    }

    /// What the last probe got; where it passed, that nobody listened where requests would be sent.
    fn what_was_missing(&self, process: &Process) -> Option<ProbeReport> {
        let report = process.probes.boot_report()?;
        if report.answer != ProbeAnswer::Passed || process.target.found().is_some() {
            return Some(report);
        }
        let asked = format!("connect to {}", process.target.place());
        let answer = ProbeAnswer::NotListening { instead: process.target.elsewhere() };
        Some(ProbeReport { at: report.at, asked, answer })
    }
}

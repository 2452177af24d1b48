//! It has become ready.

use super::probes::Asked;
use super::process::Process;
use super::{Actor, Next};
use crate::clock;
use crate::probe::Health;
use gapless_model::{Failure, InstanceState};

impl Actor {
    /// It is ready, until a probe says otherwise.
    pub(super) async fn ready(&mut self, mut process: Process) -> Next {
        // Taken over without a word about its address: it is looked for now, which takes no time on loopback.
        if process.target.serves() {
            process.target.find().await;
        }
        self.view.address = process.target.found().cloned();
        let since = match self.view.state {
            // Taken over: it has been ready all the time.
            InstanceState::Ready { since } => since,
            _ => clock::now(),
        };
        self.become_state(InstanceState::Ready { since }).await;
        loop {
            let asked = tokio::select! {
                biased;
                order = self.orders.next() => return self.obey(order, process),
                () = process.group.ended() => return Next::Ended { process },
                asked = process.probes.next() => asked,
            };
            match asked {
                Asked::Live(Health::Unhealthy) => return Next::Wedged { process },
                Asked::Ready(Health::Unhealthy) => return Next::Unready { process },
                Asked::Live(_) | Asked::Ready(_) => {}
            }
        }
    }

    /// It was ready and fails its readiness probe, until that passes again.
    pub(super) async fn unready(&mut self, mut process: Process) -> Next {
        if let Some(report) = process.probes.readiness_report() {
            self.view.last_failure = Some(Failure::Unready { report: report.clone() });
            self.become_state(InstanceState::Unready { since: clock::now(), report }).await;
        } else {
            self.tell().await;
        }
        loop {
            let asked = tokio::select! {
                biased;
                order = self.orders.next() => return self.obey(order, process),
                () = process.group.ended() => return Next::Ended { process },
                asked = process.probes.next() => asked,
            };
            match asked {
                Asked::Live(Health::Unhealthy) => return Next::Wedged { process },
                Asked::Ready(Health::Healthy) => return Next::Ready { process },
                Asked::Live(_) | Asked::Ready(_) => {}
            }
        }
    }
}

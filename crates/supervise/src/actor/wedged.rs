//! It runs, and its liveness probe fails.

use super::process::Process;
use super::{Actor, Next};
use crate::clock;
use crate::probe::Health;
use gapless_model::{Failure, InstanceState};

impl Actor {
    /// It waits for the order to be restarted. Should it recover before, it may come back: an instance that
    /// works again is better than none.
    pub(super) async fn wedged(&mut self, mut process: Process) -> Next {
        if let Some(report) = process.probes.liveness_report() {
            self.view.last_failure = Some(Failure::Wedged { report: report.clone() });
            self.become_state(InstanceState::Wedged { since: clock::now(), report }).await;
        } else {
            self.tell().await;
        }
        loop {
            let health = tokio::select! {
                biased;
                order = self.orders.next() => return self.obey(order, process),
                () = process.group.ended() => return Next::Ended { process },
                health = process.probes.live() => health,
            };
            if health == Health::Healthy {
                return self.recovered(process);
            }
        }
    }

    /// It lives; whether it is ready is for the readiness probe to say, if there is one to be asked.
    fn recovered(&mut self, mut process: Process) -> Next {
        process.settle(&self.launch, clock::now());
        let InstanceState::Wedged { report, .. } = &self.view.state else { return Next::Ready { process } };
        if !process.probes.ask_readiness() {
            return Next::Ready { process };
        }
        self.view.state = InstanceState::Unready { since: clock::now(), report: report.clone() };
        Next::Unready { process }
    }
}

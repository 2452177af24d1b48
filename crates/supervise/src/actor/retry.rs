//! It failed, and may be started again.

use super::{Actor, Next};
use crate::clock;
use crate::wish::Order;
use gapless_model::app::RestartPolicy;
use gapless_model::{Exit, Failure, InstanceState, Moment};
use std::time::Duration;

impl Actor {
    /// Decides by the policy whether it is started again, and by the failures so far when.
    pub(super) async fn failed(&mut self, failure: Failure, exit: Option<Exit>, ready: Duration) -> Next {
        tracing::info!(instance = %self.launch.instance, %failure, "instance failed");
        self.nothing_runs();
        self.view.last_failure = Some(failure);
        let spec = self.orders.restart_spec();
        if spec.policy == RestartPolicy::Never {
            return Next::Gone { exit };
        }
        let failures = self.backoff.fail(ready, &spec);
        let delay = self.backoff.delay(&spec, fastrand::f64());
        if delay.is_zero() {
            return self.again();
        }
        let until = clock::now() + delay;
        self.view.state = InstanceState::Backoff { until, failures };
        Next::Backoff { until }
    }

    /// Waits for its time.
    pub(super) async fn backing_off(&mut self, until: Moment) -> Next {
        self.tell().await;
        tokio::select! {
            biased;
            order = self.orders.next() => match order {
                Order::Stop => Next::Gone { exit: None },
                Order::Restart => self.again(),
                Order::Leave => Next::Left,
            },
            () = clock::sleep_until(until) => self.again(),
        }
    }

    /// Starts it once more.
    pub(super) fn again(&mut self) -> Next {
        self.view.restarts = self.view.restarts.saturating_add(1);
        Next::Start
    }
}

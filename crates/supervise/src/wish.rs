//! What is wanted of a running instance.
//!
//! Orders are a level, not a queue: the latest wish is always there to be read, so that none is lost, none
//! waits behind another, and one given twice is given once.

use gapless_model::app::RestartSpec;
use tokio::sync::watch;

/// All that is wanted of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// It shall end. Never taken back.
    pub(crate) stop: bool,
    /// Once it has ended, what it left in `run/` shall go too.
    pub(crate) forget: bool,
    /// How often a restart was asked for.
    pub(crate) restarts: u64,
    /// When it is started again after a failure.
    pub(crate) restart: RestartSpec,
}

/// What an instance is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// End.
    Stop,
    /// End and begin again.
    Restart,
    /// Nothing any more: the supervisor is gone, and the process is left to whoever comes next.
    Leave,
}

/// The actor's end.
#[derive(Debug)]
pub(crate) struct Orders {
    wish: watch::Receiver<Wish>,
    /// Restarts up to this one are done.
    heeded: u64,
}

impl Orders {
    pub(crate) fn new(wish: watch::Receiver<Wish>) -> Self {
        Self { wish, heeded: 0 }
    }

    /// The next order; waits until there is one. Cancel safe: it is there again until it was heeded.
    pub(crate) async fn next(&mut self) -> Order {
        loop {
            if let Some(order) = self.pending() {
                return order;
            }
            if self.wish.changed().await.is_err() {
                return Order::Leave;
            }
        }
    }

    /// The order that is there now.
    pub(crate) fn pending(&mut self) -> Option<Order> {
        let wish = self.wish.borrow_and_update();
        if wish.stop {
            Some(Order::Stop)
        } else if wish.restarts > self.heeded {
            Some(Order::Restart)
        } else {
            None
        }
    }

    /// A process is about to be started: every restart asked for so far is thereby done.
    pub(crate) fn heed_restarts(&mut self) {
        self.heeded = self.wish.borrow().restarts;
    }

    /// When it is started again after a failure.
    pub(crate) fn restart_spec(&self) -> RestartSpec {
        self.wish.borrow().restart.clone()
    }

    /// Waits until it shall be forgotten; false if the supervisor is gone without having said so.
    pub(crate) async fn forgotten(&mut self) -> bool {
        self.wish.wait_for(|wish| wish.forget).await.is_ok()
    }

    /// Waits until the supervisor is gone.
    pub(crate) async fn abandoned(&mut self) {
        while self.wish.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gapless_model::app::RestartPolicy;
    use std::time::Duration;

    fn wish() -> Wish {
        let second = Duration::from_secs(1);
        let policy = RestartPolicy::Always;
        let restart = RestartSpec { policy, backoff: second, backoff_max: second, stable_after: second };
        Wish { stop: false, forget: false, restarts: 0, restart }
    }

    #[tokio::test]
    async fn a_restart_is_done_by_any_start_and_a_stop_stays() {
        let (sender, receiver) = watch::channel(wish());
        let mut orders = Orders::new(receiver);
        assert_eq!(orders.pending(), None);
        sender.send_modify(|wish| wish.restarts += 1);
        sender.send_modify(|wish| wish.restarts += 1);
        assert_eq!(orders.next().await, Order::Restart);
        assert_eq!(orders.next().await, Order::Restart, "not heeded yet");
        orders.heed_restarts();
        assert_eq!(orders.pending(), None);
        sender.send_modify(|wish| wish.restarts += 1);
        sender.send_modify(|wish| wish.stop = true);
        assert_eq!(orders.next().await, Order::Stop);
        orders.heed_restarts();
        assert_eq!(orders.next().await, Order::Stop);
    }

    #[tokio::test]
    async fn a_supervisor_that_is_gone_leaves_its_last_word() {
        let (sender, receiver) = watch::channel(wish());
        let mut orders = Orders::new(receiver);
        sender.send_modify(|wish| wish.stop = true);
        drop(sender);
        assert_eq!(orders.next().await, Order::Stop);
        let (sender, receiver) = watch::channel(wish());
        drop(sender);
        assert_eq!(Orders::new(receiver).next().await, Order::Leave);
    }
}

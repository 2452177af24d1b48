//! One app, as one worker sees it: who serves it, and what becomes of requests while nobody does.

use crate::backend::{Backend, Ticket};
use crate::balance::{Load, choose};
use crate::hold::{Bounds, Places};
use crate::tally::Tally;
use gapless_model::AppName;
use gapless_model::app::{HoldSpec, RetrySpec};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// An app. It stays while requests are in flight, also after it left the snapshot.
pub(crate) struct App {
    pub(crate) name: AppName,
    serving: RefCell<Vec<Rc<Backend>>>,
    hold: Cell<Bounds>,
    retry: Cell<(bool, u64)>,
    places: RefCell<Arc<Places>>,
    pub(crate) tally: Tally,
    pub(crate) holding: Cell<u32>,
    stall: Cell<Duration>,
    held: Cell<Duration>,
    left: Cell<bool>,
    stopped: Cell<bool>,
    /// Told when there may be somebody else to ask.
    pub(crate) changed: Notify,
}

impl App {
    /// An app that nobody serves.
    pub(crate) fn new(name: AppName, places: Arc<Places>) -> Self {
        Self {
            name,
            serving: RefCell::default(),
            hold: Cell::default(),
            retry: Cell::default(),
            places: RefCell::new(places),
            tally: Tally::default(),
            holding: Cell::new(0),
            stall: Cell::default(),
            held: Cell::default(),
            left: Cell::new(false),
            stopped: Cell::new(false),
            changed: Notify::new(),
        }
    }

    /// Takes what a newer snapshot says, and wakes who waits for it.
    pub(crate) fn update(
        &self,
        hold: &HoldSpec,
        retry: &RetrySpec,
        places: Arc<Places>,
        serving: Vec<Rc<Backend>>,
    ) {
        self.hold.set(Bounds::from(hold));
        self.retry.set((retry.non_idempotent, retry.max_body));
        self.places.replace(places);
        self.serving.replace(serving);
        self.left.set(false);
        self.changed.notify_waiters();
    }

    /// It is not in the snapshot any more: who waits for it waits in vain.
    pub(crate) fn leave(&self) {
        self.left.set(true);
        self.hold.set(Bounds::default());
        self.serving.replace(Vec::new());
        self.changed.notify_waiters();
    }

    /// It is stopped, or is no longer.
    pub(crate) fn stop(&self, stopped: bool) {
        self.stopped.set(stopped);
    }

    /// Whether it is stopped, and nobody will come to serve it.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// Whether it is in the snapshot no more.
    pub(crate) fn has_left(&self) -> bool {
        self.left.get()
    }

    /// Picks an instance and counts the request in, in one step. Those in `avoid` are left out; those that
    /// could not be reached a moment ago are asked last.
    pub(crate) fn pick(&self, avoid: &[Rc<Backend>]) -> Option<Ticket> {
        let serving = self.serving.borrow();
        if let [only] = serving.as_slice() {
            return (!avoid.iter().any(|b| Rc::ptr_eq(b, only))).then(|| only.enter());
        }
        let pick = |suspects: bool| {
            let load = |i: usize| {
                let backend = &serving[i];
                let out = (!suspects && backend.is_suspect()) || avoid.iter().any(|b| Rc::ptr_eq(b, backend));
                Load {
                    in_flight: backend.in_flight().requests,
                    weight: if out { 0 } else { backend.weight() },
                }
            };
            choose(serving.len(), load, |n| fastrand::u64(..n))
        };
        pick(false).or_else(|| pick(true)).map(|i| serving[i].enter())
    }

    /// How many requests may wait, how much of them, and for how long each.
    pub(crate) fn hold(&self) -> Bounds {
        self.hold.get()
    }

    /// Where they wait.
    pub(crate) fn places(&self) -> Arc<Places> {
        Arc::clone(&self.places.borrow())
    }

    /// Whether requests that are not idempotent may be sent again, and how long a body may be.
    pub(crate) fn retry(&self) -> (bool, u64) {
        self.retry.get()
    }

    /// A request was on its way after waiting for so long.
    pub(crate) fn stalled(&self, wait: Duration) {
        if wait > self.stall.get() {
            self.stall.set(wait);
        }
    }

    /// A request has been held for so long.
    pub(crate) fn held(&self, time: Duration) {
        self.held.set(self.held.get() + time);
    }

    /// How long requests were held, all together, since this was last called.
    pub(crate) fn take_held(&self) -> Duration {
        self.held.take()
    }

    /// The longest wait since this was last called.
    pub(crate) fn take_stall(&self) -> Duration {
        self.stall.take()
    }
}

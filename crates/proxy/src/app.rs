//! One app, as one worker sees it: who serves it, and what becomes of requests while nobody does.

use crate::backend::{Backend, Ticket};
use crate::balance::{Load, Sticky, choose};
use crate::hold::{Bounds, Places};
use crate::preview::Preview;
use crate::tally::Tally;
use gapless_model::app::HoldSpec;
use gapless_model::balance::BalanceSpec;
use gapless_model::limits::LimitSpec;
use gapless_model::{AppName, ErrorPages};
use gapless_routing::AppRouting;
use http::StatusCode;
use std::cell::{Cell, OnceCell, Ref, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// An app. It stays while requests are in flight, also after it left the snapshot.
pub(crate) struct App {
    pub(crate) name: AppName,
    serving: RefCell<Vec<Rc<Backend>>>,
    hold: Cell<Bounds>,
    retry: Cell<(bool, u64)>,
    limits: Cell<LimitSpec>,
    places: RefCell<Arc<Places>>,
    /// Failures in a row after which an instance is ejected; 0 for never.
    eject_after: Cell<u32>,
    slow_start: Cell<Duration>,
    /// The name of the cookie that keeps clients where they are.
    sticky: RefCell<Option<Rc<str>>>,
    error_pages: RefCell<ErrorPages>,
    pub(crate) tally: Tally,
    pub(crate) holding: Cell<u32>,
    stall: Cell<Duration>,
    held: Cell<Duration>,
    left: Cell<bool>,
    stopped: Cell<bool>,
    /// Its release that is not public yet.
    preview: RefCell<Option<Preview>>,
    /// What becomes of its requests is no matter of the app's: they are not of its users.
    private: Cell<bool>,
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
            limits: Cell::default(),
            places: RefCell::new(places),
            eject_after: Cell::new(0),
            slow_start: Cell::default(),
            sticky: RefCell::default(),
            error_pages: RefCell::default(),
            tally: Tally::default(),
            holding: Cell::new(0),
            stall: Cell::default(),
            held: Cell::default(),
            left: Cell::new(false),
            stopped: Cell::new(false),
            preview: RefCell::default(),
            private: Cell::new(false),
            changed: Notify::new(),
        }
    }

    /// Takes what a newer snapshot says, and wakes who waits for it.
    pub(crate) fn update(&self, to: &AppRouting, places: Arc<Places>, serving: Vec<Rc<Backend>>) {
        let AppRouting { hold, retry, balance, .. } = to;
        self.hold.set(Bounds::from(hold));
        self.retry.set((retry.non_idempotent, retry.max_body));
        self.limits.set(to.limits);
        self.eject_after.set(balance.eject_after.unwrap_or(0));
        self.slow_start.set(balance.slow_start);
        self.sticky.replace(balance.sticky.as_deref().map(Rc::from));
        self.error_pages.replace(to.error_pages.clone());
        self.places.replace(places);
        reinstate_beyond_half(&serving);
        self.serving.replace(serving);
        self.left.set(false);
        self.changed.notify_waiters();
    }

    /// Takes what a newer snapshot says of its release that is not public, served by these.
    pub(crate) fn update_preview(&self, routing: &AppRouting, serving: Vec<Rc<Backend>>) {
        let Some(wanted) = &routing.preview else {
            self.end_preview();
            return;
        };
        let mut preview = self.preview.borrow_mut();
        if preview.as_ref().is_none_or(|former| !former.has(&wanted.secret)) {
            *preview = Some(Preview::new(routing, wanted.secret.clone()));
        }
        if let Some(preview) = &*preview {
            // Nobody waits, nor is anybody ejected: whoever asks before it is there, or when it fails, shall know.
            let hold = HoldSpec { max_requests: 0, max_bytes: 0, timeout: Duration::ZERO };
            let balance = BalanceSpec { eject_after: None, ..routing.balance.clone() };
            let routing = AppRouting { hold, balance, ..routing.clone() };
            preview.app().update(&routing, Arc::default(), serving);
        }
    }

    fn end_preview(&self) {
        if let Some(preview) = self.preview.take() {
            preview.app().leave();
        }
    }

    /// Its release that is not public, if there is one.
    pub(crate) fn preview(&self) -> Ref<'_, Option<Preview>> {
        self.preview.borrow()
    }

    /// How much of a request it takes.
    pub(crate) fn limits(&self) -> LimitSpec {
        self.limits.get()
    }

    /// Its requests are not counted.
    pub(crate) fn count_for_nobody(&self) {
        self.private.set(true);
    }

    /// Whether they are not.
    pub(crate) fn is_private(&self) -> bool {
        self.private.get()
    }

    /// It is not in the snapshot any more: who waits for it waits in vain.
    pub(crate) fn leave(&self) {
        self.left.set(true);
        self.end_preview();
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

    /// What its clients see when the proxy answers for it.
    pub(crate) fn error_pages(&self) -> ErrorPages {
        self.error_pages.borrow().clone()
    }

    /// The name of the cookie that keeps clients where they are, if any does.
    pub(crate) fn sticky(&self) -> Option<Rc<str>> {
        self.sticky.borrow().clone()
    }

    /// Picks an instance and counts the request in, in one step. Those in `avoid` are left out; those that
    /// could not be reached a moment ago, or are ejected, are asked last. A sticky client comes to where it wants
    /// to go, unless that is one of them.
    pub(crate) fn pick(&self, avoid: &[Rc<Backend>], sticky: Option<&Sticky>) -> Option<Ticket> {
        let serving = self.serving.borrow();
        if let [only] = serving.as_slice() {
            return (!avoid.iter().any(|b| Rc::ptr_eq(b, only))).then(|| only.enter());
        }
        // Looked at once at most, so that nobody comes back in the middle of the choice.
        let clock = OnceCell::new();
        let now = || *clock.get_or_init(Instant::now);
        let is_out = |backend: &Rc<Backend>, suspects: bool| {
            let is_bad = !suspects && (backend.is_suspect(now) || backend.health.is_ejected(now));
            is_bad || avoid.iter().any(|b| Rc::ptr_eq(b, backend))
        };
        if let Some(sticky) = sticky
            && let Some(backend) = serving.iter().find(|b| sticky.asks_for(b) && !is_out(b, false))
        {
            return Some(backend.enter());
        }
        let slow_start = self.slow_start.get();
        let weight = |backend: &Backend| {
            if slow_start.is_zero() { backend.weight() } else { backend.growing_weight(slow_start, now()) }
        };
        let pick = |suspects: bool| {
            let load = |i: usize| {
                let backend = &serving[i];
                let weight = if is_out(backend, suspects) { 0 } else { weight(backend) };
                Load { in_flight: backend.in_flight().requests, weight }
            };
            choose(serving.len(), load, |n| fastrand::u64(..n))
        };
        pick(false).or_else(|| pick(true)).map(|i| serving[i].enter())
    }

    /// An instance has answered so.
    #[inline]
    pub(crate) fn answered(&self, backend: &Backend, status: StatusCode) {
        if status.is_server_error() && self.eject_after.get() != 0 {
            self.failed(backend, || format!("it answered with {status}"));
        } else {
            backend.health.is_well();
        }
    }

    /// An instance has not answered.
    pub(crate) fn unanswered(&self, backend: &Backend, why: &str) {
        if self.eject_after.get() != 0 {
            self.failed(backend, || format!("it did not answer: {why}"));
        }
    }

    fn failed(&self, backend: &Backend, what: impl FnOnce() -> String) {
        let limit = self.eject_after.get();
        if backend.health.is_unwell(limit) {
            self.eject(backend, || format!("{limit} requests in a row failed, at last {}", what()));
        }
    }

    /// No connection could be made to an instance.
    pub(crate) fn unreached(&self, backend: &Backend, why: &dyn std::fmt::Display) {
        if backend.health.is_unreached() {
            self.eject(backend, || format!("it could not be connected to several times in a row: {why}"));
        }
    }

    /// Takes an instance out for a while; not one that is out already, not the last one, and never more than
    /// half of those that serve.
    fn eject(&self, backend: &Backend, why: impl FnOnce() -> String) {
        let now = Instant::now();
        let serving = self.serving.borrow();
        let ejected = serving.iter().filter(|other| other.health.is_ejected(|| now)).count();
        if backend.health.is_ejected(|| now) || !backend.serves() || (ejected + 1) * 2 > serving.len() {
            return;
        }
        let why = why();
        tracing::warn!(instance = %backend.instance, why, "an instance is passed over for a while");
        backend.health.eject(why, now);
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

/// When fewer serve than before, more than half of them may be ejected: lets those come back whose time would be
/// over first.
fn reinstate_beyond_half(serving: &[Rc<Backend>]) {
    let now = Instant::now();
    let mut ejected: Vec<_> =
        serving.iter().filter_map(|backend| Some((backend.health.ends(now)?, backend))).collect();
    ejected.sort_by_key(|(until, _)| *until);
    let surplus = ejected.len().saturating_sub(serving.len() / 2);
    ejected.iter().take(surplus).for_each(|(_, backend)| backend.health.reinstate(now));
}

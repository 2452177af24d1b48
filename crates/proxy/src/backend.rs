//! One instance, as one worker sees it: how busy it is, what was counted, which connections are idle.

use crate::balance::{Health, token};
use crate::h2c::Channels;
use crate::meter::Meter;
use crate::pool::Pool;
use crate::tally::Tally;
use crate::websocket::Finish;
use gapless_model::release::AppProtocol;
use gapless_model::{Address, InstanceId, ReleaseId};
use gapless_routing::{Duty, InFlight};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// How long an instance that could not be reached is passed over while others can be asked.
const SUSPECT: Duration = Duration::from_millis(500);

/// An instance. It stays while requests are in flight, also after it left the snapshot.
pub(crate) struct Backend {
    pub(crate) instance: InstanceId,
    pub(crate) release: ReleaseId,
    address: RefCell<Address>,
    duty: Cell<Duty>,
    requests: Cell<u32>,
    upgraded: Cell<u32>,
    pub(crate) tally: Tally,
    pub(crate) meter: Meter,
    pub(crate) pool: Pool,
    pub(crate) channels: Channels,
    protocol: Cell<AppProtocol>,
    suspect_until: Cell<Option<Instant>>,
    pub(crate) health: Health,
    /// Since when it serves.
    serving_since: Cell<Option<Instant>>,
    /// What a sticky client's cookie calls it.
    pub(crate) token: u64,
    /// Something ended on an instance that finishes, and control has not been told.
    news: Cell<bool>,
    newsroom: Rc<Notify>,
    /// When its upgraded connections end, by the newest snapshot of this worker …
    planned: Cell<Option<Finish>>,
    /// … and since every worker has it.
    in_force: Cell<Option<Finish>>,
    /// How they hear of it; made with the first of them.
    finish: OnceCell<watch::Sender<Option<Finish>>>,
}

impl Backend {
    /// An instance that nothing was sent to yet. `newsroom` is told when it finishes its work.
    pub(crate) fn new(of: &gapless_routing::Backend, newsroom: Rc<Notify>) -> Self {
        Self {
            instance: of.instance.clone(),
            release: of.release,
            address: RefCell::new(of.address.clone()),
            duty: Cell::new(of.duty),
            requests: Cell::new(0),
            upgraded: Cell::new(0),
            tally: Tally::default(),
            meter: Meter::default(),
            pool: Pool::default(),
            channels: Channels::default(),
            protocol: Cell::new(of.protocol),
            suspect_until: Cell::new(None),
            health: Health::default(),
            serving_since: Cell::new(None),
            token: token(&of.instance),
            news: Cell::new(false),
            newsroom,
            planned: Cell::new(None),
            in_force: Cell::new(None),
            finish: OnceCell::new(),
        }
    }

    /// Takes what a newer snapshot says. Idle connections are closed if it gets no new requests, or is
    /// reached elsewhere now.
    pub(crate) fn update(&self, to: &gapless_routing::Backend) {
        if *self.address.borrow() != to.address {
            self.address.replace(to.address.clone());
            self.hang_up();
            self.health.forget();
        }
        match to.duty {
            Duty::Serve { .. } if self.serving_since.get().is_none() => {
                self.serving_since.set(Some(Instant::now()));
            }
            Duty::Serve { .. } => {}
            Duty::Preview => self.serving_since.set(None),
            // What becomes ready again may be another process.
            Duty::Finish => {
                self.serving_since.set(None);
                self.health.forget();
            }
        }
        self.duty.set(to.duty);
        self.protocol.set(to.protocol);
        self.suspect_until.set(None);
        if matches!(to.duty, Duty::Finish) {
            self.hang_up();
        }
    }

    /// It is not in the snapshot any more: it finishes what it has.
    pub(crate) fn leave(&self) {
        self.duty.set(Duty::Finish);
        self.serving_since.set(None);
        self.health.forget();
        self.hang_up();
    }

    /// Closes what no request is on; the rest when its requests are done.
    fn hang_up(&self) {
        self.pool.clear();
        self.channels.clear();
    }

    /// Whether it speaks HTTP/2.
    pub(crate) fn is_h2c(&self) -> bool {
        self.protocol.get() == AppProtocol::H2c
    }

    /// When its upgraded connections are to end. They hear of it by [`begin_finish`](Self::begin_finish).
    pub(crate) fn plan_finish(&self, finish: Option<Finish>) {
        self.planned.set(finish);
    }

    /// Every worker has the snapshot: a client that connects again comes to another instance.
    pub(crate) fn begin_finish(&self) {
        let planned = self.planned.get();
        if self.in_force.replace(planned) != planned
            && let Some(finish) = self.finish.get()
        {
            finish.send_replace(planned);
        }
    }

    /// When an upgraded connection is to end.
    pub(crate) fn finish(&self) -> watch::Receiver<Option<Finish>> {
        self.finish.get_or_init(|| watch::Sender::new(self.in_force.get())).subscribe()
    }

    /// Where it is reached.
    pub(crate) fn address(&self) -> Address {
        self.address.borrow().clone()
    }

    /// Whether it is reached by a Unix socket.
    pub(crate) fn is_unix(&self) -> bool {
        matches!(*self.address.borrow(), Address::Unix(_))
    }

    /// Its weight; 0 if it gets no new requests.
    pub(crate) fn weight(&self) -> u32 {
        match self.duty.get() {
            Duty::Serve { weight } => weight.max(1),
            Duty::Preview => 1,
            Duty::Finish => 0,
        }
    }

    /// A hundred times its weight; less while it has served for less than `slow_start`: from a tenth on it grows
    /// evenly.
    pub(crate) fn growing_weight(&self, slow_start: Duration, now: Instant) -> u32 {
        let served =
            self.serving_since.get().map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let percent = match served {
            served if served >= slow_start => 100,
            served => 10 + served.as_millis().saturating_mul(90) / slow_start.as_millis().max(1),
        };
        self.weight().saturating_mul(u32::try_from(percent).unwrap_or(100))
    }

    /// What it is there for.
    pub(crate) fn duty(&self) -> Duty {
        self.duty.get()
    }

    /// Whether new requests may go to it, of whomever.
    pub(crate) fn serves(&self) -> bool {
        !matches!(self.duty.get(), Duty::Finish)
    }

    /// What it is working on for this worker.
    pub(crate) fn in_flight(&self) -> InFlight {
        InFlight { requests: self.requests.get(), upgraded: self.upgraded.get() }
    }

    /// Marks it as unreachable for a moment. Whether that is news.
    pub(crate) fn suspect(&self) -> bool {
        let now = Instant::now();
        let news = !self.is_suspect(|| now);
        self.suspect_until.set(Some(now + SUSPECT));
        news
    }

    /// Whether it could not be reached a moment ago. The clock is only looked at if it matters.
    #[inline]
    pub(crate) fn is_suspect(&self, now: impl FnOnce() -> Instant) -> bool {
        let Some(until) = self.suspect_until.get() else { return false };
        if now() < until {
            return true;
        }
        self.suspect_until.set(None);
        false
    }

    /// Whether there is something to be taken by [`take_news`](Self::take_news).
    pub(crate) fn has_news(&self) -> bool {
        self.news.get()
    }

    /// Whether work ended here that control waits for; asking takes it.
    pub(crate) fn take_news(&self) -> bool {
        self.news.replace(false)
    }

    /// Counts a request in. To be called in the same step in which the instance was picked.
    pub(crate) fn enter(self: &Rc<Self>) -> Ticket {
        self.requests.set(self.requests.get() + 1);
        Ticket { backend: Rc::clone(self), upgraded: false }
    }

    fn leaves(&self, of: &Cell<u32>) {
        of.set(of.get() - 1);
        if of.get() == 0 && !self.serves() {
            self.news.set(true);
            self.newsroom.notify_one();
        }
    }
}

/// A request in flight, or an upgraded connection. Counts itself out when dropped.
pub(crate) struct Ticket {
    pub(crate) backend: Rc<Backend>,
    upgraded: bool,
}

impl Ticket {
    /// From here on it is an upgraded connection, and no request any more.
    pub(crate) fn upgrade(&mut self) {
        let backend = &self.backend;
        backend.upgraded.set(backend.upgraded.get() + 1);
        self.upgraded = true;
        backend.leaves(&backend.requests);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let of = if self.upgraded { &self.backend.upgraded } else { &self.backend.requests };
        self.backend.leaves(of);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_instance_weighs_more_and_more() {
        let view = gapless_routing::Backend {
            instance: InstanceId::new("api".parse().unwrap(), 1),
            release: ReleaseId(1),
            address: Address::Unix("/x".into()),
            duty: Duty::Serve { weight: 3 },
            retiring: None,
            protocol: AppProtocol::default(),
        };
        let backend = Backend::new(&view, Rc::default());
        backend.update(&view);
        let since = backend.serving_since.get().unwrap();
        let second = Duration::from_secs(1);
        for (after, weight) in [(0, 30), (500, 165), (999, 297), (1_000, 300), (5_000, 300)] {
            let now = since + Duration::from_millis(after);
            assert_eq!(backend.growing_weight(second, now), weight, "after {after} ms");
        }
        backend.update(&gapless_routing::Backend { duty: Duty::Finish, ..view.clone() });
        backend.update(&view);
        let again = backend.serving_since.get().unwrap();
        assert_eq!(backend.growing_weight(second, again), 30, "it may be another process");
    }
}

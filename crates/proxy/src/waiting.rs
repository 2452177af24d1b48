//! A request's wait for an instance to send it to.

use crate::app::App;
use crate::exchange::Exchange;
use crate::hold::Place;
use crate::stream::Left;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// The first pause when instances are there and none takes a connection; it doubles.
const PAUSE: Duration = Duration::from_millis(5);

/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// The first one after an instance has got the request and not answered: a process that dies may take connections
/// until its end, and a request is not repeated often.
const PAUSE_AFTER_LOSS: Duration = Duration::from_millis(100);

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Instances can be asked (again).
    Try,
    /// It took too long.
    TimedOut,
    /// Too many wait already.
    Full,
    /// Nobody waits for the answer any more.
    ClientGone,
}

/// What a request has waited so far.
pub(crate) struct Waiting {
    app: Rc<App>,
    place: Option<Counted>,
    since: Option<Instant>,
    pause: Duration,
    held: Duration,
}

/// A place, counted for this worker's app.
struct Counted {
    place: Place,
    app: Rc<App>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.app.holding.set(self.app.holding.get() - 1);
    }
}

impl Waiting {
    /// A request for this app that has not waited.
    pub(crate) fn new(app: Rc<App>) -> Self {
        Self { app, place: None, since: None, pause: PAUSE, held: Duration::ZERO }
    }

    /// It has a connection to an instance: gives its place to others. Returns how long it has waited.
    pub(crate) fn leave(&mut self) -> Duration {
        self.place = None;
        self.held
    }

    /// An instance has got the request and not answered: whoever has done so is not asked again at once.
    pub(crate) fn be_patient(&mut self) {
        self.pause = self.pause.max(PAUSE_AFTER_LOSS);
    }

    /// Waits until instances change; `bytes` is what the request takes up; `all_failed`: there are some, but
    /// they failed just now and are asked again soon.
    pub(crate) async fn wait(&mut self, client: &Exchange, bytes: u64, all_failed: bool) -> Woken {
        let bounds = self.app.hold();
        let began = Instant::now();
        let first = self.since.is_none();
        let since = *self.since.get_or_insert(began);
        let deadline = since + bounds.time;
        if began >= deadline {
            return Woken::TimedOut;
        }
        if self.place.is_none() {
            let Some(place) = self.app.places().take(&bounds, bytes) else { return Woken::Full };
            self.app.holding.set(self.app.holding.get() + 1);
            self.app.tally.add(|count| count.held += u64::from(first));
            self.place = Some(Counted { place, app: Rc::clone(&self.app) });
        }
        let mut until = deadline;
        if all_failed {
            until = until.min(began + self.pause);
            self.pause = (self.pause * 2).min(PAUSE_MAX);
        }
        let woken = self.sleep(client, until, bounds.requests).await;
        let held = since.elapsed();
        self.app.held(held - self.held);
        self.held = held;
        if woken == Woken::TimedOut && until < deadline { Woken::Try } else { woken }
    }

    async fn sleep(&mut self, client: &Exchange, until: Instant, max: u32) -> Woken {
        let app = Rc::clone(&self.app);
        let mut changed = pin!(app.changed.notified());
        let mut sleep = pin!(sleep_until(until.into()));
        poll_fn(|cx| {
            if changed.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Woken::Try);
            }
            if sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Woken::TimedOut);
            }
            match client.poll_left(cx) {
                Poll::Ready(Left::Reset) => Poll::Ready(Woken::ClientGone),
                Poll::Ready(Left::Closed) => {
                    let stays = self.place.as_mut().is_some_and(|counted| counted.place.step_aside(max));
                    if stays { Poll::Pending } else { Poll::Ready(Woken::ClientGone) }
                }
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

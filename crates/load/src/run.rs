//! A load while it runs.

use crate::client::Client;
use crate::plan::{Pace, Plan};
use crate::progress::{Counters, Progress};
use crate::report::Report;
use crate::request::Requests;
use crate::tally::{Fate, Tally};
use hyper::header::HeaderValue;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Runs `plan` to its end. Any tokio runtime with I/O and time will do, a current-thread one included.
pub async fn run(plan: Plan) -> Report {
    Load::new(plan).run().await
}

/// A load that is about to run.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
}

/// A hold on a load from elsewhere.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Load {
    /// The load that `plan` describes. Its time begins here.
    pub fn new(plan: Plan) -> Self {
        let names = plan.streams.iter().map(|s| s.name.clone());
        let tally = Mutex::new(Tally::new(names, plan.keep_failures));
        let (stop, _) = watch::channel(false);
        let counters = Counters::default();
        Self { shared: Arc::new(Shared { started: Instant::now(), plan, counters, tally, stop }) }
    }

    /// To watch and to stop it.
    pub fn handle(&self) -> Handle {
        Handle { shared: Arc::clone(&self.shared) }
    }

    /// Runs it to its end: no request begins after the plan's duration, its number of requests, or a stop;
    /// those begun are finished, which takes at most the plan's timeout.
    pub async fn run(self) -> Report {
        let plan = &self.shared.plan;
        let host = HeaderValue::from_str(&plan.host).unwrap_or(HeaderValue::from_static("localhost"));
        let mut random = fastrand::Rng::with_seed(plan.seed);
        let mut clients = JoinSet::new();
        for (number, stream) in plan.streams.iter().enumerate() {
            for _ in 0..stream.clients {
                // Paced clients are spread over the period, or all would send at once.
                let first = match stream.pace {
                    Pace::Tight => self.shared.started,
                    Pace::Every(period) => self.shared.started + period.mul_f64(random.f64()),
                };
                let requests = Requests::new(stream, host.clone(), random.fork());
                let client = Client { shared: Arc::clone(&self.shared), stream: number, requests, first };
                clients.spawn(client.run());
            }
        }
        while let Some(ended) = clients.join_next().await {
            if let Err(error) = ended
                && let Ok(panic) = error.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        }
        self.handle().report()
    }
}

impl Handle {
    /// Lets no further request begin.
    pub fn stop(&self) {
        self.shared.stop.send_replace(true);
    }

    /// Counts so far.
    pub fn progress(&self) -> Progress {
        self.shared.counters.read()
    }

    /// The report so far. Requests on their way are not in it.
    pub fn report(&self) -> Report {
        let connections = self.shared.counters.connections.load(Relaxed);
        self.shared.tally().report(self.shared.started.elapsed(), connections)
    }

    /// Since the load was made.
    pub fn elapsed(&self) -> Duration {
        self.shared.started.elapsed()
    }
}

/// What the clients of a load have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) counters: Counters,
    started: Instant,
    tally: Mutex<Tally>,
    stop: watch::Sender<bool>,
}

impl Shared {
    /// A client that panicked while it wrote is a defect that `run` passes on; the numbers stay usable.
    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no further request may begin.
    pub(crate) fn has_ended(&self) -> bool {
        *self.stop.borrow() || self.started.elapsed() >= self.plan.duration
    }

    /// Waits for `wait`, or for the end of the load.
    pub(crate) async fn ended_or<T>(&self, wait: impl Future<Output = T>) {
        let mut stop = self.stop.subscribe();
        tokio::select! {
            _ = wait => {}
            _ = stop.wait_for(|stopped| *stopped) => {}
            () = tokio::time::sleep_until(self.started + self.plan.duration) => {}
        }
    }

    /// Counts the fate of a request that began at `begun`.
    pub(crate) fn record(&self, stream: usize, begun: Instant, fate: Fate) {
        let counter = match fate {
            Fate::Right { .. } => &self.counters.right,
            Fate::Lost(_) => &self.counters.lost,
        };
        counter.fetch_add(1, Relaxed);
        self.tally().record(stream, self.started.elapsed(), begun.elapsed(), fate);
    }
}

//! The life of one instance: one task, one file per state, each state one function that reads aloud.

mod ended;
mod probes;
mod process;
mod retry;
mod serving;
mod start;
mod starting;
mod stopping;
mod wedged;

use crate::backoff::Backoff;
use crate::census::Census;
use crate::cgroups::Cgroups;
use crate::group::Mark;
use crate::launch::{Adoption, Launch};
use crate::ports::Ports;
use crate::rundir::RunDir;
use crate::safekeeping::Safekeeping;
use crate::wish::Orders;
use gapless_model::instance::InstanceView;
use gapless_model::{Exit, Failure, InstanceState, Moment};
use process::Process;
use std::sync::Arc;
use std::time::Duration;
use stopping::Then;
use tokio::sync::mpsc;

/// What all instances share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) run: RunDir,
    pub(crate) ports: Ports,
    pub(crate) census: Census,
    pub(crate) kept: Arc<Safekeeping>,
    pub(crate) cgroups: Arc<Cgroups>,
    pub(crate) events: mpsc::Sender<InstanceView>,
}

/// One instance.
pub(crate) struct Actor {
    launch: Launch,
    world: Arc<World>,
    orders: Orders,
    /// By which its processes are known.
    mark: Mark,
    backoff: Backoff,
    /// How it stands.
    view: InstanceView,
    /// How it was last said to stand.
    told: Option<InstanceView>,
}

/// What comes next in its life, with what that needs.
enum Next {
    /// Start a process.
    Start,
    /// It runs and is not ready yet; at `deadline` it is too late.
    Starting { process: Process, deadline: Moment },
    /// It is ready.
    Ready { process: Process },
    /// It was ready, and may be again.
    Unready { process: Process },
    /// It does nothing useful any more.
    Wedged { process: Process },
    /// It has been asked to end.
    Stopping { process: Process, kill_at: Moment, then: Then },
    /// Its process ended by itself.
    Ended { process: Process },
    /// It failed, having been ready for that long; nothing of it runs.
    Failed { failure: Failure, exit: Option<Exit>, ready: Duration },
    /// It is started again at `until`.
    Backoff { until: Moment },
    /// Nothing of it runs, and nothing will.
    Gone { exit: Option<Exit> },
    /// It is not ours any more.
    Left,
}

impl Actor {
    /// An instance to be started.
    pub(crate) async fn launch(launch: Launch, world: Arc<World>, orders: Orders) {
        let view = InstanceView {
            id: launch.instance.clone(),
            release: launch.release.id,
            state: InstanceState::Gone { exit: None },
            process: None,
            address: None,
            restarts: 0,
            last_failure: None,
            unlimited: None,
        };
        Self::new(launch, world, orders, Backoff::default(), view).live(Next::Start).await;
    }

    /// An instance that may be running already.
    pub(crate) async fn adopt(adoption: Adoption, world: Arc<World>, orders: Orders) {
        let Adoption { launch, last } = adoption;
        let backoff = match last.state {
            InstanceState::Backoff { failures, .. } => Backoff::resumed(failures),
            _ => Backoff::default(),
        };
        let mut actor = Self::new(launch, world, orders, backoff, last);
        let next = actor.resume().await;
        actor.live(next).await;
    }

    fn new(launch: Launch, world: Arc<World>, orders: Orders, backoff: Backoff, view: InstanceView) -> Self {
        let mark = Mark::new(world.run.home(), &launch.instance);
        Self { launch, world, orders, mark, backoff, view, told: None }
    }

    async fn live(mut self, mut next: Next) {
        loop {
            next = match next {
                Next::Start => self.start().await,
                Next::Starting { process, deadline } => self.starting(process, deadline).await,
                Next::Ready { process } => self.ready(process).await,
                Next::Unready { process } => self.unready(process).await,
                Next::Wedged { process } => self.wedged(process).await,
                Next::Stopping { process, kill_at, then } => self.stopping(process, kill_at, then).await,
                Next::Ended { process } => self.ended(process).await,
                Next::Failed { failure, exit, ready } => self.failed(failure, exit, ready).await,
                Next::Backoff { until } => self.backing_off(until).await,
                Next::Gone { exit } => self.gone(exit).await,
                Next::Left => return,
            };
        }
    }

    /// Says how it stands now, if that is news.
    async fn tell(&mut self) {
        if self.told.as_ref() != Some(&self.view) {
            self.told = Some(self.view.clone());
            // Nobody listens any more: the supervisor's owner is going away, and so are we.
            let _ = self.world.events.send(self.view.clone()).await;
        }
    }

    async fn become_state(&mut self, state: InstanceState) {
        tracing::debug!(instance = %self.view.id, state = state.word(), "instance");
        self.view.state = state;
        self.tell().await;
    }
}

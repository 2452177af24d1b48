//! The engine: everything that control knows, and the order in which it acts.
//!
//! A state machine without I/O, time or tasks: [`Engine::handle`] takes one [`Input`] and gives orders to a
//! [`Platform`] and a [`Journal`]. So the same code runs in production and in simulation, where control is
//! killed between any two of its steps.
//!
//! For each app the same circle turns: *observe* (an input changes what is known) → *decide*
//! ([`gapless_rollout::decide`]) → *journal* the decision → when that is written, *act*. While an app's
//! journal entry is on its way nothing is decided for that app; other apps go on.

mod acknowledge;
mod act;
mod active;
mod app;
mod apply;
mod command;
mod compare;
mod flip;
mod halt;
mod managed;
mod memory;
mod numbers;
mod order;
mod preview;
mod protocols;
mod proxies;
mod receipt;
mod record;
mod recover;
mod rollouts;
mod routes;
mod settle;
mod traffic;
mod verification;
mod view;

pub use app::{App, Run};
pub use apply::{Plan, ReleaseOrder};
pub use order::in_order;
pub use recover::{Found, Recovery};
pub use rollouts::{Cause, Closed, NewRelease};
pub use view::{Followed, Usage};

use self::proxies::Standing;
use crate::platform::{Journal, Platform};
use gapless_api::ErrorBody;
use gapless_model::instance::InstanceView;
use gapless_model::trust::Trust;
use gapless_model::{AccessLog, AppName, ErrorPages, Generation, Moment, RolloutId, WallTime};
use gapless_rollout::Verification;
use gapless_routing::{Backlog, Counters};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Something that was observed.
#[derive(Debug, Clone)]
pub enum Input {
    /// An instance changed.
    Instance(Box<InstanceView>),
    /// A proxy is there; it has this generation already.
    ProxyUp {
        /// Its process.
        pid: u32,
        /// What every worker of it has.
        generation: Generation,
        /// When it began: the later of two follows the other.
        since: Moment,
        /// It accepts no more, and finishes with the clients that it has.
        retiring: bool,
    },
    /// A proxy is gone, or cannot be reached.
    ProxyDown {
        /// Its process.
        pid: u32,
    },
    /// Every worker of a proxy has this snapshot.
    Applied {
        /// The proxy's process.
        proxy: u32,
        /// Which.
        generation: Generation,
        /// What instances were working on.
        backlog: Backlog,
    },
    /// Retiring instances finished something.
    Backlog {
        /// For this proxy.
        proxy: u32,
        /// What is left.
        backlog: Backlog,
    },
    /// A proxy's counters.
    Counters {
        /// The proxy's process.
        proxy: u32,
        /// Since it began.
        counters: Counters,
    },
    /// A journal entry was written, or could not be.
    Committed {
        /// As given to [`Journal::commit`].
        token: u64,
        /// Why not.
        error: Option<String>,
    },
    /// What the process groups of instances take of memory, in bytes by the leader's pid.
    Memory(BTreeMap<u32, u64>),
    /// The checks of a new release have ended.
    Verified {
        /// Of which app.
        app: AppName,
        /// For which rollout.
        rollout: RolloutId,
        /// How.
        outcome: Verification,
    },
    /// Time has passed.
    Tick,
}

/// The clocks, read once per input.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// To decide by.
    pub moment: Moment,
    /// To show.
    pub wall: WallTime,
    /// Since boot, to the microsecond: only to measure with.
    pub exact: Duration,
}

/// What the engine acts through.
pub struct World<'a> {
    /// Does.
    pub platform: &'a mut dyn Platform,
    /// Remembers.
    pub journal: &'a mut dyn Journal,
    /// The time.
    pub now: Now,
}

/// Everything that control knows.
#[derive(Debug)]
pub struct Engine {
    apps: BTreeMap<AppName, App>,
    cores: u32,
    access_log: AccessLog,
    error_pages: ErrorPages,
    trust: Trust,
    public: protocols::Public,
    next_rollout: u64,
    next_token: u64,
    /// Of apps that were deleted.
    numbers: numbers::Numbers,
    routes: routes::Routes,
    closed: BTreeMap<RolloutId, Closed>,
    dirty: BTreeSet<AppName>,
    troubles: Vec<String>,
    /// Nothing is decided any more: everything ends.
    frozen: bool,
    /// Grows with every change that somebody who follows might want to see.
    version: u64,
}

/// Errors of commands are errors of the API.
pub type Refusal = ErrorBody;

impl Engine {
    /// An engine that knows nothing, on a machine with `cores` usable cores.
    pub fn new(cores: u32) -> Self {
        Self {
            apps: BTreeMap::new(),
            cores,
            access_log: AccessLog::default(),
            error_pages: ErrorPages::default(),
            trust: Trust::default(),
            public: protocols::Public::default(),
            next_rollout: 1,
            next_token: 1,
            numbers: numbers::Numbers::default(),
            routes: routes::Routes::default(),
            closed: BTreeMap::new(),
            dirty: BTreeSet::new(),
            troubles: Vec::new(),
            frozen: false,
            version: 0,
        }
    }

    /// Takes an input. Call [`Self::settle`] after one or several of them.
    pub fn handle(&mut self, input: Input, world: &mut World<'_>) {
        self.version += 1;
        match input {
            Input::Instance(view) => self.observe_instance(*view, world),
            Input::ProxyUp { pid, generation, since, retiring } => {
                let standing = if retiring { Standing::Retiring } else { Standing::Serving };
                self.proxy_up(pid, generation, since, standing);
            }
            Input::ProxyDown { pid } => self.proxy_down(pid, world),
            Input::Applied { proxy, generation, backlog } => {
                self.proxy_applied(proxy, generation, &backlog, world);
            }
            Input::Backlog { proxy, backlog } => self.observe_backlog(proxy, &backlog),
            Input::Counters { proxy, counters } => self.count(proxy, &counters, world),
            Input::Committed { token, error } => self.committed(token, error, world),
            Input::Memory(used) => self.weigh(&used, world),
            Input::Verified { app, rollout, outcome } => self.verified(&app, rollout, outcome),
            Input::Tick => self.dirty.extend(
                self.apps
                    .values()
                    .filter(|a| a.wake.is_some_and(|at| at <= world.now.moment))
                    .map(|a| a.name.clone()),
            ),
        }
    }

    /// When [`Input::Tick`] should come at the latest.
    pub fn wake(&self) -> Option<Moment> {
        if self.frozen {
            return None;
        }
        self.apps.values().filter_map(|a| a.wake).chain(self.routes.wake()).min()
    }

    /// Grows with every change that somebody who follows might want to see.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// All apps, by name.
    pub fn apps(&self) -> impl Iterator<Item = &App> {
        self.apps.values()
    }

    /// One app.
    pub fn app(&self, name: &AppName) -> Option<&App> {
        self.apps.get(name)
    }

    /// How many instances of an app should serve now.
    pub fn wanted(&self, app: &App) -> u32 {
        app.wanted(self.cores)
    }

    /// The processes of all instances, each the leader of its group.
    pub fn processes(&self) -> Vec<u32> {
        let instances = self.apps.values().flat_map(|a| a.instances.values());
        instances.filter_map(|i| i.view.process.map(|p| p.pid)).collect()
    }

    /// Whether no instance is left and no rollout is in progress.
    pub fn is_idle(&self) -> bool {
        self.apps.values().all(|a| a.instances.is_empty() && a.active.is_none() && a.pending.is_none())
    }

    /// What is wrong with Gapless itself, for people.
    pub fn troubles(&self) -> &[String] {
        &self.troubles
    }

    fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    fn touch(&mut self, app: &AppName) {
        self.version += 1;
        self.dirty.insert(app.clone());
    }
}

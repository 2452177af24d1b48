//! All instances, and the way to tell them what is wanted.

use crate::actor::{Actor, World};
use crate::census::Census;
use crate::cgroups::Cgroups;
use crate::launch::{Adoption, Launch, LaunchError};
use crate::ports::Ports;
use crate::rundir::RunDir;
use crate::safekeeping::Safekeeping;
use crate::wish::{Orders, Wish};
use camino::{Utf8Path, Utf8PathBuf};
use gapless_model::app::RestartSpec;
use gapless_model::instance::InstanceView;
use gapless_model::{InstanceId, ResourceLimits, Unlimited};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Runs instances. Dropping it leaves them running, for the next one to adopt.
#[derive(Debug)]
pub struct Supervisor {
    world: Arc<World>,
    instances: BTreeMap<InstanceId, Handle>,
}

#[derive(Debug)]
struct Handle {
    wish: watch::Sender<Wish>,
    task: JoinHandle<()>,
}

/// Why there is no supervisor.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `GAPLESS_HOME/run` cannot be used.
    #[error("cannot prepare {path}/run: {error}")]
    RunDir {
        /// `GAPLESS_HOME`.
        path: Utf8PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl Supervisor {
    /// A supervisor for `home` (absolute), without instances yet. `preload` is what Node processes load first;
    /// it is written to `run/gapless-preload.cjs`. `kept` has the notify sockets of those to be adopted; those
    /// with limits are in `cgroups`. Every change of every instance comes out of `events`; while that is full, the
    /// instance whose change it is waits.
    ///
    /// To be called within a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// `run/` cannot be made or written.
    pub fn new(
        home: &Utf8Path,
        preload: &str,
        events: mpsc::Sender<InstanceView>,
        kept: Safekeeping,
        cgroups: Cgroups,
    ) -> Result<Self, SetupError> {
        let run = RunDir::prepare(home, preload)
            .map_err(|error| SetupError::RunDir { path: home.to_owned(), error })?;
        let world = World {
            run,
            ports: Ports::default(),
            census: Census::start(),
            kept: Arc::new(kept),
            cgroups: Arc::new(cgroups),
            events,
        };
        Ok(Self { world: Arc::new(world), instances: BTreeMap::new() })
    }

    /// Starts an instance and keeps it running. One that is known already, in whatever state, stays as it is.
    ///
    /// Comes back at once; what becomes of it is told by events, also that it cannot be executed.
    ///
    /// # Errors
    /// It cannot be run under this `GAPLESS_HOME` at all.
    pub fn start(&mut self, launch: Launch) -> Result<(), LaunchError> {
        let (instance, restart) = (launch.instance.clone(), launch.restart.clone());
        let world = Arc::clone(&self.world);
        self.insert(instance, restart, |orders| Actor::launch(launch, world, orders))
    }

    /// Takes over an instance that an earlier control started. One that is known already stays as it is.
    ///
    /// The first event about it is how it stands now.
    ///
    /// # Errors
    /// It cannot be run under this `GAPLESS_HOME` at all.
    pub fn adopt(&mut self, adoption: Adoption) -> Result<(), LaunchError> {
        let (instance, restart) = (adoption.launch.instance.clone(), adoption.launch.restart.clone());
        let world = Arc::clone(&self.world);
        self.insert(instance, restart, |orders| Actor::adopt(adoption, world, orders))
    }

    /// The notify sockets that are kept, by name, for a supervisor that follows in our own process.
    pub fn kept(&self) -> Vec<(String, std::os::fd::OwnedFd)> {
        self.world.kept.all()
    }

    /// All instances that were left by an earlier control are adopted: what is kept of others is given up, what they
    /// left in `run/` is taken away, and who is left in a cgroup of another is ended.
    pub fn adopted_all(&self) {
        let is_known = |id: &InstanceId| self.instances.contains_key(id);
        self.world.kept.give_up_others(is_known);
        if let Err(error) = self.world.run.forget_others(is_known) {
            tracing::warn!(%error, "cannot remove what others left in run/");
        }
        for cell in self.world.cgroups.left_over(is_known) {
            tokio::spawn(async move { cell.close().await });
        }
    }

    /// Makes ready for instances with such limits. Which of them cannot be in force here, if any.
    pub fn lacking(&self, limits: &ResourceLimits) -> Option<Unlimited> {
        self.world.cgroups.lacking(limits)
    }

    fn insert<A: Future<Output = ()> + Send + 'static>(
        &mut self,
        instance: InstanceId,
        restart: RestartSpec,
        actor: impl FnOnce(Orders) -> A,
    ) -> Result<(), LaunchError> {
        self.world.run.check(&instance)?;
        self.instances.retain(|_, handle| !handle.task.is_finished());
        self.instances.entry(instance).or_insert_with(|| {
            let wish = Wish { stop: false, forget: false, restarts: 0, restart };
            let (wish, orders) = watch::channel(wish);
            Handle { task: tokio::spawn(actor(Orders::new(orders))), wish }
        });
        Ok(())
    }

    /// Ends an instance for good: its stop signal, then SIGKILL to the whole group after its timeout. Told
    /// twice, it is not signalled twice.
    pub fn stop(&self, instance: &InstanceId) {
        self.wish(instance, |wish| wish.stop = true);
    }

    /// Stops an instance in the same way and starts it again at once; one that waits to be started again is
    /// started now. Nothing happens to one that is gone.
    pub fn restart(&self, instance: &InstanceId) {
        self.wish(instance, |wish| wish.restarts += 1);
    }

    /// From the next failure on, it is started again as `restart` says.
    pub fn reconfigure(&self, instance: &InstanceId, restart: RestartSpec) {
        self.wish(instance, |wish| wish.restart = restart);
    }

    /// Once it is gone, forgets it and removes its sockets and FIFOs.
    pub fn forget(&mut self, instance: &InstanceId) {
        self.wish(instance, |wish| wish.forget = true);
        self.instances.retain(|_, handle| !handle.task.is_finished());
    }

    fn wish(&self, instance: &InstanceId, change: impl FnOnce(&mut Wish)) {
        if let Some(handle) = self.instances.get(instance) {
            handle.wish.send_modify(change);
        }
    }
}

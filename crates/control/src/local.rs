//! This machine as a platform: instances by `supervise`, their output by `logs`, traffic by the proxy.

use crate::disk::Disk;
use crate::link::Orders;
use crate::listeners::Listeners;
use crate::platform::{AdoptOrder, Errand, Platform, StartOrder, VerifyOrder};
use crate::upgrade::in_place::Estate;
use crate::verify::Verifier;
use camino::Utf8PathBuf;
use gapless_logs::{Capture, LogError, Settled};
use gapless_model::app::{LogSpec, RestartSpec};
use gapless_model::instance::ProcessId;
use gapless_model::{AppName, InstanceId, ResourceLimits, Signal, Unlimited};
use gapless_routing::Snapshot;
use gapless_supervise::{Adoption, Launch, Supervisor};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long a stray process has between SIGTERM and SIGKILL.
const STRAY_TIMEOUT: Duration = Duration::from_secs(10);

/// What this machine is made of.
#[derive(Debug)]
pub struct Parts {
    /// Runs instances.
    pub supervisor: Supervisor,
    /// Reads what they say.
    pub capture: Capture,
    /// To the link to the proxy.
    pub proxy: watch::Sender<Orders>,
    /// Does what needs the disk.
    pub disk: Disk,
    /// Checks new releases.
    pub verifier: Verifier,
    /// The listening sockets.
    pub listeners: Listeners,
    /// Instances that cannot even be tried here: said to the engine as failures.
    pub refused: mpsc::Sender<(StartOrder, String)>,
}

/// This machine.
#[derive(Debug)]
pub struct Local {
    home: Utf8PathBuf,
    parts: Parts,
    /// What is wrong with the capture of an instance, until it works.
    deaf: BTreeMap<InstanceId, String>,
}

impl Local {
    /// Puts the parts together.
    pub fn new(home: Utf8PathBuf, parts: Parts) -> Self {
        Self { home, parts, deaf: BTreeMap::new() }
    }

    /// What is wrong, for `status`.
    pub fn troubles(&self) -> Vec<String> {
        let deaf = self.deaf.iter().map(|(id, error)| format!("the output of {id} is not captured: {error}"));
        self.parts.capture.troubles().into_iter().chain(deaf).collect()
    }

    /// Changes whenever output was written to the log files.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.parts.capture.written()
    }

    /// Settles when all that an instance has written by now can be read back.
    pub fn caught_up(&self, instance: &InstanceId) -> Settled {
        self.parts.capture.caught_up(instance)
    }

    /// Listens to nobody any more. Settles when what was heard is in the files.
    pub fn stop_listening(&self) -> Settled {
        self.parts.capture.finish()
    }

    /// All instances that run are adopted: what was kept for others is given up.
    pub fn adopted_all(&self) {
        self.parts.supervisor.adopted_all();
    }

    /// Makes ready for instances with such limits. Which of them cannot be in force here, if any.
    pub fn lacking(&self, limits: &ResourceLimits) -> Option<Unlimited> {
        self.parts.supervisor.lacking(limits)
    }

    /// A proxy that is started from here on has so many workers; none means one per core.
    pub fn want_workers(&self, workers: Option<u32>) {
        let change = |orders: &mut Orders| std::mem::replace(&mut orders.workers, workers) != workers;
        self.parts.proxy.send_if_modified(change);
    }

    /// What a control that follows us in our own process takes over.
    pub(crate) fn leave_to(&self, program: PathBuf, children: Vec<u32>) -> Estate {
        Estate::of(program, &self.parts.listeners, &self.parts.supervisor, children)
    }

    /// Tells the proxy to finish and end.
    pub fn shut_proxy_down(&self, within: Duration) {
        self.parts.proxy.send_modify(|orders| orders.shutdown = Some(within));
    }

    /// Listens to an instance's output. If that cannot be it runs all the same: nobody's traffic depends on
    /// a log.
    fn listen(&mut self, instance: &InstanceId, logs: &LogSpec) {
        let run = self.home.join("run");
        let [out, err] = ["out", "err"].map(|stream| run.join(format!("{instance}.{stream}")));
        match self.parts.capture.add(instance, logs, &out, &err) {
            Ok(()) => drop(self.deaf.remove(instance)),
            Err(error) => drop(self.deaf.insert(instance.clone(), LogError::to_string(&error))),
        }
    }

    fn launch(order: &StartOrder) -> Launch {
        Launch {
            instance: order.instance.clone(),
            release: order.release.clone(),
            restart: order.restart.clone(),
            routed: order.routed,
        }
    }

    fn refuse(&self, order: StartOrder, why: &impl ToString) {
        let (refused, why) = (self.parts.refused.clone(), why.to_string());
        // Through the loop, like every other observation.
        tokio::spawn(async move { drop(refused.send((order, why)).await) });
    }
}

impl Platform for Local {
    fn start(&mut self, order: StartOrder) {
        self.listen(&order.instance, &order.logs);
        if let Err(error) = self.parts.supervisor.start(Self::launch(&order)) {
            self.refuse(order, &error);
        }
    }

    fn adopt(&mut self, order: AdoptOrder) {
        let AdoptOrder { start, last } = order;
        self.listen(&start.instance, &start.logs);
        if let Err(error) = self.parts.supervisor.adopt(Adoption { launch: Self::launch(&start), last }) {
            self.refuse(start, &error);
        }
    }

    fn stop(&mut self, instance: &InstanceId) {
        self.parts.supervisor.stop(instance);
    }

    fn restart(&mut self, instance: &InstanceId) {
        self.parts.supervisor.restart(instance);
    }

    fn forget(&mut self, instance: &InstanceId) {
        self.deaf.remove(instance);
        // Its last words first: the FIFOs go with the rest.
        let settled = self.parts.capture.remove(instance);
        self.parts.supervisor.forget(instance);
        drop(settled);
    }

    fn end_stray(&mut self, process: ProcessId) {
        tokio::spawn(end_stray(process));
    }

    fn reconfigure(&mut self, instance: &InstanceId, restart: &RestartSpec, logs: &LogSpec) {
        self.parts.supervisor.reconfigure(instance, restart.clone());
        self.parts.capture.reconfigure(instance.app(), logs);
    }

    fn route(&mut self, snapshot: Snapshot) {
        self.parts.proxy.send_modify(|orders| orders.snapshot = Some(snapshot));
    }

    fn retire_proxy(&mut self, pid: u32) {
        self.parts.proxy.send_modify(|orders| {
            orders.retire.insert(pid);
        });
    }

    fn open_preview(&mut self) -> Option<SocketAddr> {
        match self.parts.listeners.open() {
            Ok(address) => Some(address),
            Err(error) => {
                tracing::error!("no port for a preview: {error}");
                None
            }
        }
    }

    fn secret(&mut self) -> String {
        gapless_sys::random::hex().unwrap_or_else(|error| {
            // One that is empty opens nothing.
            tracing::error!("no secret for a preview: {error}");
            String::new()
        })
    }

    fn verify(&mut self, order: VerifyOrder) {
        self.parts.verifier.begin(order);
    }

    fn end_verification(&mut self, app: &AppName) {
        self.parts.verifier.end(app);
    }

    fn tidy(&mut self, errand: Errand) {
        self.parts.disk.tidy(errand);
    }
}

/// SIGTERM, time, SIGKILL; to the group, and only while its leader is surely the one that was meant.
async fn end_stray(process: ProcessId) {
    let meant = || gapless_sys::process::started(process.pid) == Some(process.started);
    for signal in [Signal::Term, Signal::Kill] {
        if !meant() {
            return;
        }
        if let Err(error) = gapless_sys::group::signal(process.pid, signal.number()) {
            tracing::warn!("cannot end the stray process {}: {error}", process.pid);
        }
        if signal == Signal::Term {
            tokio::time::sleep(STRAY_TIMEOUT).await;
        }
    }
}

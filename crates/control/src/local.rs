//! This machine as a platform: instances by `supervise`, their output by `logs`, traffic by the proxy.

use crate::disk::Disk;
use crate::link::Orders;
use crate::platform::{AdoptOrder, Errand, Platform, StartOrder};
use camino::Utf8PathBuf;
use gapless_logs::{Capture, LogError, Settled};
use gapless_model::app::{LogSpec, RestartSpec};
use gapless_model::instance::ProcessId;
use gapless_model::{InstanceId, Signal};
use gapless_routing::Snapshot;
use gapless_supervise::{Adoption, Launch, Supervisor};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long a stray process has between SIGTERM and SIGKILL.
const STRAY_TIMEOUT: Duration = Duration::from_secs(10);

/// This machine.
#[derive(Debug)]
pub struct Local {
    home: Utf8PathBuf,
    supervisor: Supervisor,
    capture: Capture,
    proxy: watch::Sender<Orders>,
    disk: Disk,
    /// Instances that cannot even be tried here: said to the engine as failures.
    refused: mpsc::Sender<(StartOrder, String)>,
    /// What is wrong with the capture of an instance, until it works.
    deaf: BTreeMap<InstanceId, String>,
}

impl Local {
    /// Puts the parts together.
    pub const fn new(
        home: Utf8PathBuf,
        supervisor: Supervisor,
        capture: Capture,
        proxy: watch::Sender<Orders>,
        disk: Disk,
        refused: mpsc::Sender<(StartOrder, String)>,
    ) -> Self {
        Self { home, supervisor, capture, proxy, disk, refused, deaf: BTreeMap::new() }
    }

    /// What is wrong, for `status`.
    pub fn troubles(&self) -> Vec<String> {
        let deaf = self.deaf.iter().map(|(id, error)| format!("the output of {id} is not captured: {error}"));
        self.capture.troubles().into_iter().chain(deaf).collect()
    }

    /// Changes whenever output was written to the log files.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.capture.written()
    }

    /// Settles when all that an instance has written by now can be read back.
    pub fn caught_up(&self, instance: &InstanceId) -> Settled {
        self.capture.caught_up(instance)
    }

    /// All instances that run are adopted: what was kept for others is given up.
    pub fn adopted_all(&self) {
        self.supervisor.adopted_all();
    }

    /// Tells the proxy to finish and end.
    pub fn shut_proxy_down(&self, within: Duration) {
        self.proxy.send_modify(|orders| orders.shutdown = Some(within));
    }

    /// Listens to an instance's output. If that cannot be it runs all the same: nobody's traffic depends on
    /// a log.
    fn listen(&mut self, instance: &InstanceId, logs: &LogSpec) {
        let run = self.home.join("run");
        let [out, err] = ["out", "err"].map(|stream| run.join(format!("{instance}.{stream}")));
        match self.capture.add(instance, logs, &out, &err) {
            Ok(()) => drop(self.deaf.remove(instance)),
            Err(error) => drop(self.deaf.insert(instance.clone(), LogError::to_string(&error))),
        }
    }

    fn launch(order: &StartOrder) -> Launch {
        Launch {
            instance: order.instance.clone(),
            release: Arc::new(order.release.clone()),
            restart: order.restart.clone(),
            routed: order.routed,
        }
    }

    fn refuse(&self, order: StartOrder, why: &impl ToString) {
        let (refused, why) = (self.refused.clone(), why.to_string());
        // Through the loop, like every other observation.
        tokio::spawn(async move { drop(refused.send((order, why)).await) });
    }
}

impl Platform for Local {
    fn start(&mut self, order: StartOrder) {
        self.listen(&order.instance, &order.logs);
        if let Err(error) = self.supervisor.start(Self::launch(&order)) {
            self.refuse(order, &error);
        }
    }

    fn adopt(&mut self, order: AdoptOrder) {
        let AdoptOrder { start, last } = order;
        self.listen(&start.instance, &start.logs);
        if let Err(error) = self.supervisor.adopt(Adoption { launch: Self::launch(&start), last }) {
            self.refuse(start, &error);
        }
    }

    fn stop(&mut self, instance: &InstanceId) {
        self.supervisor.stop(instance);
    }

    fn restart(&mut self, instance: &InstanceId) {
        self.supervisor.restart(instance);
    }

    fn forget(&mut self, instance: &InstanceId) {
        self.deaf.remove(instance);
        // Its last words first: the FIFOs go with the rest.
        let settled = self.capture.remove(instance);
        self.supervisor.forget(instance);
        drop(settled);
    }

    fn end_stray(&mut self, process: ProcessId) {
        tokio::spawn(end_stray(process));
    }

    fn reconfigure(&mut self, instance: &InstanceId, restart: &RestartSpec, logs: &LogSpec) {
        self.supervisor.reconfigure(instance, restart.clone());
        self.capture.reconfigure(instance.app(), logs);
    }

    fn route(&mut self, snapshot: Snapshot) {
        self.proxy.send_modify(|orders| orders.snapshot = Some(snapshot));
    }

    fn tidy(&mut self, errand: Errand) {
        self.disk.tidy(errand);
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

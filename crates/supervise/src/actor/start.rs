//! Starting a process, or taking one over.

use super::process::Process;
use super::{Actor, Next, Then};
use crate::cgroups::Cell;
use crate::environment::{self, says_ready_itself};
use crate::group::{self, Group};
use crate::node;
use crate::offer::Offer;
use crate::placeholder::{Values, fill};
use crate::probe::notify::Notify;
use crate::safekeeping::Safekeeping;
use crate::spawn::{self, Program};
use crate::target::{Surroundings, Target};
use crate::wish::Order;
use crate::{clock, executable};
use camino::Utf8Path;
use gapless_model::{Exit, Failure, InstanceId, InstanceState, Moment, Unlimited};
use gapless_sys::{fifo, marks};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

impl Actor {
    /// Starts a process.
    pub(super) async fn start(&mut self) -> Next {
        if self.orders.pending() == Some(Order::Stop) {
            return Next::Gone { exit: None };
        }
        self.orders.heed_restarts();
        match self.spawn().await {
            Ok((process, unlimited)) => {
                self.view.unlimited = unlimited;
                let deadline = process.since + self.launch.release.spec.start_deadline;
                self.view.process = Some(process.group.process());
                Next::Starting { process, deadline }
            }
            Err(message) => {
                let failure = Failure::Spawn { message };
                Next::Failed { failure, exit: None, ready: Duration::ZERO }
            }
        }
    }

    /// # Errors
    /// A message for people.
    async fn spawn(&self) -> Result<(Process, Option<Unlimited>), String> {
        let (run, instance) = (&self.world.run, &self.launch.instance);
        let spec = &self.launch.release.spec;
        let cannot = |doing: &str, error: io::Error| format!("cannot {doing} of {instance}: {error}");

        // Nobody may be asked at an address that the process before it left behind.
        let another = spec.process.is_another();
        run.clear_socket(instance).map_err(|error| cannot("clear the socket", error))?;
        let own =
            run.make_place(instance, another, &spec.cwd).map_err(|error| cannot("make the place", error))?;
        let offer = Offer::make(spec, self.runs_node(), run.socket(instance, another), &self.world.ports)
            .map_err(|error| cannot("find a port for the start", error))?;
        let notify = self.notify(Notify::bind).map_err(|error| cannot("open the notify socket", error))?;
        let [stdout, stderr] = self.output().map_err(|error| cannot("open the output FIFOs", error))?;

        let environment = environment::of(&self.launch.release, instance, run, &offer)?;
        let command = fill(&spec.command, Values { socket: &offer.socket, port: offer.port, instance });
        let said = notify.as_ref().map(|_| run.notify(instance));
        let own: Vec<&Utf8Path> = own.iter().chain(&said).map(|path| path.as_path()).collect();
        let (cwd, process) = (&spec.cwd, &spec.process);
        let (cell, unlimited) = self.world.cgroups.make(instance, &process.limits).await;
        let cgroup = cell.as_ref().map(Cell::path);
        let program =
            Program { command: &command, cwd, environment: &environment, process, cgroup, own: &own };
        let group = match spawn::start(program, stdout, stderr).await {
            Ok(group) => group,
            Err(why) => {
                if let Some(cell) = cell {
                    cell.close().await;
                }
                return Err(why);
            }
        };
        let since = clock::now();
        let target = self.target(&group, offer, environment, notify);
        Ok((Process::starting(group, cell, target, since, &self.launch), unlimited))
    }

    /// Takes over what an earlier control left, in the state in which it left it.
    pub(super) async fn resume(&mut self) -> Next {
        match self.view.state {
            InstanceState::Gone { exit } => return Next::Gone { exit },
            InstanceState::Backoff { until, .. } => return Next::Backoff { until },
            _ => {}
        }
        let Some((process, unlimited)) = self.take_over() else { return self.lost().await };
        self.view.unlimited = unlimited;
        self.view.process = Some(process.group.process());
        self.view.address = process.target.found().cloned();
        match self.view.state {
            InstanceState::Starting { deadline, .. } => self.still_starting(process, deadline),
            InstanceState::Ready { since } => Next::Ready { process: self.settled(process, since) },
            InstanceState::Unready { since, .. } => Next::Unready { process: self.settled(process, since) },
            InstanceState::Wedged { since, .. } => Next::Wedged { process: self.settled(process, since) },
            // It was signalled before this was written down; it is not asked a second time, which to many
            // programs means "at once".
            InstanceState::Stopping { kill_at, .. } => Next::Stopping { process, kill_at, then: Then::Gone },
            InstanceState::Backoff { until, .. } => Next::Backoff { until },
            InstanceState::Gone { exit } => Next::Gone { exit },
        }
    }

    fn settled(&self, mut process: Process, since: Moment) -> Process {
        process.settle(&self.launch, since);
        process
    }

    /// The deadline may have passed while nobody asked it anything: it is asked at least as long as one answer
    /// may take before it is judged.
    fn still_starting(&self, process: Process, deadline: Moment) -> Next {
        let ready = &self.launch.release.spec.ready;
        let chance = clock::now() + ready.interval.saturating_add(ready.timeout);
        Next::Starting { process, deadline: deadline.max(chance) }
    }

    /// The process as it was known, if it still runs.
    fn take_over(&self) -> Option<(Process, Option<Unlimited>)> {
        let known = self.view.process?;
        let group = Group::resume(known).ok()?;
        let environment = marks::environment(known.pid).unwrap_or_default();
        let (instance, spec) = (&self.launch.instance, &self.launch.release.spec);
        let offer = Offer::resumed(spec, &self.world.run, instance, &environment, &self.world.ports);
        let notify = self.notify(Notify::resume).unwrap_or_else(|error| {
            tracing::warn!(%instance, %error, "its notify socket cannot be opened again");
            None
        });
        let target = self.target(&group, offer, environment, notify);
        let since = group.since();
        let (cell, unlimited) = self.world.cgroups.resume(instance, &spec.process.limits, known.pid);
        Some((Process::starting(group, cell, target, since, &self.launch), unlimited))
    }

    /// Its process ended while nobody looked: what it left running must not meet the next one.
    async fn lost(&mut self) -> Next {
        if let Some(known) = self.view.process {
            group::kill_remains(known.pid, &self.world.census, &self.mark).await;
        }
        let limits = &self.launch.release.spec.process.limits;
        let mut exit = Exit::Unknown;
        if let Some(cell) = self.world.cgroups.left_by(&self.launch.instance, limits) {
            exit = cell.told(exit);
            cell.close().await;
        }
        if let InstanceState::Stopping { .. } = self.view.state {
            return Next::Gone { exit: Some(exit) };
        }
        let was_ready = !matches!(self.view.state, InstanceState::Starting { .. });
        let failure = Failure::Exited { exit, ran: Duration::ZERO, was_ready };
        Next::Failed { failure, exit: Some(exit), ready: Duration::ZERO }
    }

    fn target(
        &self,
        group: &Group,
        offer: Offer,
        environment: BTreeMap<String, String>,
        notify: Option<Notify>,
    ) -> Target {
        let spec = &self.launch.release.spec;
        let surroundings = environment::asks_by_command(&self.launch.release).then(|| Surroundings {
            cwd: spec.cwd.clone(),
            environment,
            process: spec.process.clone(),
        });
        let found = self.view.address.clone();
        Target::new(self.launch.instance.clone(), group.number(), offer, found, surroundings, notify)
    }

    fn runs_node(&self) -> bool {
        let release = &self.launch.release;
        let path = release.spec.env.get("PATH").or_else(|| release.base_env.get("PATH"));
        node::runs_node(&release.spec.command, |word| {
            executable::find(word, &release.spec.cwd, path.map(String::as_str)).ok()
        })
    }

    fn notify(
        &self,
        open: impl FnOnce(&Utf8Path, &InstanceId, &Arc<Safekeeping>) -> io::Result<Notify>,
    ) -> io::Result<Option<Notify>> {
        let (run, instance, kept) = (&self.world.run, &self.launch.instance, &self.world.kept);
        says_ready_itself(&self.launch.release)
            .then(|| open(&run.notify(instance), instance, kept))
            .transpose()
    }

    /// The ends that the process writes to.
    fn output(&self) -> io::Result<[File; 2]> {
        let [out, err] = self.world.run.output(&self.launch.instance);
        let open = |path: camino::Utf8PathBuf| {
            fifo::make(path.as_std_path())?;
            fifo::open_both_ways(path.as_std_path())
        };
        Ok([open(out)?, open(err)?])
    }
}

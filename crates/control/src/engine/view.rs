//! What is shown: `status`, and rollouts as they go.

use super::app::App;
use super::managed::Managed;
use super::rollouts::Closed;
use super::{Engine, Now};
use gapless_api::progress::Stand;
use gapless_api::request::ReleaseRow;
use gapless_api::status::{AppStatus, InstanceStatus, Waiting};
use gapless_model::{AbortReason, AppName, Failure, InstanceState, ReleaseId, RolloutId, WaitingOn};
use std::collections::BTreeMap;

/// CPU and memory of an instance's process group.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Percent of one core, over the last few seconds; none at the first look.
    pub cpu_percent: Option<f64>,
    /// Resident bytes.
    pub memory: u64,
}

/// A rollout as somebody who follows it sees it.
#[derive(Debug)]
pub enum Followed<'a> {
    /// It waits for another.
    Queued {
        /// The one in progress.
        behind: RolloutId,
    },
    /// It goes.
    At(Box<Stand>),
    /// It is over.
    Closed(&'a Closed),
    /// There is no such rollout, or it ended long ago.
    Unknown,
}

impl Engine {
    /// Every app, by name. `usage` is by process id.
    pub fn status(&self, now: Now, usage: &BTreeMap<u32, Usage>) -> Vec<AppStatus> {
        self.apps.values().map(|app| app.status(self.cores, now, usage)).collect()
    }

    /// How a rollout stands.
    pub fn followed(&self, id: RolloutId, now: Now) -> Followed<'_> {
        if let Some(closed) = self.closed.get(&id) {
            return Followed::Closed(closed);
        }
        for app in self.apps.values() {
            match (&app.active, &app.queued) {
                (Some(active), _) if active.rollout.id == id => {
                    return Followed::At(Box::new(app.stand(self.cores, now)));
                }
                (Some(active), Some(queued)) if queued.id == id => {
                    return Followed::Queued { behind: active.rollout.id };
                }
                _ => {}
            }
        }
        Followed::Unknown
    }

    /// How an app stands; none once it is as it should be, or is gone.
    pub fn settling(&self, name: &AppName, now: Now) -> Option<Stand> {
        let app = self.apps.get(name)?;
        (!app.is_settled(self.cores)).then(|| app.stand(self.cores, now))
    }

    /// Why an app will not settle soon, if so: an instance that should serve fails again and again, and no
    /// rollout is in progress that would replace it; or an app that it is started after does not come up.
    pub fn stuck(&self, name: &AppName, now: Now) -> Option<AbortReason> {
        let app = self.apps.get(name).filter(|app| app.active.is_none())?;
        if let Some(why) = app.waits_in_vain(now.moment) {
            return Some(why);
        }
        app.instances.values().filter(|i| i.retiring.is_none()).find_map(|i| {
            let failure = i.view.last_failure.clone()?;
            let slow = matches!(failure, Failure::StartDeadline { .. });
            let again =
                matches!(i.view.state, InstanceState::Backoff { failures, .. } if slow || failures > 1);
            again.then(|| AbortReason::InstanceFailed { instance: i.view.id.clone(), failure })
        })
    }

    /// The releases of an app, the newest first.
    pub fn releases(&self, name: &AppName) -> Vec<ReleaseRow> {
        let Some(app) = self.apps.get(name) else { return Vec::new() };
        let rows = app.releases.values().rev().map(|r| ReleaseRow {
            release: r.id,
            current: app.current == Some(r.id),
            mark: r.mark,
            created: r.created,
            command: r.spec.command.to_string(),
            directory: r.spec.cwd.to_string(),
            own_code: r.code.is_some(),
            revision: r.revision.clone(),
        });
        rows.collect()
    }
}

impl App {
    fn status(&self, cores: u32, now: Now, usage: &BTreeMap<u32, Usage>) -> AppStatus {
        AppStatus {
            name: self.name.clone(),
            release: self.current,
            ready: self.ready(),
            wanted: self.wanted(cores),
            split: self.split.percent(),
            routes: self.settings.routes.iter().map(ToString::to_string).collect(),
            rollout: self.active.as_ref().map(|a| a.rollout.clone()),
            waiting: self.waits(now),
            instances: self.instances.values().map(|i| self.instance_status(i, now, usage)).collect(),
            requests_per_second: self.traffic.per_second(),
            traffic: self.traffic.now.traffic,
            last_failure: self.last_failure.clone(),
        }
    }

    fn instance_status(&self, i: &Managed, now: Now, usage: &BTreeMap<u32, Usage>) -> InstanceStatus {
        let pid = i.view.process.map(|p| p.pid);
        let usage = pid.and_then(|pid| usage.get(&pid));
        InstanceStatus {
            id: i.view.id.clone(),
            pid,
            release: i.view.release,
            state: self.word(i).to_owned(),
            detail: detail(i, now),
            restarts: i.view.restarts,
            address: i.view.address.as_ref().map(ToString::to_string),
            started: pid.map(|_| i.started),
            uptime_ms: pid.map(|_| now.wall.as_millis().saturating_sub(i.started.as_millis())),
            cpu_percent: usage.and_then(|u| u.cpu_percent),
            memory: usage.map(|u| u.memory),
            in_flight: self.traffic.in_flight(&i.view.id),
            traffic: self.traffic.of(&i.view.id),
            ejected: self.traffic.ejected(&i.view.id, now.moment),
            unlimited: i.view.unlimited.clone(),
        }
    }

    fn word(&self, i: &Managed) -> &'static str {
        let target = self.active.as_ref().map(|a| a.rollout.to).or(self.current);
        i.word(self.split.names(&i.view.id), self.is_routed(), target)
    }

    fn stand(&self, cores: u32, now: Now) -> Stand {
        let mut ready: BTreeMap<ReleaseId, u32> = BTreeMap::new();
        for i in self.instances.values().filter(|i| i.retiring.is_none() && i.view.state.is_ready()) {
            *ready.entry(i.view.release).or_default() += 1;
        }
        let total = self.active.as_ref().map(|a| a.ledger.total().traffic).unwrap_or_default();
        Stand {
            phase: self.active.as_ref().map(|a| a.rollout.phase.clone()),
            ready,
            wanted: self.wanted(cores),
            split: self.split.percent(),
            waiting: self.waits(now),
            instances: self
                .instances
                .values()
                .map(|i| (i.view.id.clone(), i.view.release, self.word(i).to_owned()))
                .collect(),
            served: total.served,
            failed: total.failed,
        }
    }

    fn waits(&self, now: Now) -> Vec<Waiting> {
        let queued = self.queued.iter().map(|_| WaitingOn::Turn { queued: 1 });
        let wait = |on: WaitingOn| Waiting {
            text: on.to_string(),
            remaining_ms: on
                .deadline()
                .map(|at| u64::try_from(at.since(now.moment).as_millis()).unwrap_or(u64::MAX)),
            on,
        };
        self.waiting.iter().cloned().chain(queued).map(wait).collect()
    }
}

/// How many failures in a row are called a crash loop.
const CRASH_LOOP: u32 = 5;

fn detail(i: &Managed, now: Now) -> Option<String> {
    use gapless_model::time::Spoken;
    match &i.view.state {
        InstanceState::Backoff { failures: 0, .. } => None,
        InstanceState::Backoff { until, failures } => {
            let next = Spoken(until.since(now.moment));
            let what = if *failures >= CRASH_LOOP { "crash loop: " } else { "" };
            let last = i.view.last_failure.as_ref().map(|f| format!(" ({f})")).unwrap_or_default();
            Some(format!("{what}{failures} failures in a row, next try in {next}{last}"))
        }
        InstanceState::Unready { report, .. } | InstanceState::Wedged { report, .. } => {
            Some(report.to_string())
        }
        InstanceState::Starting { deadline, .. } => {
            Some(format!("has {} left to become ready", Spoken(deadline.since(now.moment))))
        }
        InstanceState::Stopping { kill_at, .. } => {
            Some(format!("is killed in {}", Spoken(kill_at.since(now.moment))))
        }
        InstanceState::Gone { exit } => exit.map(|e| e.to_string()),
        InstanceState::Ready { .. } => i.outgrown.map(|memory| {
            format!("takes {} MiB of memory, more than `max_memory`, and is to be replaced", memory >> 20)
        }),
    }
}

//! An app as the engine knows it.

use super::active::{Active, Asked};
use super::managed::Managed;
use super::rollouts::Queued;
use super::traffic::Traffic;
use gapless_model::release::Mark;
use gapless_model::{
    AppName, AppSettings, AppSpec, InstanceId, Moment, Release, ReleaseId, ReleaseSpec, Split, WaitingOn,
};
use gapless_rollout::{Acknowledged, Awaited, Desired, Observed, Sent};
use gapless_store::{AppRecord, Change, Wanted};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that is known of one app.
#[derive(Debug)]
pub struct App {
    /// Its name.
    pub name: AppName,
    /// How to run and serve it.
    pub settings: AppSettings,
    /// Whether it should run.
    pub run: Run,
    /// The release that serves, or is being replaced.
    pub current: Option<ReleaseId>,
    /// All releases that are kept; shared with whoever runs them.
    pub releases: BTreeMap<ReleaseId, Arc<Release>>,
    pub(crate) active: Option<Active>,
    pub(crate) queued: Option<Queued>,
    /// Boxed, as a map makes room for eleven at once, and most apps have one or two.
    pub(crate) instances: BTreeMap<InstanceId, Box<Managed>>,
    pub(crate) next_instance: u32,
    pub(crate) next_release: u32,
    pub(crate) acknowledged: Option<Acknowledged>,
    pub(crate) sent: Option<Sent>,
    /// As last decided.
    pub(crate) split: Split,
    /// As last decided: who gets the requests that ask for the new release before it is public.
    pub(crate) preview: Split,
    pub(crate) waiting: Vec<WaitingOn>,
    pub(crate) wake: Option<Moment>,
    /// Whether an instance was started since it was wanted and there was none: before that it waits for the apps
    /// that it is after.
    pub(crate) launched: bool,
    /// Those of them that were not up when last looked at.
    pub(crate) awaited: Vec<Awaited>,
    /// A decision whose journal entry is on its way.
    pub(crate) pending: Option<Pending>,
    pub(crate) traffic: Traffic,
    pub(crate) tally: Tally,
    /// Why the last rollout did not complete, for people.
    pub(crate) last_failure: Option<String>,
}

/// What has happened to an app since this control began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Instances started again after a failure.
    pub(crate) restarts: u64,
    /// Rollouts that completed.
    pub(crate) completed: u64,
    /// Rollouts that were taken back.
    pub(crate) aborted: u64,
    /// First releases that failed.
    pub(crate) failed: u64,
}

/// Whether an app should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// It should.
    Running,
    /// All instances go, then it should run again.
    Restarting,
    /// It should not; its definition stays.
    Stopped,
    /// It should not, and when its last instance is gone it is forgotten.
    Deleted,
}

/// A decision whose journal entry is on its way. What it changes in what is known has been changed.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) token: u64,
    /// Whether a phase of the rollout begins with it.
    pub(crate) enters_phase: bool,
    /// To be given when it is written.
    pub(crate) orders: Vec<Order>,
}

/// What the platform is to do, once that is written.
#[derive(Debug)]
pub(crate) enum Order {
    Start(InstanceId),
    Stop(InstanceId),
    Restart(InstanceId),
    Verify(AppName),
}

impl App {
    pub(crate) fn new(name: AppName, settings: AppSettings) -> Self {
        Self {
            name,
            settings,
            run: Run::Running,
            current: None,
            releases: BTreeMap::new(),
            active: None,
            queued: None,
            instances: BTreeMap::new(),
            next_instance: 1,
            next_release: 1,
            acknowledged: None,
            sent: None,
            split: Split::default(),
            preview: Split::default(),
            waiting: Vec::new(),
            wake: None,
            launched: false,
            awaited: Vec::new(),
            pending: None,
            traffic: Traffic::default(),
            tally: Tally::default(),
            last_failure: None,
        }
    }

    /// Whether the proxy sends it requests.
    pub fn is_routed(&self) -> bool {
        !self.settings.routes.is_empty()
    }

    /// How many instances should serve now.
    pub fn wanted(&self, cores: u32) -> u32 {
        match self.run {
            Run::Running => self.settings.instances.on(cores),
            Run::Restarting | Run::Stopped | Run::Deleted => 0,
        }
    }

    /// Whether it has this instance.
    pub(crate) fn has(&self, id: &InstanceId) -> bool {
        self.instances.contains_key(id)
    }

    /// Its instances that have a process: with their release, and the leader of their group.
    pub(crate) fn processes(&self) -> impl Iterator<Item = (&InstanceId, ReleaseId, u32)> {
        let instances = self.instances.iter();
        instances.filter_map(|(id, i)| Some((id, i.view.release, i.view.process?.pid)))
    }

    /// Percent of the traffic by release.
    pub(crate) fn shares(&self) -> BTreeMap<ReleaseId, u32> {
        self.split.percent()
    }

    /// Whether a rollout is in progress.
    pub(crate) const fn is_rolling(&self) -> bool {
        self.active.is_some()
    }

    /// How many instances are ready and stay.
    pub fn ready(&self) -> u32 {
        let able = self.instances.values().filter(|i| i.retiring.is_none() && i.view.state.is_ready());
        u32::try_from(able.count()).unwrap_or(u32::MAX)
    }

    /// Whether the release that it is on has failed and does not serve now: nothing to go back to, and nothing
    /// to be content with.
    pub(crate) fn is_broken(&self) -> bool {
        let current = self.current.and_then(|id| self.releases.get(&id));
        current.is_some_and(|release| release.mark == Mark::Bad) && self.ready() == 0
    }

    /// The release that the app is on, or is on its way to, or will be when what waits has its turn: what a
    /// changed file is compared with.
    pub fn latest(&self) -> Option<&Release> {
        let id = self
            .queued
            .as_ref()
            .map(|q| q.to)
            .or(self.active.as_ref().filter(|a| !a.is_returning()).map(|a| a.rollout.to))
            .or(self.current)?;
        self.releases.get(&id).map(Arc::as_ref)
    }

    pub(crate) fn desired(&self, cores: u32) -> Desired {
        Desired {
            app: self.name.clone(),
            wanted: self.wanted(cores),
            current: self.current,
            rollout: self.active.as_ref().map(|a| a.rollout.clone()).filter(|r| !r.has_ended()),
            strategy: self.settings.rollout.strategy,
            max_surge: self.settings.rollout.max_surge,
            max_unavailable: self.settings.rollout.max_unavailable,
            bake: self.settings.rollout.bake,
            verify: self.settings.rollout.verify.as_ref().map(|spec| spec.timeout),
            promote_within: (!self.settings.rollout.autopromote)
                .then_some(self.settings.rollout.promote_deadline),
            promoted: self.active.as_ref().is_some_and(|a| a.asked == Some(Asked::Promote)),
            replace_after: self.settings.restart.backoff_max,
            drain: self.settings.drain.clone(),
            routed: self.is_routed(),
            job: self.is_job(),
            awaits: self.awaited.clone(),
        }
    }

    pub(crate) fn observed(&self) -> Observed {
        Observed {
            instances: self.instances.values().map(|managed| managed.for_decider()).collect(),
            acknowledged: self.acknowledged.clone(),
            sent: self.sent.clone(),
            verification: self.active.as_ref().and_then(|active| active.checks.at.clone()),
        }
    }

    /// What the journal keeps of it; none before it has a release.
    pub(crate) fn record(&self) -> Option<Change> {
        let spec = AppSpec {
            name: self.name.clone(),
            release: self.latest()?.declared(),
            settings: self.settings.clone(),
        };
        let wanted = match self.run {
            Run::Running | Run::Restarting => Wanted::Running,
            Run::Stopped => Wanted::Stopped,
            Run::Deleted => Wanted::Deleted,
        };
        Some(Change::PutApp(Box::new(AppRecord {
            spec,
            wanted,
            current: self.current,
            next_instance: self.next_instance,
            next_release: self.next_release,
        })))
    }

    /// What the journal keeps of the rollout that waits.
    pub(crate) fn queue_record(&self) -> Change {
        let value = self.queued.as_ref().and_then(|q| serde_json::to_string(q).ok()).unwrap_or_default();
        Change::PutSetting { name: format!("queued:{}", self.name), value }
    }

    pub(crate) fn is_settled(&self, cores: u32) -> bool {
        let able =
            self.ready() >= self.wanted(cores) || self.instances.values().any(|i| i.view.state.is_gone());
        let quiet = !self.instances.values().any(|i| i.retiring.is_some());
        let enough = self.instances.len() >= self.wanted(cores) as usize;
        self.active.is_none()
            && self.pending.is_none()
            && self.run != Run::Restarting
            && able
            && quiet
            && enough
    }

    /// The spec of a release by its number.
    pub fn spec_of(&self, id: ReleaseId) -> Option<&ReleaseSpec> {
        self.releases.get(&id).map(|r| &r.spec)
    }
}

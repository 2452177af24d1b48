//! The routing snapshot: made of what was decided for each app, and sent when it differs from the last.

use super::proxies::{Proxies, Standing};
use super::{App, Engine, Run, World};
use gapless_model::{AppName, Generation, InstanceId, InstanceState, Moment, Split};
use gapless_rollout::{Sent, waits};
use gapless_routing::{AppRouting, Backend, Duty, Listener, Route, Snapshot};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long the probes of instances that were adopted without knowing how they stood are waited for.
const ADOPTED_PROBES: Duration = Duration::from_secs(5);

/// What the proxy was told, and what it said.
#[derive(Debug, Default)]
pub(super) struct Routes {
    pub(super) proxies: Proxies,
    /// The newest generation that was sent or seen.
    pub(super) generation: Generation,
    /// The newest that every worker of every proxy has, as told on these connections.
    pub(super) applied: Option<Generation>,
    /// What went out and was not answered yet, the oldest first.
    pub(super) unanswered: VecDeque<(Generation, BTreeMap<AppName, Sending>)>,
    last: Option<Snapshot>,
    /// Adopted instances whose probes have not answered yet, and until when they are waited for.
    awaited: BTreeMap<InstanceId, Moment>,
    changed: bool,
    forced: bool,
}

/// Who was to get an app's requests.
#[derive(Debug)]
pub(super) struct Sending {
    /// The public ones.
    pub(super) split: Split,
    /// Those that ask for the new release before it is public.
    pub(super) preview: Split,
}

impl Sending {
    /// Whether an instance was to get any.
    pub(super) fn names(&self, id: &InstanceId) -> bool {
        self.split.names(id) || self.preview.names(id)
    }
}

impl Routes {
    /// Something that a snapshot is made of may have changed.
    pub(super) const fn change(&mut self) {
        self.changed = true;
    }

    /// Changes nothing at the proxy until this instance has shown whether it is ready.
    pub(super) fn await_instance(&mut self, id: InstanceId, now: Moment) {
        self.awaited.insert(id, now + ADOPTED_PROBES);
    }

    /// An instance has shown how it is.
    pub(super) fn know_instance(&mut self, id: &InstanceId, state: &InstanceState) {
        if !matches!(state, InstanceState::Starting { .. }) {
            self.awaited.remove(id);
        }
    }

    /// Counts snapshots on from where no control before this one can have been.
    ///
    /// What an earlier one sent last may still be on its way to the workers when this one begins, and must
    /// not be taken for one of ours. `used` lags behind, the time since boot does not: no control sends a
    /// snapshot per millisecond for as long as it lives.
    pub(super) fn begin_anew(&mut self, used: Generation, now: Moment) {
        self.generation = self.generation.max(used).max(Generation(now.as_millis()));
    }

    /// Send a snapshot even if it is the same: its answer brings fresh counters.
    pub(super) const fn send_again(&mut self) {
        self.changed = true;
        self.forced = true;
    }

    /// The generation that a snapshot sent next will have.
    pub(super) const fn upcoming(&self) -> Generation {
        Generation(self.generation.0 + 1)
    }

    /// When to look again although nothing was observed.
    pub(super) fn wake(&self) -> Option<Moment> {
        self.awaited.values().max().copied()
    }

    /// Whatever was sent is to be sent again.
    fn lose_proxy(&mut self) {
        self.applied = None;
        self.unanswered.clear();
        self.last = None;
    }
}

impl Engine {
    /// Whether no proxy routes by anything older than what was decided last.
    pub(crate) fn is_routed_as_decided(&self) -> bool {
        let routes = &self.routes;
        routes.proxies.is_empty() || (!routes.changed && routes.applied == Some(routes.generation))
    }

    /// The proxy that serves.
    pub fn proxy(&self) -> Option<u32> {
        self.routes.proxies.serving()
    }

    /// Proxies that finish with the clients that they have.
    pub fn retiring_proxies(&self) -> Vec<u32> {
        self.routes.proxies.retiring().collect()
    }

    /// A proxy is there. It may route by anything, so nothing is in force before it has said so.
    pub(super) fn proxy_up(&mut self, pid: u32, generation: Generation, since: Moment, standing: Standing) {
        if self.routes.proxies.is_empty() {
            self.apps.values_mut().for_each(|app| app.traffic.begin_anew());
        }
        self.routes.proxies.join(pid, since, standing);
        self.routes.generation = self.routes.generation.max(generation);
        self.ask_again();
    }

    pub(super) fn proxy_down(&mut self, pid: u32, world: &World<'_>) {
        let served = self.routes.proxies.leave(pid) == Some(Standing::Serving);
        if served {
            self.ask_again();
        } else {
            self.apps.values_mut().for_each(|app| app.traffic.keep_former(pid));
            self.acknowledge(world);
            self.forget_work();
        }
    }

    fn ask_again(&mut self) {
        self.routes.lose_proxy();
        self.routes.send_again();
        self.apps.values_mut().for_each(|app| app.lose_proxy());
        self.dirty.extend(self.apps.keys().cloned());
    }

    /// Sends a snapshot if anything in it is new.
    pub(super) fn route(&mut self, world: &mut World<'_>) {
        self.routes.awaited.retain(|_, until| *until > world.now.moment);
        if self.routes.proxies.serving().is_none() || !self.routes.awaited.is_empty() {
            return;
        }
        let stale = self.apps.values().any(App::is_stale);
        if !self.routes.changed && !stale {
            return;
        }
        let mut snapshot = self.snapshot();
        if let Some(last) = &self.routes.last {
            snapshot.generation = last.generation;
            if snapshot == *last && !self.routes.forced {
                self.routes.changed = false;
                return;
            }
        }
        snapshot.generation = self.routes.upcoming();
        self.routes.generation = snapshot.generation;
        self.routes.changed = false;
        self.routes.forced = false;
        self.routes.last = Some(snapshot.clone());

        let answer_by = world.now.moment + waits::ACKNOWLEDGE;
        let mut splits = BTreeMap::new();
        for app in self.apps.values_mut().filter(|a| a.is_routed()) {
            app.send(snapshot.generation, answer_by);
            let sending = Sending { split: app.split.clone(), preview: app.preview.clone() };
            splits.insert(app.name.clone(), sending);
        }
        self.routes.unanswered.push_back((snapshot.generation, splits));
        world.platform.route(snapshot);
    }

    fn snapshot(&self) -> Snapshot {
        let apps = || self.apps.values().filter(|a| a.is_routed() && a.run != Run::Deleted);
        let protocols = self.protocols();
        Snapshot {
            generation: Generation::default(),
            listeners: self
                .listening()
                .into_iter()
                .map(|address| Listener {
                    address,
                    descriptor: None,
                    protocol: protocols.get(&address).copied().unwrap_or_default(),
                })
                .collect(),
            routes: apps().flat_map(App::public_routes).collect(),
            apps: self.apps.values().filter(|a| a.is_routed()).map(App::routing).collect(),
            access_log: self.access_log,
            error_pages: self.error_pages.clone(),
            trust: self.trust.clone(),
        }
    }
}

impl App {
    fn lose_proxy(&mut self) {
        self.acknowledged = None;
        self.sent = None;
        self.instances.values_mut().for_each(|i| i.backlog = None);
        self.disturb_checks();
    }

    /// Whether the proxy has not been told what was decided last.
    fn is_stale(&self) -> bool {
        let sent = self.sent.as_ref().map(|s| (&s.split, &s.preview));
        match sent.or(self.acknowledged.as_ref().map(|a| (&a.split, &a.preview))) {
            Some(newest) => newest != (&self.split, &self.preview),
            None => !self.split.is_empty() || !self.preview.is_empty(),
        }
    }

    fn send(&mut self, generation: Generation, answer_by: Moment) {
        // From here on some worker may send requests to those that the split names, until an answer to this
        // snapshot or a later one says what is so.
        for id in self.split.instances().chain(self.preview.instances()) {
            if let Some(managed) = self.instances.get_mut(id) {
                managed.backlog = None;
            }
        }
        let (split, preview) = (self.split.clone(), self.preview.clone());
        self.sent = Some(Sent { generation, split, preview, answer_by });
        self.send_flip(generation);
        self.wake = Some(self.wake.map_or(answer_by, |at| at.min(answer_by)));
    }

    fn public_routes(&self) -> impl Iterator<Item = Route> {
        self.settings.routes.iter().map(|r| Route {
            listener: r.listen,
            host: r.host.clone(),
            path: r.path.clone(),
            app: self.name.clone(),
        })
    }

    fn routing(&self) -> AppRouting {
        let backends = self.instances.values().filter_map(|i| {
            let address = i.view.address.clone()?;
            let duty = if self.split.names(&i.view.id) {
                Duty::Serve { weight: 1 }
            } else if self.preview.names(&i.view.id) {
                Duty::Preview
            } else if matches!(i.view.state, InstanceState::Gone { .. } | InstanceState::Backoff { .. }) {
                return None;
            } else {
                Duty::Finish
            };
            let retiring = i.retiring.filter(|_| duty == Duty::Finish);
            let release = i.view.release;
            let protocol = self.spec_of(release).map(|spec| spec.protocol).unwrap_or_default();
            Some(Backend { instance: i.view.id.clone(), release, address, protocol, duty, retiring })
        });
        AppRouting {
            app: self.name.clone(),
            backends: backends.collect(),
            hold: self.settings.hold.clone(),
            // Nobody will come: it is said at once.
            stopped: matches!(self.run, Run::Stopped | Run::Deleted),
            retry: self.settings.retry.clone(),
            drain: self.settings.drain.clone(),
            balance: self.settings.balance.clone(),
            limits: self.settings.limits,
            error_pages: self.settings.error_pages.clone(),
            preview: self.preview_routing(),
        }
    }
}

//! An app's traffic, from the proxy's counters.

use super::proxies::Standing;
use super::{Engine, World};
use gapless_api::status::EjectedStatus;
use gapless_model::{InstanceId, Moment, ReleaseId, TrafficCount};
use gapless_routing::{Counters, Ejected, InstanceCounters};
use gapless_store::Change;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Over how long requests per second are taken.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// Requests of an app, in all and by the release that served them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct AppCount {
    /// In all.
    pub traffic: TrafficCount,
    /// Served, by release.
    pub served_by: BTreeMap<ReleaseId, u64>,
}

impl AppCount {
    /// What came since `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let served_by = self.served_by.iter().filter_map(|(release, served)| {
            let more = served.saturating_sub(earlier.served_by.get(release).copied().unwrap_or_default());
            (more > 0).then_some((*release, more))
        });
        Self { traffic: self.traffic - earlier.traffic, served_by: served_by.collect() }
    }

    /// Adds another count.
    pub(super) fn add(&mut self, other: &Self) {
        self.traffic += other.traffic;
        for (release, served) in &other.served_by {
            *self.served_by.entry(*release).or_default() += served;
        }
    }
}

/// What the proxies that are there now have counted for an app since the first of them began.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Those of all together.
    pub(super) now: AppCount,
    each: BTreeMap<u32, OfProxy>,
    /// Of those that retired and have gone.
    former: OfProxy,
    /// Those that are passed over, and until when.
    ejected: BTreeMap<InstanceId, (Ejected, Moment)>,
    rate: VecDeque<(Moment, u64)>,
}

/// What one of them has.
#[derive(Debug, Default)]
struct OfProxy {
    count: AppCount,
    instances: BTreeMap<InstanceId, (TrafficCount, u32)>,
}

impl Traffic {
    /// Requests per second over the last few seconds.
    pub(super) fn per_second(&self) -> f64 {
        let (Some((from, first)), Some((to, last))) = (self.rate.front(), self.rate.back()) else {
            return 0.0;
        };
        let seconds = to.since(*from).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let more = last.saturating_sub(*first) as f64;
        if seconds > 0.0 { more / seconds } else { 0.0 }
    }

    /// What one instance has served.
    pub(super) fn of(&self, id: &InstanceId) -> TrafficCount {
        let mut sum = TrafficCount::default();
        self.each().filter_map(|proxy| proxy.instances.get(id)).for_each(|(count, _)| sum += *count);
        sum
    }

    /// What one instance is working on.
    pub(super) fn in_flight(&self, id: &InstanceId) -> u32 {
        self.each().filter_map(|proxy| proxy.instances.get(id)).map(|(_, in_flight)| in_flight).sum()
    }

    fn each(&self) -> impl Iterator<Item = &OfProxy> {
        self.each.values().chain([&self.former])
    }

    /// Proxies begin at zero, and there is none of before.
    pub(super) fn begin_anew(&mut self) {
        (self.each, self.former) = Default::default();
    }

    /// A proxy that others follow has gone. What it counted counts.
    pub(super) fn keep_former(&mut self, pid: u32) {
        let Some(gone) = self.each.remove(&pid) else { return };
        self.former.count.add(&gone.count);
        for (id, (count, _)) in gone.instances {
            self.former.instances.entry(id).or_default().0 += count;
        }
    }

    fn count(&mut self, proxy: u32, count: AppCount) {
        self.each.entry(proxy).or_default().count = count;
        let mut now = AppCount::default();
        self.each().for_each(|proxy| now.add(&proxy.count));
        self.now = now;
    }

    /// Whether one instance is passed over now.
    pub(super) fn ejected(&self, id: &InstanceId, now: Moment) -> Option<EjectedStatus> {
        let (Ejected { why, workers, .. }, until) = self.ejected.get(id)?;
        let remaining = until.since(now).as_millis();
        (remaining > 0).then(|| EjectedStatus {
            why: why.clone(),
            remaining_ms: u64::try_from(remaining).unwrap_or(u64::MAX),
            workers: *workers,
        })
    }

    /// What a proxy says of one instance. Which ones are passed over is up to the one that serves.
    fn count_instance(&mut self, proxy: (u32, Standing), row: &InstanceCounters, now: Moment) {
        let (pid, standing) = proxy;
        let id = &row.instance;
        let of_proxy = self.each.entry(pid).or_default();
        of_proxy.instances.insert(id.clone(), (row.traffic, row.in_flight.requests));
        if standing == Standing::Retiring {
            return;
        }
        match &row.ejected {
            Some(ejected) => {
                let until = now + Duration::from_millis(ejected.left_ms);
                self.ejected.insert(id.clone(), (ejected.clone(), until));
            }
            None => drop(self.ejected.remove(id)),
        }
    }

    /// Forgets instances that are no more.
    fn keep(&mut self, is_there: impl Fn(&InstanceId) -> bool) {
        self.ejected.retain(|id, _| is_there(id));
        for proxy in self.each.values_mut().chain([&mut self.former]) {
            proxy.instances.retain(|id, _| is_there(id));
        }
    }

    fn sample(&mut self, now: Moment) {
        self.rate.push_back((now, self.now.traffic.served));
        while self.rate.front().is_some_and(|(at, _)| now.since(*at) > RATE_WINDOW) {
            self.rate.pop_front();
        }
    }
}

impl Engine {
    /// A proxy's counters.
    pub(super) fn count(&mut self, proxy: u32, counters: &Counters, world: &mut World<'_>) {
        let Some(standing) = self.routes.proxies.standing(proxy) else { return };
        for row in &counters.instances {
            if let Some(app) = self.apps.get_mut(row.instance.app()) {
                app.traffic.count_instance((proxy, standing), row, world.now.moment);
            }
        }
        let mut ready_to_close = Vec::new();
        for row in &counters.apps {
            let Some(app) = self.apps.get_mut(&row.app) else { continue };
            app.traffic.keep(|id| app.instances.contains_key(id));
            let count = AppCount { traffic: row.traffic, served_by: row.served_by.clone() };
            app.traffic.count(proxy, count.clone());
            app.traffic.sample(world.now.moment);
            if let Some(active) = &mut app.active {
                let stall = Duration::from_millis(row.longest_stall_ms);
                active.unwritten |=
                    active.ledger.count((proxy, standing), &count, stall, self.routes.applied);
                // Not over a phase that is just being written.
                if active.unwritten && app.pending.is_none() {
                    active.unwritten = false;
                    world.journal.commit(0, vec![Change::PutRollout(Box::new(active.record()))]);
                }
                if active.may_close(self.routes.applied) {
                    ready_to_close.push(row.app.clone());
                }
            }
        }
        for app in ready_to_close {
            self.close_rollout(&app, world);
        }
    }
}

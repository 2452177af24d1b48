//! What all workers together have counted, and what instances are working on.

use crate::plan::{Report, What};
use gapless_model::{AppName, InstanceId, ReleaseId, TrafficCount};
use gapless_routing::{
    AppCounters, Backlog, Counters, Duty, Ejected, InFlight, InstanceCounters, ProxyCounters,
    ReleaseCounters, Snapshot,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Releases of an app whose counts are kept, those with instances beside.
const RELEASES: usize = 10;

/// The sums over all workers since the proxy began.
#[derive(Debug)]
pub(crate) struct Census {
    workers: usize,
    instances: BTreeMap<InstanceId, InstanceSum>,
    apps: BTreeMap<AppName, AppSum>,
    active: Vec<u32>,
    proxy: ProxyCounters,
    /// By worker.
    open: Vec<u64>,
}

#[derive(Debug)]
struct InstanceSum {
    release: ReleaseId,
    traffic: TrafficCount,
    classes: [u64; 5],
    ejections: u64,
    /// By worker.
    ejected: Vec<Option<Ejected>>,
    /// By worker.
    in_flight: Vec<InFlight>,
}

#[derive(Debug)]
struct AppSum {
    traffic: TrafficCount,
    served_by: BTreeMap<ReleaseId, u64>,
    releases: BTreeMap<ReleaseId, ReleaseSum>,
    longest_stall: Duration,
    held: Duration,
    /// By worker.
    holding: Vec<u32>,
}

/// A release, and whether control has been told.
#[derive(Debug, Default)]
struct ReleaseSum {
    counters: ReleaseCounters,
    is_told: bool,
}

impl InstanceSum {
    /// The longest of the workers' ejections, and how many there are.
    fn ejected(&self) -> Option<Ejected> {
        let lasting = || self.ejected.iter().flatten();
        let workers = u32::try_from(lasting().count()).unwrap_or(u32::MAX);
        let longest = lasting().max_by_key(|ejected| ejected.left_ms)?;
        Some(Ejected { workers, ..longest.clone() })
    }

    fn in_flight(&self) -> InFlight {
        self.in_flight.iter().fold(InFlight::default(), |sum, one| InFlight {
            requests: sum.requests + one.requests,
            upgraded: sum.upgraded + one.upgraded,
        })
    }
}

impl Census {
    /// Nothing counted.
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            workers,
            instances: BTreeMap::new(),
            apps: BTreeMap::new(),
            active: vec![0; workers],
            proxy: ProxyCounters::default(),
            open: vec![0; workers],
        }
    }

    /// Takes a worker's word.
    pub(crate) fn take(&mut self, worker: usize, what: &What) {
        match what {
            What::Applied { report, .. } | What::Report { report, .. } => self.add(worker, report),
            What::Finished(news) => {
                for (instance, in_flight) in news {
                    if let Some(sum) = self.instances.get_mut(instance) {
                        sum.in_flight[worker] = *in_flight;
                    }
                }
            }
        }
    }

    fn add(&mut self, worker: usize, report: &Report) {
        self.active[worker] = report.active;
        self.open[worker] = report.proxy.open;
        self.proxy += report.proxy;
        for one in &report.instances {
            let sum = self.instances.entry(one.instance.clone()).or_insert_with(|| InstanceSum {
                release: one.release,
                traffic: TrafficCount::default(),
                classes: [0; 5],
                ejections: 0,
                ejected: vec![None; self.workers],
                in_flight: vec![InFlight::default(); self.workers],
            });
            sum.traffic += one.traffic;
            sum.in_flight[worker] = one.in_flight;
            sum.classes.iter_mut().zip(one.answers.classes).for_each(|(sum, more)| *sum += more);
            let (ejections, ejected) = &one.health;
            sum.ejections += ejections;
            sum.ejected[worker].clone_from(ejected);
            let news = ReleaseCounters { traffic: one.traffic, answers: one.answers, ejections: *ejections };
            if news != ReleaseCounters::default() {
                let app = self.app(one.instance.app());
                if one.traffic.served > 0 {
                    *app.served_by.entry(one.release).or_default() += one.traffic.served;
                }
                let release = app.releases.entry(one.release).or_default();
                release.counters += news;
                release.is_told = false;
            }
        }
        for one in &report.apps {
            let sum = self.app(&one.app);
            sum.traffic += one.traffic;
            sum.longest_stall = sum.longest_stall.max(one.longest_stall);
            sum.held += one.held;
            sum.holding[worker] = one.holding;
        }
    }

    fn app(&mut self, app: &AppName) -> &mut AppSum {
        let workers = self.workers;
        self.apps.entry(app.clone()).or_insert_with(|| AppSum {
            traffic: TrafficCount::default(),
            served_by: BTreeMap::new(),
            releases: BTreeMap::new(),
            longest_stall: Duration::ZERO,
            held: Duration::ZERO,
            holding: vec![0; workers],
        })
    }

    /// Connections of clients.
    pub(crate) fn open(&self) -> u64 {
        self.open.iter().sum()
    }

    /// Connections in the middle of something.
    pub(crate) fn active(&self) -> u32 {
        self.active.iter().sum()
    }

    /// What these instances are working on.
    pub(crate) fn of<'a>(&self, instances: impl IntoIterator<Item = &'a InstanceId>) -> Backlog {
        let in_flight =
            |i: &InstanceId| self.instances.get(i).map(InstanceSum::in_flight).unwrap_or_default();
        Backlog { instances: instances.into_iter().map(|i| (i.clone(), in_flight(i))).collect() }
    }

    /// All that is being worked on, those without any left out.
    pub(crate) fn backlog(&self) -> Backlog {
        let all = self.instances.iter().map(|(instance, sum)| (instance.clone(), sum.in_flight()));
        Backlog { instances: all.filter(|(_, in_flight)| *in_flight != InFlight::default()).collect() }
    }

    /// Instances that finish by this snapshot, split into those that are done and those that are not.
    /// Those that left it count as long as they are not done.
    pub(crate) fn finishing(&self, snapshot: &Snapshot) -> (Backlog, Backlog) {
        let views = snapshot.apps.iter().flat_map(|app| &app.backends);
        let (serve, finish): (Vec<_>, Vec<_>) = views.partition(|view| !matches!(view.duty, Duty::Finish));
        let serve: BTreeSet<_> = serve.into_iter().map(|view| &view.instance).collect();
        let mut done = self.of(finish.into_iter().map(|view| &view.instance));
        done.instances.retain(|(_, in_flight)| *in_flight == InFlight::default());
        let mut busy = self.backlog();
        busy.instances.retain(|(instance, _)| !serve.contains(instance));
        (done, busy)
    }

    /// Somebody is there who has not been told anything yet.
    pub(crate) fn forget_what_was_told(&mut self) {
        for release in self.apps.values_mut().flat_map(|app| app.releases.values_mut()) {
            release.is_told = false;
        }
    }

    /// All counters. What has left the snapshot is named for the last time once it has nothing to do.
    pub(crate) fn counters(&mut self, snapshot: &Snapshot) -> Counters {
        let instances = self.instances.iter().map(|(instance, sum)| InstanceCounters {
            instance: instance.clone(),
            release: sum.release,
            traffic: sum.traffic,
            in_flight: sum.in_flight(),
            classes: sum.classes,
            ejections: sum.ejections,
            ejected: sum.ejected(),
        });
        let instances = instances.collect();
        let apps = self.apps.iter_mut().map(|(app, sum)| AppCounters {
            app: app.clone(),
            traffic: sum.traffic,
            served_by: sum.served_by.clone(),
            longest_stall_ms: u64::try_from(std::mem::take(&mut sum.longest_stall).as_millis())
                .unwrap_or(u64::MAX),
            holding: sum.holding.iter().sum(),
            held_us: u64::try_from(sum.held.as_micros()).unwrap_or(u64::MAX),
            releases: sum.tell_releases(),
        });
        let apps = apps.collect();
        let named: BTreeSet<_> =
            snapshot.apps.iter().flat_map(|app| &app.backends).map(|view| &view.instance).collect();
        self.instances
            .retain(|instance, sum| named.contains(instance) || sum.in_flight() != InFlight::default());
        let routed: BTreeSet<_> = snapshot.apps.iter().map(|routing| &routing.app).collect();
        self.apps.retain(|app, sum| routed.contains(app) || sum.holding.iter().any(|n| *n > 0));
        let proxy = ProxyCounters { open: self.open(), ..self.proxy };
        Counters { instances, apps, proxy, ..Counters::default() }
    }
}

impl AppSum {
    /// The releases of which there is something new to say. Those that have been silent for longest are
    /// forgotten when they are many.
    fn tell_releases(&mut self) -> BTreeMap<ReleaseId, ReleaseCounters> {
        let untold = |release: &mut ReleaseSum| {
            (!std::mem::replace(&mut release.is_told, true)).then_some(release.counters)
        };
        let news = self.releases.iter_mut().filter_map(|(id, release)| Some((*id, untold(release)?)));
        let news: BTreeMap<_, _> = news.collect();
        let surplus = self.releases.len().saturating_sub(RELEASES);
        let old: Vec<_> =
            self.releases.keys().copied().filter(|id| !news.contains_key(id)).take(surplus).collect();
        self.releases.retain(|id, _| !old.contains(id));
        news
    }
}

//! The counters of one proxy after the other, added up.

use gapless_model::{AppName, InstanceId, ReleaseId, TrafficCount};
use gapless_routing::{Counters, Handshakes, InstanceCounters, ProxyCounters, ReleaseCounters};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The journal's name for what proxies that are no more had counted.
pub(crate) const SETTING: &str = "counted";

/// Releases of an app whose series are kept.
const RELEASES: usize = 10;

/// Counters since the first proxy.
///
/// A proxy begins at zero. What those before it had counted is journaled whenever one takes over, beside
/// which one that is: so a control that starts anew goes on with the same numbers. If the proxy was replaced
/// while no control was there, all begins at zero, as Prometheus expects of a counter that is reset.
#[derive(Debug, Default)]
pub(crate) struct Book {
    proxy: Option<u32>,
    /// What proxies that are no more had counted.
    earlier: Sums,
    /// What the one that serves has.
    now: Sums,
    /// What those have that it follows.
    followed: BTreeMap<u32, Sums>,
    /// As last said.
    pub(super) instances: Vec<InstanceCounters>,
}

/// Counters by app and instance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Sums {
    apps: BTreeMap<AppName, AppSums>,
    instances: BTreeMap<InstanceId, [u64; 5]>,
    proxy: ProxyCounters,
    handshakes: Handshakes,
}

/// Counters of an app.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct AppSums {
    pub(super) traffic: TrafficCount,
    pub(super) held_us: u64,
    pub(super) releases: BTreeMap<ReleaseId, ReleaseCounters>,
    /// Lost by releases whose series are dropped.
    pub(super) dropped: u64,
    /// Requests being held now.
    #[serde(skip)]
    pub(super) holding: u32,
}

impl AppSums {
    fn add(&mut self, other: &Self) {
        self.traffic += other.traffic;
        self.held_us += other.held_us;
        self.dropped += other.dropped;
        self.holding = other.holding;
        for (release, counters) in &other.releases {
            *self.releases.entry(*release).or_default() += *counters;
        }
    }

    /// Lost without a release that could be charged with it.
    pub(super) fn lost_by_none(&self) -> u64 {
        let charged: u64 = self.releases.values().map(|release| release.traffic.failed).sum();
        self.traffic.failed.saturating_sub(charged + self.dropped)
    }

    fn drop_release(&mut self, release: ReleaseId) {
        if let Some(counters) = self.releases.remove(&release) {
            self.dropped += counters.traffic.failed;
        }
    }
}

impl Sums {
    fn add(&mut self, other: &Self) {
        for (app, sums) in &other.apps {
            self.apps.entry(app.clone()).or_default().add(sums);
        }
        for (instance, classes) in &other.instances {
            let sums = self.instances.entry(instance.clone()).or_default();
            sums.iter_mut().zip(classes).for_each(|(sum, more)| *sum += more);
        }
        self.proxy += other.proxy;
        self.handshakes += other.handshakes;
    }
}

/// What the journal keeps.
#[derive(Serialize, Deserialize)]
struct Kept {
    proxy: u32,
    earlier: Sums,
}

impl Book {
    /// The book of a control before this one.
    pub(crate) fn recall(kept: Option<&str>) -> Self {
        let kept: Option<Kept> = kept.and_then(|text| serde_json::from_str(text).ok());
        let (proxy, earlier) = kept.map(|kept| (kept.proxy, kept.earlier)).unzip();
        Self { proxy, earlier: earlier.unwrap_or_default(), ..Self::default() }
    }

    /// A proxy is there. If that is another one than before: what the journal is to keep.
    pub(crate) fn begin(&mut self, proxy: u32) -> Option<String> {
        if self.proxy == Some(proxy) {
            return None;
        }
        if self.proxy.is_some() && self.now == Sums::default() {
            // It was there before this control, and what it had counted is not known.
            self.earlier = Sums::default();
        }
        let former = std::mem::take(&mut self.now);
        if let Some(former_proxy) = self.proxy.replace(proxy) {
            self.followed.insert(former_proxy, former);
        }
        serde_json::to_string(&Kept { proxy, earlier: self.before() }).ok()
    }

    /// A proxy is gone.
    pub(crate) fn end(&mut self, proxy: u32) {
        if let Some(sums) = self.followed.remove(&proxy) {
            self.earlier.add(&sums);
        }
    }

    /// What others than the one that serves have counted.
    fn before(&self) -> Sums {
        let mut before = self.earlier.clone();
        self.followed.values().for_each(|sums| before.add(sums));
        before
    }

    /// What a proxy has counted. One that retired before we knew it is left out. Apps and instances that `is_known`
    /// denies are dropped.
    pub(crate) fn take(
        &mut self,
        proxy: u32,
        counters: &Counters,
        is_known: impl Fn(&AppName) -> bool,
        runs: impl Fn(&InstanceId) -> bool,
    ) {
        let serves = self.proxy == Some(proxy);
        let sums = if serves { Some(&mut self.now) } else { self.followed.get_mut(&proxy) };
        let Some(sums) = sums else { return };
        for row in &counters.apps {
            let now = sums.apps.entry(row.app.clone()).or_default();
            if row.traffic.served < now.traffic.served || row.traffic.failed < now.traffic.failed {
                // The proxy had forgotten it, and it came back.
                self.earlier.apps.entry(row.app.clone()).or_default().add(&std::mem::take(now));
            }
            now.traffic = row.traffic;
            now.held_us = row.held_us;
            now.holding = row.holding;
            now.releases.extend(&row.releases);
        }
        for row in &counters.instances {
            sums.instances.insert(row.instance.clone(), row.classes);
        }
        sums.proxy = counters.proxy;
        sums.handshakes = counters.handshakes;
        if serves {
            self.instances.clone_from(&counters.instances);
            self.instances.retain(|row| runs(&row.instance));
        }
        for sums in self.followed.values_mut().chain([&mut self.earlier, &mut self.now]) {
            sums.apps.retain(|app, _| is_known(app));
            sums.instances.retain(|instance, _| runs(instance));
        }
        self.bound();
    }

    /// Drops releases beyond the newest few of each app.
    fn bound(&mut self) {
        for (app, now) in &mut self.now.apps {
            // What a proxy has that retires is added to what was earlier when it is gone.
            let earlier = self.earlier.apps.get_mut(app);
            let mut known: Vec<_> = now.releases.keys().copied().collect();
            known.extend(earlier.iter().flat_map(|sums| sums.releases.keys()));
            known.sort_unstable();
            known.dedup();
            let surplus = known.len().saturating_sub(RELEASES);
            let old = &known[..surplus];
            old.iter().for_each(|release| now.drop_release(*release));
            if let Some(earlier) = earlier {
                old.iter().for_each(|release| earlier.drop_release(*release));
            }
        }
    }

    /// Every app's counters.
    pub(super) fn apps(&self) -> BTreeMap<AppName, AppSums> {
        let mut apps = self.before().apps;
        for (app, sums) in &self.now.apps {
            apps.entry(app.clone()).or_default().add(sums);
        }
        apps
    }

    /// An instance's answers by status class.
    pub(super) fn classes(&self, instance: &InstanceId) -> [u64; 5] {
        let of = |sums: &Sums| sums.instances.get(instance).copied().unwrap_or_default();
        let each = self.followed.values().chain([&self.earlier, &self.now]);
        each.map(of).fold([0; 5], |sum, one| std::array::from_fn(|class| sum[class] + one[class]))
    }

    /// What belongs to no app.
    pub(super) fn proxy(&self) -> ProxyCounters {
        let mut sum = self.before().proxy;
        sum += self.now.proxy;
        sum.open += self.followed.values().map(|sums| sums.proxy.open).sum::<u64>();
        sum
    }

    /// TLS handshakes.
    pub(super) fn handshakes(&self) -> Handshakes {
        let mut sum = self.before().handshakes;
        sum += self.now.handshakes;
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gapless_routing::AppCounters;

    fn app() -> AppName {
        "api".parse().unwrap()
    }

    fn counters(releases: &[(u32, u64)], failed: u64) -> Counters {
        let served = releases.iter().map(|(_, served)| served).sum();
        let release = |served| ReleaseCounters {
            traffic: TrafficCount { served, failed: 1, ..TrafficCount::default() },
            ..ReleaseCounters::default()
        };
        let apps = vec![AppCounters {
            app: app(),
            traffic: TrafficCount { served, failed, ..TrafficCount::default() },
            served_by: BTreeMap::new(),
            longest_stall_ms: 0,
            holding: 0,
            held_us: 0,
            releases: releases.iter().map(|(id, served)| (ReleaseId(*id), release(*served))).collect(),
        }];
        Counters { apps, ..Counters::default() }
    }

    fn take(book: &mut Book, counters: &Counters) {
        take_of(book, book.proxy.unwrap(), counters);
    }

    fn take_of(book: &mut Book, proxy: u32, counters: &Counters) {
        book.take(proxy, counters, |_| true, |_| true);
    }

    fn served(book: &Book) -> u64 {
        book.apps()[&app()].traffic.served
    }

    #[test]
    fn another_proxy_counts_on_and_another_control_too() {
        let mut book = Book::default();
        assert!(book.begin(1).is_some());
        take(&mut book, &counters(&[(1, 10)], 1));
        take(&mut book, &counters(&[(1, 12)], 1));
        assert_eq!(book.begin(1), None);
        let kept = book.begin(2).unwrap();
        assert_eq!(served(&book), 12);
        take(&mut book, &counters(&[(1, 3), (2, 4)], 2));
        assert_eq!(served(&book), 19);
        assert_eq!(book.apps()[&app()].releases[&ReleaseId(1)].traffic.served, 15);

        let mut next = Book::recall(Some(&kept));
        assert_eq!(next.begin(2), None);
        take(&mut next, &counters(&[(1, 3), (2, 5)], 2));
        assert_eq!(served(&next), 20);
    }

    #[test]
    fn one_that_retires_counts_on_and_what_it_had_stays() {
        let mut book = Book::default();
        book.begin(1);
        take(&mut book, &counters(&[(1, 10)], 0));
        book.begin(2);
        take(&mut book, &counters(&[(1, 5)], 0));
        take_of(&mut book, 1, &counters(&[(1, 14)], 0));
        take_of(&mut book, 7, &counters(&[(1, 100)], 0));
        assert_eq!(served(&book), 19);
        book.end(1);
        take_of(&mut book, 1, &counters(&[(1, 99)], 0));
        assert_eq!(served(&book), 19);
    }

    #[test]
    fn where_something_was_missed_all_begins_anew() {
        let mut book = Book::default();
        book.begin(1);
        take(&mut book, &counters(&[(1, 10)], 1));
        let kept = book.begin(2).unwrap();
        let mut next = Book::recall(Some(&kept));
        assert!(next.begin(3).is_some());
        take(&mut next, &counters(&[(1, 1)], 1));
        assert_eq!(served(&next), 1);
        assert!(Book::recall(Some("nonsense")).apps().is_empty());
    }

    #[test]
    fn old_releases_are_dropped_and_what_was_lost_is_charged_to_nobody_else() {
        let mut book = Book::default();
        book.begin(1);
        for newest in 1..=30 {
            take(&mut book, &counters(&[(newest, u64::from(newest))], u64::from(newest) + 5));
            let apps = book.apps();
            let sums = &apps[&app()];
            assert!(sums.releases.len() <= RELEASES && sums.releases.contains_key(&ReleaseId(newest)));
            assert_eq!(sums.lost_by_none(), 5, "at {newest}");
        }
        book.take(1, &Counters::default(), |_| false, |_| false);
        assert!(book.apps().is_empty());
    }
}

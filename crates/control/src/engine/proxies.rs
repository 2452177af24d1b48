//! The proxies: the one that serves, and those that it follows, each with what it has said.
//!
//! While one of them retires both send requests to instances. So a snapshot is in force when all of them have
//! it, and what an instance is working on is what all of them have sent to it.

use gapless_model::instance::InFlight;
use gapless_model::{Generation, InstanceId, Moment};
use gapless_routing::Backlog;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Whether a proxy accepts connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does.
    Serving,
    /// It finishes with the clients that it has.
    Retiring,
}

/// A proxy.
#[derive(Debug)]
struct Proxy {
    since: Moment,
    standing: Standing,
    /// The newest generation that every worker of it has, as told on this connection.
    applied: Option<Generation>,
    /// What instances work on for it.
    in_flight: BTreeMap<InstanceId, InFlight>,
}

/// All of them, by process id.
#[derive(Debug, Default)]
pub(super) struct Proxies(BTreeMap<u32, Proxy>);

impl Proxies {
    /// One is there, and may route by anything.
    pub(super) fn join(&mut self, pid: u32, since: Moment, standing: Standing) {
        let in_flight = self.0.remove(&pid).map(|proxy| proxy.in_flight).unwrap_or_default();
        self.0.insert(pid, Proxy { since, standing, applied: None, in_flight });
    }

    /// One is gone. How it stood.
    pub(super) fn leave(&mut self, pid: u32) -> Option<Standing> {
        self.0.remove(&pid).map(|proxy| proxy.standing)
    }

    /// How one stands.
    pub(super) fn standing(&self, pid: u32) -> Option<Standing> {
        self.0.get(&pid).map(|proxy| proxy.standing)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The newest of those that accept connections, before those that are not known to route anything yet.
    pub(super) fn serving(&self) -> Option<u32> {
        let serving = self.0.iter().filter(|(_, proxy)| proxy.standing == Standing::Serving);
        serving.max_by_key(|(_, proxy)| (proxy.applied.is_some(), proxy.since)).map(|(pid, _)| *pid)
    }

    /// Those that retire.
    pub(super) fn retiring(&self) -> impl Iterator<Item = u32> {
        self.0.iter().filter(|(_, proxy)| proxy.standing == Standing::Retiring).map(|(pid, _)| *pid)
    }

    /// It is to retire. False if it does already, or is not there.
    pub(super) fn retire(&mut self, pid: u32) -> bool {
        let proxy = self.0.get_mut(&pid).filter(|proxy| proxy.standing == Standing::Serving);
        proxy.map(|proxy| proxy.standing = Standing::Retiring).is_some()
    }

    /// Every worker of one has this snapshot.
    pub(super) fn apply(&mut self, pid: u32, generation: Generation, backlog: &Backlog) {
        if let Some(proxy) = self.0.get_mut(&pid) {
            proxy.applied = Some(generation);
            proxy.in_flight = backlog.instances.iter().cloned().collect();
        }
    }

    /// Instances have more or less to do for one.
    pub(super) fn work(&mut self, pid: u32, backlog: &Backlog) {
        if let Some(proxy) = self.0.get_mut(&pid) {
            proxy.in_flight.extend(backlog.instances.iter().cloned());
        }
    }

    /// The newest generation that all of them have.
    pub(super) fn applied(&self) -> Option<Generation> {
        // None is less than any.
        self.0.values().map(|proxy| proxy.applied).min().flatten()
    }

    /// What an instance works on for all of them together.
    pub(super) fn in_flight(&self, id: &InstanceId) -> InFlight {
        let each = self.0.values().filter_map(|proxy| proxy.in_flight.get(id));
        each.fold(InFlight::default(), |sum, one| InFlight {
            requests: sum.requests + one.requests,
            upgraded: sum.upgraded + one.upgraded,
        })
    }

    /// Those that still accept although a newer one routes by a snapshot of ours: they are to retire.
    pub(super) fn followed(&self) -> Vec<u32> {
        let serving = self.0.iter().filter(|(_, proxy)| proxy.standing == Standing::Serving);
        let mut serving: Vec<_> = serving.collect();
        serving.sort_by_key(|(_, proxy)| Reverse(proxy.since));
        let newest = serving.iter().position(|(_, proxy)| proxy.applied.is_some());
        let older = newest.map_or(serving.len(), |at| at + 1);
        serving.into_iter().skip(older).map(|(pid, _)| *pid).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> InstanceId {
        InstanceId::new("api".parse().unwrap(), 1)
    }

    fn backlog(requests: u32) -> Backlog {
        Backlog { instances: vec![(id(), InFlight { requests, upgraded: 1 })] }
    }

    fn at(ms: u64) -> Moment {
        Moment::from_millis(ms)
    }

    #[test]
    fn what_counts_is_what_all_of_them_say() {
        let mut proxies = Proxies::default();
        assert_eq!((proxies.applied(), proxies.serving()), (None, None));
        proxies.join(9, at(1), Standing::Serving);
        proxies.apply(9, Generation(5), &backlog(2));
        assert_eq!((proxies.applied(), proxies.serving()), (Some(Generation(5)), Some(9)));
        // The successor has a smaller number, and is not there yet.
        proxies.join(4, at(2), Standing::Serving);
        assert_eq!((proxies.applied(), proxies.serving(), proxies.followed()), (None, Some(9), vec![]));
        proxies.apply(4, Generation(7), &backlog(1));
        assert_eq!((proxies.applied(), proxies.serving()), (Some(Generation(5)), Some(4)));
        assert_eq!(proxies.followed(), [9]);
        assert!(proxies.retire(9) && !proxies.retire(9));
        assert_eq!(proxies.followed(), [0; 0]);
        assert_eq!(proxies.in_flight(&id()), InFlight { requests: 3, upgraded: 2 });
        proxies.work(9, &backlog(0));
        assert_eq!(proxies.in_flight(&id()), InFlight { requests: 1, upgraded: 2 });
        assert_eq!(proxies.leave(9), Some(Standing::Retiring));
        assert_eq!(proxies.applied(), Some(Generation(7)));
        assert_eq!(proxies.in_flight(&id()), InFlight { requests: 1, upgraded: 1 });
        assert_eq!((proxies.leave(9), proxies.leave(4)), (None, Some(Standing::Serving)));
        assert!(proxies.is_empty());
    }

    #[test]
    fn one_that_is_connected_again_is_asked_again_and_still_works() {
        let mut proxies = Proxies::default();
        proxies.join(1, at(1), Standing::Retiring);
        proxies.apply(1, Generation(5), &backlog(2));
        proxies.join(1, at(1), Standing::Retiring);
        assert_eq!((proxies.applied(), proxies.serving()), (None, None));
        assert_eq!(proxies.in_flight(&id()).requests, 2);
    }
}

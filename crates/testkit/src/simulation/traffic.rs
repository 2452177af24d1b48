//! Requests: each worker sends those that come to it to one of the instances that its own snapshot lets serve.

use super::event::Event;
use super::proxy::{Held, Request};
use super::report::Broken;
use super::spec;
use super::world::World;
use gapless_model::InstanceId;

/// How often held requests are looked at.
const LOOK: u64 = 20;

impl World {
    /// The next request of an app.
    pub(super) fn request(&mut self, app: usize) {
        if self.traffic {
            let pause = self.rng.u64(5..=60);
            self.queue.after(pause, Event::Request { app });
        }
        // Without a proxy clients wait in the listener's queue, or are told by the one that dies: neither is
        // what is tried here.
        let Some(proxy) = self.any_proxy() else { return };
        let worker = self.rng.usize(0..self.scenario.workers.max(1));
        self.send(proxy, app, worker, self.queue.now);
    }

    fn send(&mut self, proxy_pid: u32, app: usize, worker: usize, since: u64) {
        let name = spec::name(app);
        let Some(proxy) = self.proxies.iter().find(|p| p.pid == proxy_pid) else { return };
        // One that refuses the connection is passed over.
        let previewed: Vec<&InstanceId> = proxy.previewed(worker, &name).collect();
        let to: Vec<&InstanceId> = match previewed.is_empty() || self.rng.u8(0..100) < 80 {
            true => proxy.serving(worker, &name).collect(),
            false => previewed,
        };
        let able: Vec<(&InstanceId, u32)> = to
            .into_iter()
            .filter_map(|id| self.process_of(id).filter(|p| p.listens()).map(|p| (id, p.id.pid)))
            .collect();
        let Some((instance, pid)) = self.rng.choice(&able).map(|(id, pid)| ((*id).clone(), *pid)) else {
            return self.hold(proxy_pid, Held { app, worker, since });
        };
        let process = &self.processes[&pid];
        let (release, leaving, answers) = (process.release, process.leaving, process.can_serve());
        if leaving && !self.journal.lost_acted {
            self.broken(Broken::RoutedToTheLeaving { instance: instance.to_string() });
        }
        let routing = self.proxies.iter().filter(|p| p.routes()).count();
        self.report.sent_beside += u64::from(routing > 1);
        let id = self.next_request;
        self.next_request += 1;
        let upgraded = self.rng.u8(0..100) < 2;
        let slowest = self.scenario.apps[app].slowest_request;
        let takes = if upgraded { self.rng.u64(0..=slowest * 4) } else { self.rng.u64(1..=slowest.max(1)) };
        let Some(proxy) = self.proxy_mut(proxy_pid) else { return };
        let in_flight = proxy.in_flight.entry(pid).or_default();
        if upgraded {
            in_flight.upgraded += 1;
        } else {
            in_flight.requests += 1;
        }
        proxy.requests.insert(id, Request { app, instance, release, pid, upgraded });
        if answers {
            self.queue.after(takes, Event::Answered { proxy: proxy_pid, request: id });
        }
    }

    fn hold(&mut self, pid: u32, held: Held) {
        let Some(proxy) = self.proxy_mut(pid) else { return };
        proxy.held.push_back(held);
        if !std::mem::replace(&mut proxy.looks, true) {
            self.queue.after(LOOK, Event::Held { proxy: pid });
        }
    }

    /// Held requests are tried again, or given up.
    pub(super) fn look_at_held(&mut self, pid: u32) {
        let now = self.queue.now;
        let Some(proxy) = self.proxy_mut(pid) else { return };
        proxy.looks = false;
        for held in std::mem::take(&mut proxy.held) {
            if held.since + spec::HOLD_TIMEOUT <= now {
                self.lost_in_hold(pid, &held);
            } else {
                self.send(pid, held.app, held.worker, held.since);
            }
        }
        self.end_proxy(pid);
    }

    /// A request is answered.
    pub(super) fn answered(&mut self, pid: u32, id: u64) {
        let Some(proxy) = self.proxy_mut(pid) else { return };
        let Some(request) = proxy.requests.remove(&id) else { return };
        proxy.count_served(&request, &spec::name(request.app));
        self.report.served += 1;
        *self.served.entry(spec::name(request.app)).or_default() += 1;
        self.release(pid, &request);
        self.end_proxy(pid);
    }

    /// A process is no more: its requests are lost. By whose doing was seen when it was told to stop.
    pub(super) fn lose_requests_of(&mut self, process: u32) {
        for pid in self.proxies.iter().map(|p| p.pid).collect::<Vec<_>>() {
            let Some(proxy) = self.proxy_mut(pid) else { continue };
            let lost: Vec<_> = proxy.requests.extract_if(.., |_, r| r.pid == process).collect();
            for (_, request) in lost {
                let Some(proxy) = self.proxy_mut(pid) else { continue };
                proxy.counts.entry(spec::name(request.app)).or_default().failed += 1;
                self.release(pid, &request);
            }
            self.end_proxy(pid);
        }
    }

    fn release(&mut self, pid: u32, request: &Request) {
        let Some(proxy) = self.proxy_mut(pid) else { return };
        let Some(in_flight) = proxy.in_flight.get_mut(&request.pid) else { return };
        if request.upgraded {
            in_flight.upgraded -= 1;
        } else {
            in_flight.requests -= 1;
        }
        if in_flight.requests == 0 && in_flight.upgraded == 0 {
            proxy.in_flight.remove(&request.pid);
            self.report_idle(pid, &request.instance);
        }
    }
}

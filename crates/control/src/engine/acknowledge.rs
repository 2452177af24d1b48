//! What the proxy says of the splits: which one every worker has, and what is still in flight beside it.

use super::routes::Sending;
use super::{Engine, World};
use gapless_model::Generation;
use gapless_rollout::Acknowledged;
use gapless_routing::Backlog;

impl Engine {
    /// Every worker of a proxy has this snapshot. Those that it follows are not needed any more.
    pub(super) fn proxy_applied(
        &mut self,
        proxy: u32,
        generation: Generation,
        backlog: &Backlog,
        world: &mut World<'_>,
    ) {
        self.routes.proxies.apply(proxy, generation, backlog);
        for followed in self.routes.proxies.followed() {
            self.retire_proxy(followed, world);
        }
        self.acknowledge(world);
    }

    /// Lets a proxy finish with the clients that it has.
    pub fn retire_proxy(&mut self, pid: u32, world: &mut World<'_>) {
        if self.routes.proxies.retire(pid) {
            world.platform.retire_proxy(pid);
        }
    }

    /// Every worker of every proxy has this snapshot. From here on what an instance outside the split is working on is
    /// known: nothing new can come to it, unless a later snapshot that lets it serve is on its way.
    pub(super) fn acknowledge(&mut self, world: &World<'_>) {
        let Some(generation) = self.routes.proxies.applied() else { return };
        let Some(at) = self.routes.unanswered.iter().position(|(g, _)| *g == generation) else { return };
        let Some((_, splits)) = self.routes.unanswered.drain(..=at).next_back() else { return };
        self.routes.applied = Some(generation);
        for (name, Sending { split, preview }) in splits {
            let Some(app) = self.apps.get_mut(&name) else { continue };
            let later = &self.routes.unanswered;
            let may_come = |id| later.iter().any(|(_, s)| s.get(&name).is_some_and(|s| s.names(id)));
            let named = |id| split.names(id) || preview.names(id);
            for (id, managed) in &mut app.instances {
                let known = !named(id) && !may_come(id);
                managed.backlog = known.then(|| self.routes.proxies.in_flight(id));
            }
            app.acknowledged = Some(Acknowledged { generation, split, preview });
            app.end_flip(generation, world.now.exact);
            app.sent.take_if(|s| s.generation <= generation);
            self.dirty.insert(name);
        }
    }

    /// Retiring instances finished something. Only for those that are cut off: for others the count may grow
    /// again.
    pub(super) fn observe_backlog(&mut self, proxy: u32, backlog: &Backlog) {
        self.routes.proxies.work(proxy, backlog);
        for (id, _) in &backlog.instances {
            let Some(app) = self.apps.get_mut(id.app()) else { continue };
            let Some(managed) = app.instances.get_mut(id) else { continue };
            if managed.backlog.is_some() {
                managed.backlog = Some(self.routes.proxies.in_flight(id));
                self.dirty.insert(id.app().clone());
            }
        }
    }

    /// A proxy is gone that others go on without: what it had sent to instances is gone with it.
    pub(super) fn forget_work(&mut self) {
        for app in self.apps.values_mut() {
            for (id, managed) in &mut app.instances {
                if managed.backlog.is_some() {
                    managed.backlog = Some(self.routes.proxies.in_flight(id));
                }
            }
        }
        self.dirty.extend(self.apps.keys().cloned());
    }
}

//! What the proxy says of the splits: which one every worker has, and what is still in flight beside it.

use super::routes::Sending;
use super::{Engine, World};
use gapless_model::Generation;
use gapless_rollout::Acknowledged;
use gapless_routing::Backlog;

impl Engine {
    /// Every worker has this snapshot. From here on what an instance outside the split is working on is
    /// known: nothing new can come to it, unless a later snapshot that lets it serve is on its way.
    pub(super) fn acknowledge(&mut self, generation: Generation, backlog: &Backlog, world: &World<'_>) {
        let Some(at) = self.routes.unanswered.iter().position(|(g, _)| *g == generation) else { return };
        let Some((_, splits)) = self.routes.unanswered.drain(..=at).next_back() else { return };
        self.routes.applied = Some(generation);
        for (name, Sending { split, preview }) in splits {
            let Some(app) = self.apps.get_mut(&name) else { continue };
            let later = &self.routes.unanswered;
            let may_come = |id| later.iter().any(|(_, s)| s.get(&name).is_some_and(|s| s.names(id)));
            let named = |id| split.names(id) || preview.names(id);
            for (id, managed) in &mut app.instances {
                managed.backlog = (!named(id) && !may_come(id)).then(|| {
                    backlog.instances.iter().find(|(i, _)| i == id).map(|(_, b)| *b).unwrap_or_default()
                });
            }
            app.acknowledged = Some(Acknowledged { generation, split, preview });
            app.end_flip(generation, world.now.exact);
            app.sent.take_if(|s| s.generation <= generation);
            self.dirty.insert(name);
        }
    }

    /// Retiring instances finished something. Only for those that are cut off: for others the count may grow
    /// again.
    pub(super) fn observe_backlog(&mut self, backlog: &Backlog) {
        for (id, in_flight) in &backlog.instances {
            let Some(app) = self.apps.get_mut(id.app()) else { continue };
            let Some(managed) = app.instances.get_mut(id) else { continue };
            if managed.backlog.is_some() {
                managed.backlog = Some(*in_flight);
                self.dirty.insert(id.app().clone());
            }
        }
    }
}

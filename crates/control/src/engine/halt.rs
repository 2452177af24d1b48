//! Everything ends, and what is wanted stays wanted: the machine or the container goes, and whoever comes after it
//! starts what should run.
//!
//! Nothing is decided any more from the first step on. The caller sees to the proxies: no instance is told to stop
//! before the last of them has finished with its clients, or its time is up.

use super::app::Order;
use super::managed::at_once;
use super::{Engine, World};
use gapless_model::instance::ProcessId;
use gapless_model::{InstanceId, InstanceState};
use gapless_store::Change;

impl Engine {
    /// Decides nothing any more: what fails now stays so.
    pub const fn freeze(&mut self) {
        self.frozen = true;
    }

    /// Stops every instance. What was decided and is not done yet is not done.
    pub fn end_instances(&mut self, world: &mut World<'_>) {
        self.frozen = true;
        let mut gone: Vec<InstanceId> = Vec::new();
        for app in self.apps.values_mut() {
            // Nobody has begun to start these.
            for order in app.pending.take().into_iter().flat_map(|pending| pending.orders) {
                if let Order::Start(id) = order {
                    app.instances.remove(&id);
                    world.journal.commit(0, vec![Change::DeleteInstance(id)]);
                }
            }
            for (id, managed) in &mut app.instances {
                managed.retiring.get_or_insert(at_once(world.now.moment));
                managed.stopping = true;
                world.journal.commit(0, vec![Change::PutInstance(Box::new(managed.record()))]);
                if matches!(managed.view.state, InstanceState::Gone { .. }) {
                    gone.push(id.clone());
                } else {
                    world.platform.stop(id);
                }
            }
        }
        for id in gone {
            self.forget_gone(&id, world);
        }
    }

    /// Whether no instance is left.
    pub fn has_ended(&self) -> bool {
        self.apps.values().all(|app| app.instances.is_empty())
    }

    /// The processes of the instances that are left.
    pub fn left(&self) -> Vec<ProcessId> {
        let instances = self.apps.values().flat_map(|app| app.instances.values());
        instances.filter_map(|managed| managed.view.process).collect()
    }
}

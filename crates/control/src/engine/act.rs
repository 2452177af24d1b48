//! Carry out what was decided, once the journal has it.

use super::app::Order;
use super::managed::Restarting;
use super::{Engine, World};
use crate::platform::StartOrder;
use gapless_model::event::What;
use gapless_model::instance::InstanceView;
use gapless_model::{AppName, Failure, InstanceId, InstanceState};
use gapless_store::{Change, InstanceRecord};

impl Engine {
    /// The journal has written a decision, or could not. A disk that is full must not stop what keeps the
    /// traffic going: it is acted on all the same, and said in `status` by the journal itself.
    pub(super) fn committed(&mut self, token: u64, error: Option<String>, world: &mut World<'_>) {
        if self.frozen {
            return;
        }
        if let Some(error) = error {
            tracing::warn!("acting on a decision that the journal could not write: {error}");
        }
        let Some(app) = self.apps.values_mut().find(|a| a.pending.as_ref().is_some_and(|p| p.token == token))
        else {
            return;
        };
        let name = app.name.clone();
        let Some(pending) = app.pending.take() else { return };
        self.give_all(pending.orders, world);
        self.routes.change();
        self.bury(&name, world);
        if pending.enters_phase {
            self.end_verification(&name, world);
            self.begin_phase(&name, world);
        }
        self.touch(&name);
    }

    /// Gives orders that are written, or that need not be.
    pub(super) fn give_all(&mut self, orders: Vec<Order>, world: &mut World<'_>) {
        for order in orders {
            self.give(order, world);
        }
    }

    fn give(&mut self, order: Order, world: &mut World<'_>) {
        match order {
            Order::Start(id) => {
                let Some(app) = self.apps.get_mut(id.app()) else { return };
                let Some(managed) = app.instances.get(&id) else { return };
                if let Some(order) = app.start_order(&id, managed.view.release) {
                    world.platform.start(order);
                } else {
                    // Nobody knows any longer what it would be.
                    app.instances.remove(&id);
                    world.journal.commit(0, vec![Change::DeleteInstance(id)]);
                }
            }
            Order::Verify(app) => self.order_verification(&app, world),
            Order::Stop(id) => {
                if let Some(managed) = self.apps.get_mut(id.app()).and_then(|app| app.instances.get_mut(&id))
                {
                    managed.stopping = true;
                }
                world.platform.stop(&id);
            }
            Order::Restart(id) => {
                let managed = self.apps.get_mut(id.app()).and_then(|app| app.instances.get_mut(&id));
                // It may have recovered while that was written.
                if let Some(managed) = managed
                    && let Restarting::Decided(at) = managed.restarting
                {
                    managed.restarting = Restarting::Told(at);
                    world.platform.restart(&id);
                }
            }
        }
    }

    /// Forgets the instances of an app that were gone before they were retired.
    fn bury(&mut self, name: &AppName, world: &mut World<'_>) {
        let Some(app) = self.apps.get(name) else { return };
        let retired: Vec<InstanceId> =
            app.instances.iter().filter(|(_, m)| m.retiring.is_some()).map(|(id, _)| id.clone()).collect();
        for id in retired {
            self.forget_gone(&id, world);
        }
    }

    /// An instance that cannot even be tried here.
    pub fn refused(&mut self, order: &StartOrder, message: String, world: &mut World<'_>) {
        let view = InstanceView {
            id: order.instance.clone(),
            release: order.release.id,
            state: InstanceState::Gone { exit: None },
            process: None,
            address: None,
            restarts: 0,
            last_failure: Some(Failure::Spawn { message }),
            unlimited: None,
        };
        self.observe_instance(view, world);
    }

    /// An instance changed: remember what another control would need to adopt it, and decide anew.
    pub(super) fn observe_instance(&mut self, view: InstanceView, world: &mut World<'_>) {
        let name = view.id.app().clone();
        let Some(app) = self.apps.get_mut(&name) else { return };
        let Some(managed) = app.instances.get_mut(&view.id) else { return };
        if managed.restarting.outdates(&view.state) {
            return;
        }
        let before = managed.record();
        let failed_anew = view.last_failure.is_some() && view.last_failure != managed.view.last_failure;
        if view.process.is_some() && view.process != managed.view.process {
            managed.started = world.now.wall;
            managed.was_ready = false;
            managed.outgrown = None;
        }
        managed.was_ready |= view.state.is_ready();
        app.tally.restarts += u64::from(view.restarts.saturating_sub(managed.view.restarts));
        managed.restarting = managed.restarting.after(&view.state);
        managed.stopping = false;
        self.routes.know_instance(&view.id, &view.state);
        managed.view = view;

        let id = managed.view.id.clone();
        if !self.forget_gone(&id, world) {
            self.remember(&before, failed_anew, world);
        }
        self.routes.change();
        self.touch(&name);
    }

    /// Drops an instance that was retired and is gone, whichever came first; whether that was so.
    pub(super) fn forget_gone(&mut self, id: &InstanceId, world: &mut World<'_>) -> bool {
        let Some(app) = self.apps.get_mut(id.app()) else { return false };
        let Some(managed) = app.instances.get(id).filter(|m| m.retiring.is_some()) else { return false };
        let InstanceState::Gone { exit } = managed.view.state else { return false };
        let note = app.note(world.now, What::InstanceStopped { instance: id.clone(), exit });
        app.instances.remove(id);
        world.platform.forget(id);
        world.journal.commit(0, vec![Change::DeleteInstance(id.clone()), note]);
        true
    }

    /// Journals what has changed about an instance.
    fn remember(&self, before: &InstanceRecord, failed_anew: bool, world: &mut World<'_>) {
        let Some(app) = self.apps.get(before.id.app()) else { return };
        let Some(managed) = app.instances.get(&before.id) else { return };
        let after = managed.record();
        let mut changes = Vec::new();
        if let Some(failure) = after.last_failure.clone().filter(|_| failed_anew) {
            changes.push(app.note(world.now, What::InstanceFailed { instance: after.id.clone(), failure }));
        }
        if *before != after {
            changes.push(Change::PutInstance(Box::new(after)));
        }
        if !changes.is_empty() {
            // What happened, not what is intended: nobody waits for it.
            world.journal.commit(0, changes);
        }
    }
}

//! The engine's orders, taken down one by one, so that control can die between any two.

use super::point::Effect;
use gapless_control::platform::{AdoptOrder, Errand, Journal, Platform, StartOrder, VerifyOrder};
use gapless_model::app::{LogSpec, RestartSpec};
use gapless_model::instance::ProcessId;
use gapless_model::{AppName, InstanceId};
use gapless_routing::Snapshot;
use gapless_store::Change;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

/// One order.
#[derive(Debug)]
pub(super) enum Order {
    Start(Box<StartOrder>),
    Adopt(Box<AdoptOrder>),
    Stop(InstanceId),
    Restart(InstanceId),
    Forget(InstanceId),
    EndStray(ProcessId),
    Verify(Box<VerifyOrder>),
    EndVerification(AppName),
    Route(Snapshot),
    RetireProxy(u32),
    Tidy,
    Commit(u64, Vec<Change>),
}

impl Order {
    /// What it does to the world; none if it is for the journal.
    pub(super) const fn effect(&self) -> Option<Effect> {
        Some(match self {
            Self::Start(_) => Effect::Start,
            Self::Adopt(_) => Effect::Adopt,
            Self::Stop(_) => Effect::Stop,
            Self::Restart(_) => Effect::Restart,
            Self::Forget(_) => Effect::Forget,
            Self::EndStray(_) => Effect::EndStray,
            Self::Verify(_) => Effect::Verify,
            Self::EndVerification(_) => Effect::EndVerification,
            Self::Route(_) => Effect::Route,
            Self::RetireProxy(_) => Effect::RetireProxy,
            Self::Tidy => Effect::Tidy,
            Self::Commit(..) => return None,
        })
    }
}

/// Takes orders down. Platform and journal are two ends of the same list: their order among each other counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Dictation(Rc<RefCell<Vec<Order>>>);

impl Dictation {
    /// What was ordered since the last time.
    pub(super) fn take(&self) -> Vec<Order> {
        self.0.take()
    }

    fn push(&self, order: Order) {
        self.0.borrow_mut().push(order);
    }
}

impl Platform for Dictation {
    fn start(&mut self, order: StartOrder) {
        self.push(Order::Start(Box::new(order)));
    }

    fn adopt(&mut self, order: AdoptOrder) {
        self.push(Order::Adopt(Box::new(order)));
    }

    fn stop(&mut self, instance: &InstanceId) {
        self.push(Order::Stop(instance.clone()));
    }

    fn restart(&mut self, instance: &InstanceId) {
        self.push(Order::Restart(instance.clone()));
    }

    fn forget(&mut self, instance: &InstanceId) {
        self.push(Order::Forget(instance.clone()));
    }

    fn end_stray(&mut self, process: ProcessId) {
        self.push(Order::EndStray(process));
    }

    fn reconfigure(&mut self, _: &InstanceId, _: &RestartSpec, _: &LogSpec) {}

    fn route(&mut self, snapshot: Snapshot) {
        self.push(Order::Route(snapshot));
    }

    fn retire_proxy(&mut self, pid: u32) {
        self.push(Order::RetireProxy(pid));
    }

    fn open_preview(&mut self) -> Option<SocketAddr> {
        Some(SocketAddr::from(([127, 0, 0, 1], 9_100)))
    }

    fn secret(&mut self) -> String {
        "secret".to_owned()
    }

    fn verify(&mut self, order: VerifyOrder) {
        self.push(Order::Verify(Box::new(order)));
    }

    fn end_verification(&mut self, app: &AppName) {
        self.push(Order::EndVerification(app.clone()));
    }

    fn tidy(&mut self, _: Errand) {
        self.push(Order::Tidy);
    }
}

impl Journal for Dictation {
    fn commit(&mut self, token: u64, changes: Vec<Change>) {
        self.push(Order::Commit(token, changes));
    }
}

//! The shop's customers: a bounded load that holds every answer against what was asked.

use super::app::VERSION;
use crate::errors::Error;
use gapless_load::{LoadThread, Plan, Report, RequestKind, Stream, VersionFrom};
use std::net::SocketAddr;
use std::time::Duration;

/// However long the story takes, they go home then.
const CLOSING_TIME: Duration = Duration::from_secs(120);

/// Customers in the shop.
#[derive(Debug)]
pub(crate) struct Customers(LoadThread);

impl Customers {
    /// Eight over kept connections, four with a new one for each request, four with orders: some hundred
    /// requests per second, which leaves a small machine idle enough to do the rest.
    pub(crate) fn come_in(address: SocketAddr) -> Result<Self, Error> {
        let goods = || RequestKind::get("/");
        let order = RequestKind::post("/orders", 1..=8192);
        let plan = Plan::new(address, CLOSING_TIME)
            .with(Stream::new("kept connections", 8, goods()).every(Duration::from_millis(25)))
            .with(
                Stream::new("new connections", 4, goods()).every(Duration::from_millis(40)).connecting_anew(),
            )
            .with(Stream::new("orders by POST", 4, order).every(Duration::from_millis(40)))
            .versioned_by(VersionFrom::Header(VERSION.into()));
        LoadThread::start(plan).map(Self).map_err(|e| Error::failed(format!("no customers can come: {e}")))
    }

    /// They finish what they have begun, and go.
    pub(crate) async fn leave(self) -> Result<Report, Error> {
        let gone = tokio::task::spawn_blocking(|| self.0.stop());
        gone.await.map_err(|e| Error::failed(format!("the customers got lost: {e}")))
    }
}

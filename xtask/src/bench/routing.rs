//! Snapshots as control would send them.

use gapless_model::trust::Trust;
use gapless_model::{AccessLog, Address, AppName, ErrorPages, Generation, InstanceId, ReleaseId};
use gapless_routing::{AppRouting, Backend, Duty, Listener, Protocol, Route, Snapshot};
use std::net::SocketAddr;
use std::path::Path;

/// Listeners of HTTP, and no access log.
pub(crate) fn snapshot(
    generation: Generation,
    addresses: &[SocketAddr],
    routes: Vec<Route>,
    apps: Vec<AppRouting>,
) -> Snapshot {
    let listener =
        |address: &SocketAddr| Listener { address: *address, descriptor: None, protocol: Protocol::Plain };
    Snapshot {
        generation,
        listeners: addresses.iter().map(listener).collect(),
        routes,
        apps,
        access_log: AccessLog::Off,
        trust: Trust::default(),
        error_pages: ErrorPages::default(),
    }
}

/// An app of one instance, at this Unix socket.
pub(crate) fn plain_app(app: AppName, socket: &Path) -> AppRouting {
    let backend = Backend {
        instance: InstanceId::new(app.clone(), 1),
        release: ReleaseId(1),
        address: Address::Unix(socket.display().to_string().into()),
        protocol: Default::default(),
        duty: Duty::Serve { weight: 1 },
        retiring: None,
    };
    AppRouting::plain(app, vec![backend])
}

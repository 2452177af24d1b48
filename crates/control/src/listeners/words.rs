//! What is said of an address that cannot be listened on.

use gapless_api::{About, ErrorBody, ErrorKind};
use gapless_model::route::RouteSpec;
use std::io;
use std::net::SocketAddr;

/// To the one whose route wants it.
pub(super) fn refused(route: &RouteSpec, error: &io::Error) -> ErrorBody {
    let address = route.listen;
    ErrorBody {
        kind: ErrorKind::BadRequest,
        message: format!("cannot listen on {address}: {error}. Nothing was changed"),
        hint: Some(hint(address, error)),
        about: Some(Box::new(About::Route(route.clone()))),
    }
}

/// What to do about an address that cannot be listened on.
pub(crate) fn hint(address: SocketAddr, error: &io::Error) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "another program listens there: `ss -ltnp 'sport = :{port}'` names it. Stop it, or choose another listen address"
            )
        }
        io::ErrorKind::PermissionDenied => format!(
            "ports below 1024 need rights: run Gapless as root; or give them to its program: `sudo setcap \
             cap_net_bind_service=+ep {program}`, then `gapless down` and up again; or to everybody: `sudo sysctl \
             net.ipv4.ip_unprivileged_port_start={port}`; or, under systemd, to its unit: \
             `AmbientCapabilities=CAP_NET_BIND_SERVICE`",
            program = std::env::current_exe()
                .map_or_else(|_| "$(command -v gapless)".to_owned(), |path| path.display().to_string())
        ),
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address".to_owned(),
        _ => "choose another listen address".to_owned(),
    }
}

//! What an instance is offered to listen on.

use crate::ports::{Lease, Ports};
use crate::rundir::RunDir;
use camino::Utf8PathBuf;
use gapless_model::release::AppProtocol;
use gapless_model::{Address, AddressMode, InstanceId, ReleaseSpec};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Both ways to listen, of which the app takes one.
#[derive(Debug)]
pub(crate) struct Offer {
    mode: AddressMode,
    /// What is spoken there.
    pub(crate) protocol: AppProtocol,
    /// `GAPLESS_SOCKET`.
    pub(crate) socket: Utf8PathBuf,
    /// `PORT`.
    pub(crate) port: u16,
    /// `GAPLESS_PORT`: a listen on it becomes one on the socket, where the preload is loaded; none where it
    /// is not.
    pub(crate) adopted_port: Option<u16>,
    /// Held while `port` is this instance's alone. Without it the port is the app's own, which other
    /// instances were told too: whoever answers there need not be this one.
    lease: Option<Lease>,
}

impl Offer {
    /// Makes an offer to a new process.
    pub(crate) fn make(
        spec: &ReleaseSpec,
        node: bool,
        socket: Utf8PathBuf,
        ports: &Ports,
    ) -> io::Result<Self> {
        let wanted = own_port(spec);
        let preload = matches!(spec.address, AddressMode::Auto | AddressMode::Socket);
        // A Node app may be told the port that it would ask for anyway, as the preload keeps it from being
        // opened. Everybody else needs one that is free.
        let (port, lease) = match wanted {
            Some(port) if node && preload => (port, None),
            _ => {
                let lease = ports.lease()?;
                (lease.port(), Some(lease))
            }
        };
        let adopted_port = preload.then(|| wanted.unwrap_or(port));
        Ok(Self { mode: spec.address, protocol: spec.protocol, socket, port, adopted_port, lease })
    }

    /// The offer that a running process had, by its environment.
    pub(crate) fn resumed(
        spec: &ReleaseSpec,
        run: &RunDir,
        instance: &InstanceId,
        environment: &BTreeMap<String, String>,
        ports: &Ports,
    ) -> Self {
        let number = |name| environment.get(name).and_then(|text: &String| text.parse::<u16>().ok());
        let adopted_port = number("GAPLESS_PORT");
        let port = number("PORT").unwrap_or(0);
        let shared = own_port(spec) == Some(port);
        let lease = (port != 0 && !shared).then(|| ports.resume(port));
        let another = spec.process.is_another();
        // What another user's process shows as its environment is that user's word.
        let told = environment.get("GAPLESS_SOCKET").filter(|_| !another);
        let socket = told.map_or_else(|| run.socket(instance, another), Into::into);
        Self { mode: spec.address, protocol: spec.protocol, socket, port, adopted_port, lease }
    }

    /// Whether the port was given to this instance alone.
    pub(crate) const fn port_is_private(&self) -> bool {
        self.lease.is_some()
    }

    /// Whether it is to listen anywhere.
    pub(crate) fn serves(&self) -> bool {
        self.mode != AddressMode::None
    }

    /// Where the instance may come to listen, the preferred first.
    pub(crate) fn candidates(&self) -> Vec<Address> {
        let socket = || Address::Unix(self.socket.clone());
        let ports = || {
            [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
                .map(|ip| Address::Tcp(SocketAddr::new(ip, self.port)))
        };
        match self.mode {
            AddressMode::Auto => std::iter::once(socket()).chain(ports()).collect(),
            AddressMode::Socket => vec![socket()],
            AddressMode::Port => ports().into(),
            AddressMode::None => Vec::new(),
        }
    }

    /// The same for people.
    pub(crate) fn asked_for(&self) -> String {
        let port = format!("port {}", self.port);
        match self.mode {
            AddressMode::Auto if self.adopted_port == Some(self.port) && !self.port_is_private() => port,
            AddressMode::Auto => format!("{port} (PORT) or {} (GAPLESS_SOCKET)", self.socket),
            AddressMode::Socket => format!("{} (GAPLESS_SOCKET)", self.socket),
            AddressMode::Port => format!("{port} (PORT)"),
            AddressMode::None => "no address at all".to_owned(),
        }
    }
}

/// The port that the app itself asks for: as declared, else as its own environment has it.
fn own_port(spec: &ReleaseSpec) -> Option<u16> {
    spec.port.or_else(|| spec.env.get("PORT").and_then(|port| port.parse().ok()))
}

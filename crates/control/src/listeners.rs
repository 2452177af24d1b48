//! The public listening sockets. Bound here, so that an address in use is an error of the one who asks for
//! it, before anything is touched; served by the proxy; kept by the keeper, so that they outlive us both.

use gapless_api::{ErrorBody, ErrorKind};
use gapless_model::route::RouteSpec;
use gapless_sys::fdstore::Store;
use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

/// How many connections may wait for a worker to accept them (`listen(2)`; the kernel caps it at
/// `net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// The public listening sockets, by address.
#[derive(Debug, Clone)]
pub struct Listeners(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    sockets: Mutex<BTreeMap<SocketAddr, Arc<OwnedFd>>>,
    keeper: Option<Store>,
}

impl Listeners {
    /// Those that the keeper has handed back; others are to be bound.
    pub fn new(inherited: Vec<(String, OwnedFd)>, keeper: Option<Store>) -> Self {
        let sockets = inherited.into_iter().filter_map(|(_, fd)| {
            let at = local_address(&fd).ok()?;
            open_door(&fd);
            Some((at, Arc::new(fd)))
        });
        Self(Arc::new(Shelf { sockets: Mutex::new(sockets.collect()), keeper }))
    }

    /// Takes over a socket that somebody else kept.
    pub fn adopt(&self, address: SocketAddr, socket: OwnedFd) {
        let mut sockets = self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let std::collections::btree_map::Entry::Vacant(place) = sockets.entry(address) {
            open_door(&socket);
            self.keep(address, &socket);
            place.insert(Arc::new(socket));
        }
    }

    /// Binds those that are missing. All or none: after an error nothing has changed.
    ///
    /// # Errors
    /// The first that cannot be bound, with the reason and what to do.
    pub fn bind(&self, routes: &[RouteSpec]) -> Result<(), ErrorBody> {
        let mut sockets = self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bound: BTreeMap<SocketAddr, OwnedFd> = BTreeMap::new();
        for route in routes {
            let address = route.listen;
            if !sockets.contains_key(&address) && !bound.contains_key(&address) {
                bound.insert(address, listen(address).map_err(|e| refused(route, &e))?);
            }
        }
        for (address, socket) in bound {
            self.keep(address, &socket);
            sockets.insert(address, Arc::new(socket));
        }
        Ok(())
    }

    /// Binds one on a port of 127.0.0.1 that is free.
    ///
    /// # Errors
    /// There is none.
    pub fn open(&self) -> io::Result<SocketAddr> {
        let socket = listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = local_address(&socket)?;
        self.keep(address, &socket);
        let mut sockets = self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.insert(address, Arc::new(socket));
        Ok(address)
    }

    /// Whether those that are missing could be bound, without letting anybody connect.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub fn try_bind(&self, routes: &[RouteSpec]) -> Result<(), ErrorBody> {
        let sockets = self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: BTreeMap<_, _> = routes.iter().map(|r| (r.listen, r)).collect();
        let mut missing = missing.into_iter().filter(|(address, _)| !sockets.contains_key(address));
        // The system tells at `bind(2)` already whether somebody listens there.
        missing.try_for_each(|(address, route)| bind(address).map(drop).map_err(|e| refused(route, &e)))
    }

    /// Copies of all of them, by the names under which they are kept.
    pub fn copies(&self) -> Vec<(String, OwnedFd)> {
        let sockets = self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.iter().filter_map(|(at, socket)| Some((stored_as(*at), socket.try_clone().ok()?))).collect()
    }

    /// Where all of them listen.
    pub fn addresses(&self) -> BTreeSet<SocketAddr> {
        self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// Closes all but these.
    pub fn retain(&self, wanted: &BTreeSet<SocketAddr>) {
        let sockets = self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let unwanted: Vec<_> = sockets.keys().filter(|a| !wanted.contains(a)).copied().collect();
        drop(sockets);
        unwanted.into_iter().for_each(|address| self.close(address));
    }

    /// Closes one: the kernel refuses connections as soon as the proxy has closed its copy, too.
    pub fn close(&self, address: SocketAddr) {
        let mut sockets = self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if sockets.remove(&address).is_some()
            && let Some(keeper) = &self.0.keeper
        {
            // A keeper that is gone keeps nothing.
            drop(keeper.remove(&stored_as(address)));
        }
    }

    /// Nobody can connect any more, and everybody gives up the sockets but the proxies. Whoever has connected is in
    /// a queue that they empty before they close it: closed with somebody in it, it would reset them.
    pub fn shut(&self) {
        let sockets = self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        for (address, socket) in sockets.iter() {
            if let Err(error) = shut_door(socket) {
                tracing::warn!("{address} closes with whoever connects just now: {error}");
            }
        }
        drop(sockets);
        self.retain(&BTreeSet::new());
    }

    /// The socket for an address.
    pub fn get(&self, address: SocketAddr) -> Option<Arc<OwnedFd>> {
        self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner).get(&address).cloned()
    }

    /// Keeps a copy where it outlives us. Without it a control that starts anew asks the proxy.
    fn keep(&self, address: SocketAddr, socket: &OwnedFd) {
        if let Some(keeper) = &self.0.keeper
            && let Err(error) = keeper.store(&stored_as(address), socket.as_fd())
        {
            tracing::warn!("the keeper cannot keep the listener {address}: {error}");
        }
    }
}

/// The name under which the keeper has it: a colon would end it there.
fn stored_as(address: SocketAddr) -> String {
    format!("listener {}", address.to_string().replace(':', ";"))
}

/// Has the kernel drop what comes to a listening socket (`SO_ATTACH_FILTER`, `socket(7)`), on all copies of it. To a
/// client that is a packet lost: it sends another, and is refused if nobody listens by then.
fn shut_door(socket: &Arc<OwnedFd>) -> io::Result<()> {
    /// `BPF_RET | BPF_K`: so many bytes of each packet are let in.
    const RETURN: u16 = 0x06;
    SockRef::from(socket).attach_filter(&[SockFilter::new(RETURN, 0, 0, 0)])
}

/// Takes that back: whoever wanted it may have died before the end.
fn open_door(socket: &OwnedFd) {
    // There is none to be taken off, mostly.
    let _ = SockRef::from(socket).detach_filter();
}

fn local_address(fd: &OwnedFd) -> io::Result<SocketAddr> {
    TcpListener::from(fd.try_clone()?).local_addr()
}

fn listen(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = bind(address)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    // Old connections in TIME_WAIT must not keep the address from us; somebody who listens still does.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn refused(route: &RouteSpec, error: &io::Error) -> ErrorBody {
    let address = route.listen;
    ErrorBody {
        kind: ErrorKind::BadRequest,
        message: format!("cannot listen on {address}: {error}. Nothing was changed"),
        hint: Some(hint(address, error)),
        route: Some(Box::new(route.clone())),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_use_is_refused_and_nothing_else_is_bound() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listeners = Listeners::new(Vec::new(), None);
        let route = |listen| RouteSpec { listen, host: None, path: "/".to_owned(), tls: false };
        let (used, unused) = (route(taken.local_addr().unwrap()), route(free));
        let wanted = [unused, used.clone()];
        listeners.try_bind(&wanted).unwrap_err();
        let error = listeners.bind(&wanted).unwrap_err();
        assert_eq!(error.route.as_deref(), Some(&used));
        assert!(error.message.contains(&taken.local_addr().unwrap().to_string()), "{error}");
        assert!(error.hint.unwrap().contains("another program listens there"));
        assert!(listeners.get(free).is_none());
        drop(taken);
        listeners.try_bind(&wanted).unwrap();
        assert!(listeners.get(free).is_none());
        listeners.bind(&wanted).unwrap();
        listeners.bind(&wanted).unwrap();
        assert!(listeners.get(free).is_some());
        listeners.retain(&BTreeSet::new());
        assert!(listeners.get(free).is_none());
        TcpListener::bind(free).unwrap();
    }

    #[test]
    fn nobody_gets_in_by_a_door_that_is_shut_until_it_is_opened() {
        use std::net::TcpStream;
        use std::time::Duration;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket = Arc::new(OwnedFd::from(listener));
        let inside = TcpStream::connect(address).unwrap();
        shut_door(&socket).unwrap();
        let soon = Duration::from_millis(50);
        assert_eq!(TcpStream::connect_timeout(&address, soon).unwrap_err().kind(), io::ErrorKind::TimedOut);
        open_door(&socket);
        TcpStream::connect(address).unwrap();
        let (queued, _) = TcpListener::from(socket.try_clone().unwrap()).accept().unwrap();
        assert_eq!(queued.peer_addr().unwrap(), inside.local_addr().unwrap(), "who was in the queue stays");
    }
}

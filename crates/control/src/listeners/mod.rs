//! The public listening sockets. Bound here, so that an address in use is an error of the one who asks for it, before
//! anything is touched; served by the proxy; kept by the keeper, so that they outlive us both. A service manager may
//! have bound some of them for us.

mod door;
mod socket;
mod words;

pub(crate) use words::hint;

use gapless_api::ErrorBody;
use gapless_model::route::RouteSpec;
use gapless_sys::fdstore::Store;
use socket2::SockRef;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the names of sockets begin with that a keeper has from us.
const KEPT: &str = "listener ";

/// The public listening sockets, by address.
#[derive(Debug, Clone)]
pub struct Listeners(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    sockets: Mutex<BTreeMap<SocketAddr, Arc<OwnedFd>>>,
    /// Bound for us by a service manager (`systemd.socket(5)`): never ours to close, as nobody could bind them again.
    given: Vec<(SocketAddr, Arc<OwnedFd>)>,
    /// Those that cannot be had, and why.
    missing: Mutex<BTreeMap<SocketAddr, String>>,
    keeper: Option<Store>,
}

impl Listeners {
    /// Those that the keeper has handed back, and those that a service manager gives us; others are to be bound.
    pub fn new(inherited: Vec<(String, OwnedFd)>, keeper: Option<Store>) -> Self {
        let (mut kept, mut given) = (Vec::new(), Vec::new());
        for (name, fd) in inherited {
            let Ok(at) = socket::local_address(&fd) else { continue };
            if name.starts_with(KEPT) {
                kept.push((name, at, fd));
            } else {
                match socket::fit(&fd) {
                    Ok(()) => given.push((at, Arc::new(fd))),
                    Err(error) => tracing::error!("the socket {name:?} for {at} is of no use: {error}"),
                }
            }
        }
        let mut sockets = BTreeMap::new();
        for (name, at, fd) in kept {
            // Nobody else can listen where they do: it is a copy of theirs.
            if given.iter().all(|(other, _)| *other != at) && opens(at, &fd) {
                sockets.insert(at, Arc::new(fd));
            } else if let Some(keeper) = &keeper {
                // A keeper that is gone keeps nothing.
                drop(keeper.remove(&name));
            }
        }
        Self(Arc::new(Shelf { sockets: Mutex::new(sockets), given, missing: Mutex::default(), keeper }))
    }

    /// Takes over a socket that somebody else kept. False if nobody can connect to it any more: then it is to be
    /// closed.
    pub fn adopt(&self, address: SocketAddr, socket: OwnedFd) -> bool {
        let mut sockets = self.lock();
        if let std::collections::btree_map::Entry::Vacant(place) = sockets.entry(address) {
            // Theirs is a copy of one that was given to us, and no more ours to close.
            if let Some(given) = self.given(address) {
                place.insert(given);
                return true;
            }
            if !opens(address, &socket) {
                return false;
            }
            self.keep(address, &socket);
            place.insert(Arc::new(socket));
        }
        true
    }

    /// Binds those that are missing. All or none: after an error nothing has changed.
    ///
    /// # Errors
    /// The first that cannot be bound, with the reason and what to do.
    pub fn bind(&self, routes: &[RouteSpec]) -> Result<(), ErrorBody> {
        let mut sockets = self.lock();
        let mut bound: BTreeMap<SocketAddr, Arc<OwnedFd>> = BTreeMap::new();
        for route in routes {
            let address = route.listen;
            if !sockets.contains_key(&address) && !bound.contains_key(&address) {
                let socket = match self.given(address) {
                    Some(given) => given,
                    None => Arc::new(socket::listen(address).map_err(|e| words::refused(route, &e))?),
                };
                bound.insert(address, socket);
            }
        }
        for (address, socket) in bound {
            if !self.is_given(&socket) {
                self.keep(address, &socket);
            }
            sockets.insert(address, socket);
        }
        Ok(())
    }

    /// Binds one on a port of 127.0.0.1 that is free.
    ///
    /// # Errors
    /// There is none.
    pub fn open(&self) -> io::Result<SocketAddr> {
        let socket = socket::listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = socket::local_address(&socket)?;
        self.keep(address, &socket);
        let mut sockets = self.lock();
        sockets.insert(address, Arc::new(socket));
        Ok(address)
    }

    /// Whether those that are missing could be bound, without letting anybody connect.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub fn try_bind(&self, routes: &[RouteSpec]) -> Result<(), ErrorBody> {
        let sockets = self.lock();
        let missing: BTreeMap<_, _> = routes.iter().map(|r| (r.listen, r)).collect();
        let has = |address: &SocketAddr| sockets.contains_key(address) || self.given(*address).is_some();
        let mut missing = missing.into_iter().filter(|(address, _)| !has(address));
        // The system tells at `bind(2)` already whether somebody listens there.
        missing.try_for_each(|(address, route)| {
            socket::bind(address).map(drop).map_err(|e| words::refused(route, &e))
        })
    }

    /// Copies of all of them, by the names under which they are kept or were given.
    pub fn copies(&self) -> Vec<(String, OwnedFd)> {
        let sockets = self.lock();
        let ours = sockets.iter().filter(|(_, socket)| !self.is_given(socket));
        let ours = ours.map(|(at, socket)| (stored_as(*at), socket));
        let given = self.0.given.iter().map(|(_, socket)| ("given".to_owned(), socket));
        ours.chain(given).filter_map(|(name, socket)| Some((name, socket.try_clone().ok()?))).collect()
    }

    /// Where all of them listen.
    pub fn addresses(&self) -> BTreeSet<SocketAddr> {
        self.lock().keys().copied().collect()
    }

    /// Closes all but these.
    pub fn retain(&self, wanted: &BTreeSet<SocketAddr>) {
        let sockets = self.lock();
        let unwanted: Vec<_> = sockets.keys().filter(|a| !wanted.contains(a)).copied().collect();
        drop(sockets);
        unwanted.into_iter().for_each(|address| self.close(address));
        let mut missing = self.0.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.retain(|address, _| wanted.contains(address));
    }

    /// Closes one: the kernel refuses connections as soon as the proxy has closed its copy, too.
    pub fn close(&self, address: SocketAddr) {
        let mut sockets = self.lock();
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
        let sockets = self.lock();
        for (address, socket) in sockets.iter().filter(|(_, socket)| !self.is_given(socket)) {
            if let Err(error) = door::shut(socket) {
                tracing::warn!("{address} closes with whoever connects just now: {error}");
            }
        }
        drop(sockets);
        self.retain(&BTreeSet::new());
    }

    /// The socket for an address.
    pub fn get(&self, address: SocketAddr) -> Option<Arc<OwnedFd>> {
        self.lock().get(&address).cloned()
    }

    /// The socket for an address; bound if nobody has it yet. None if that cannot be: [`Self::troubles`] says why.
    pub fn get_or_bind(&self, address: SocketAddr) -> Option<Arc<OwnedFd>> {
        let mut sockets = self.lock();
        if let Some(socket) = sockets.get(&address) {
            return Some(Arc::clone(socket));
        }
        let socket = self.obtain(address);
        let mut missing = self.0.missing.lock().unwrap_or_else(PoisonError::into_inner);
        match socket {
            Ok(socket) => {
                missing.remove(&address);
                sockets.insert(address, Arc::clone(&socket));
                Some(socket)
            }
            Err(error) => {
                let trouble = format!("cannot listen on {address}: {error}; {}", hint(address, &error));
                if missing.insert(address, trouble.clone()).is_none() {
                    tracing::error!("{trouble}");
                }
                None
            }
        }
    }

    /// Addresses that should be listened on and cannot be, for people.
    pub fn troubles(&self) -> Vec<String> {
        self.0.missing.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// One that was given to us, or else a new one.
    fn obtain(&self, address: SocketAddr) -> io::Result<Arc<OwnedFd>> {
        if let Some(given) = self.given(address) {
            return Ok(given);
        }
        let socket = socket::listen(address)?;
        self.keep(address, &socket);
        Ok(Arc::new(socket))
    }

    /// The socket for an address that a service manager has bound for us.
    fn given(&self, address: SocketAddr) -> Option<Arc<OwnedFd>> {
        let serves = |at: SocketAddr, socket: &OwnedFd| {
            // One for every address of IPv6 is one for every address of IPv4 as well, unless it is told not to be.
            let all = |ip| ip == IpAddr::from(Ipv6Addr::UNSPECIFIED);
            let both = all(at.ip()) && !SockRef::from(socket).only_v6().unwrap_or(true);
            at == address
                || (both
                    && at.port() == address.port()
                    && address.ip() == IpAddr::from(Ipv4Addr::UNSPECIFIED))
        };
        let given = self.0.given.iter().find(|(at, socket)| serves(*at, socket));
        given.map(|(_, socket)| Arc::clone(socket))
    }

    fn is_given(&self, socket: &Arc<OwnedFd>) -> bool {
        self.0.given.iter().any(|(_, given)| Arc::ptr_eq(given, socket))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Arc<OwnedFd>>> {
        self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Whether clients can connect to a socket, from now on if not before.
fn opens(address: SocketAddr, socket: &OwnedFd) -> bool {
    let opened = door::open(socket);
    if let Err(error) = &opened {
        tracing::warn!("{address} was closed for good, and is listened on anew: {error}");
    }
    opened.is_ok()
}

/// The name under which the keeper has it: a colon would end it there.
fn stored_as(address: SocketAddr) -> String {
    format!("{KEPT}{}", address.to_string().replace(':', ";"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gapless_api::About;
    use std::net::{TcpListener, TcpStream};

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
        assert_eq!(error.about.as_deref(), Some(&About::Route(used.clone())));
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
    fn what_a_service_manager_has_bound_is_used_and_stays() {
        let socket = TcpListener::bind("[::]:0").unwrap();
        let at = socket.local_addr().unwrap();
        let everywhere = SocketAddr::from(([0, 0, 0, 0], at.port()));
        let (stranger, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let (connected, _other) = (TcpStream::connect(("::1", at.port())).unwrap(), socket.accept().unwrap());
        let given = vec![
            ("gapless.socket".to_owned(), socket.into()),
            ("unix".to_owned(), stranger.into()),
            ("Accept=yes".to_owned(), connected.into()),
        ];
        let listeners = Listeners::new(given, None);
        assert!(listeners.addresses().is_empty(), "nobody wants it yet");
        let route = RouteSpec { listen: everywhere, host: None, path: "/".to_owned(), tls: false };
        for _ in 0..2 {
            listeners.try_bind(std::slice::from_ref(&route)).unwrap();
            listeners.bind(std::slice::from_ref(&route)).unwrap();
            assert_eq!(socket::local_address(&listeners.get(everywhere).unwrap()).unwrap(), at);
            listeners.shut();
            assert!(listeners.get(everywhere).is_none());
            TcpStream::connect(("127.0.0.1", at.port())).expect("it is the manager's, and nobody's to close");
        }
        let names: Vec<String> = listeners.copies().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["given"]);

        // The next control is given it as well, and copies of it by those who served it.
        let copy = |name: &str| {
            let mut all = listeners.copies().into_iter();
            (name.to_owned(), all.find(|(name, _)| name == "given").unwrap().1)
        };
        for inherited in [vec![copy("gapless.socket")], vec![copy(&stored_as(at)), copy("gapless.socket")]] {
            let next = Listeners::new(inherited, None);
            assert!(next.adopt(everywhere, copy("").1) && next.adopt(at, copy("").1));
            next.shut();
            let soon = std::time::Duration::from_secs(5);
            TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], at.port())), soon)
                .expect("it is the manager's still");
        }
    }

    #[test]
    fn what_nobody_has_is_made_and_what_cannot_be_is_said() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let listeners = Listeners::new(Vec::new(), None);
        assert!(listeners.get_or_bind(address).is_none());
        assert!(
            listeners.troubles()[0].contains("another program listens there"),
            "{:?}",
            listeners.troubles()
        );
        drop(taken);
        assert!(listeners.get_or_bind(address).is_some());
        assert_eq!(listeners.troubles(), Vec::<String>::new());
    }
}

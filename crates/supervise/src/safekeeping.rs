//! Notify sockets, kept where they outlive us: what an instance says while nobody is there is read by whoever
//! comes next.

use gapless_model::InstanceId;
use gapless_sys::fdstore::Store;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The name of a socket in the store is this and its instance.
const SOCKET: &str = "notify ";

/// Under this name a socket is kept once more when `READY=1` was read from it: nobody finds it there again.
const READY: &str = "ready ";

/// Where notify sockets are kept.
#[derive(Debug, Default)]
pub struct Safekeeping {
    store: Option<Store>,
    /// What is in the store, by name, where a control may follow us in our own process.
    copies: Option<Mutex<BTreeMap<String, OwnedFd>>>,
    /// From a control before us, until their instances are adopted.
    left: Mutex<BTreeMap<InstanceId, Left>>,
}

/// A socket of a control before us.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) socket: OwnedFd,
    /// Whether `READY=1` was read from it.
    pub(crate) ready: bool,
}

impl Safekeeping {
    /// With what the store has handed back, of which others than notify sockets are nothing to us.
    /// `in_place`: a control may follow us in our own process, to which the store hands nothing back.
    pub fn new(store: Option<Store>, handed_back: Vec<(String, OwnedFd)>, in_place: bool) -> Self {
        let mut left = BTreeMap::new();
        let copy = |(name, fd): &(String, OwnedFd)| Some((name.clone(), fd.try_clone().ok()?));
        let copies = in_place.then(|| Mutex::new(handed_back.iter().filter_map(copy).collect()));
        for (name, socket) in handed_back {
            let named = |prefix| name.strip_prefix(prefix).and_then(|id: &str| id.parse::<InstanceId>().ok());
            if let Some(id) = named(READY) {
                left.insert(id, Left { socket, ready: true });
            } else if let Some(id) = named(SOCKET) {
                left.entry(id).or_insert(Left { socket, ready: false });
            }
        }
        Self { store, copies, left: Mutex::new(left) }
    }

    /// Whether this names a notify socket in the store.
    pub fn is_ours(name: &str) -> bool {
        name.starts_with(SOCKET) || name.starts_with(READY)
    }

    /// Gives up the sockets of instances that are not adopted.
    pub(crate) fn give_up_others(&self, adopted: impl Fn(&InstanceId) -> bool) {
        let others: Vec<_> = self.left().keys().filter(|id| !adopted(id)).cloned().collect();
        for id in others {
            self.left().remove(&id);
            self.forget(&id);
        }
    }

    /// The socket of an instance that is adopted.
    pub(crate) fn take(&self, id: &InstanceId) -> Option<Left> {
        self.left().remove(id)
    }

    /// Keeps the socket of a new process, in place of that of the one before it.
    pub(crate) fn keep(&self, id: &InstanceId, socket: BorrowedFd<'_>) {
        self.left().remove(id);
        self.forget(id);
        self.put(id, format!("{SOCKET}{id}"), socket);
    }

    /// Remembers that an instance has said that it is ready.
    pub(crate) fn note_ready(&self, id: &InstanceId, socket: &impl AsFd) {
        self.put(id, format!("{READY}{id}"), socket.as_fd());
    }

    /// Keeps nothing of an instance.
    pub(crate) fn forget(&self, id: &InstanceId) {
        if let Some(mut copies) = self.copies() {
            copies.remove(&format!("{SOCKET}{id}"));
            copies.remove(&format!("{READY}{id}"));
        }
        self.tell(id, |store| {
            store.remove(&format!("{SOCKET}{id}"))?;
            store.remove(&format!("{READY}{id}"))
        });
    }

    /// All that is kept, with its names, for a control that follows us in our own process.
    pub(crate) fn all(&self) -> Vec<(String, OwnedFd)> {
        let copy = |(name, fd): (&String, &OwnedFd)| Some((name.clone(), fd.try_clone().ok()?));
        self.copies().map(|copies| copies.iter().filter_map(copy).collect()).unwrap_or_default()
    }

    fn put(&self, id: &InstanceId, name: String, socket: BorrowedFd<'_>) {
        self.tell(id, |store| store.store(&name, socket));
        if let Some(mut copies) = self.copies()
            && let Ok(copy) = socket.try_clone_to_owned()
        {
            copies.insert(name, copy);
        }
    }

    fn copies(&self) -> Option<MutexGuard<'_, BTreeMap<String, OwnedFd>>> {
        self.copies.as_ref().map(|copies| copies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, id: &InstanceId, what: impl FnOnce(&Store) -> io::Result<()>) {
        if let Some(Err(error)) = self.store.as_ref().map(what) {
            // What it says while we are gone is lost then, and its probe fails; until then all is well.
            tracing::warn!(instance = %id, %error, "the keeper cannot keep its notify socket");
        }
    }

    fn left(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Left>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

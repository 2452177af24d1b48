//! Has it said that it is ready (`sd_notify(3)`)?

use crate::safekeeping::{Left, Safekeeping};
use gapless_model::InstanceId;
use gapless_model::probe::ProbeAnswer;
use gapless_sys::notify;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram as StdDatagram;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Listens to what an instance says, as long as its process lives: what is not read would one day make the
/// app wait on the socket.
#[derive(Debug)]
pub(crate) struct Notify {
    said: watch::Receiver<Said>,
    listening: JoinHandle<()>,
}

#[derive(Debug, Clone, Default)]
struct Said {
    ready: bool,
    status: Option<String>,
}

impl Notify {
    /// Binds the socket at `path` in place of an older one, for a new process.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub(crate) fn bind(
        path: &camino::Utf8Path,
        id: &InstanceId,
        kept: &Arc<Safekeeping>,
    ) -> io::Result<Self> {
        let socket = notify::bind_at(path.as_std_path())?;
        kept.keep(id, socket.as_fd());
        Self::read(Left { socket, ready: false }, id, kept)
    }

    /// Goes on with the socket that its process has; one that nobody kept is bound anew.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub(crate) fn resume(
        path: &camino::Utf8Path,
        id: &InstanceId,
        kept: &Arc<Safekeeping>,
    ) -> io::Result<Self> {
        match kept.take(id) {
            Some(left) => Self::read(left, id, kept),
            None => Self::bind(path, id, kept),
        }
    }

    fn read(left: Left, id: &InstanceId, kept: &Arc<Safekeeping>) -> io::Result<Self> {
        let Left { socket, ready } = left;
        let socket = UnixDatagram::from_std(StdDatagram::from(socket))?;
        let (sender, said) = watch::channel(Said { ready, status: None });
        let (id, kept) = (id.clone(), Arc::clone(kept));
        let listening = tokio::spawn(async move { listen(socket, sender, &id, &kept).await });
        Ok(Self { said, listening })
    }

    /// Waits until it says so.
    pub(crate) async fn ready(&self) -> ProbeAnswer {
        match self.said.clone().wait_for(|said| said.ready).await {
            Ok(_) => ProbeAnswer::Passed,
            Err(_) => ProbeAnswer::Error { message: "its notify socket cannot be read".to_owned() },
        }
    }

    /// What there is to say as long as it has not.
    pub(crate) fn lack(&self) -> ProbeAnswer {
        ProbeAnswer::NotNotified { status: self.said.borrow().status.clone() }
    }
}

impl Drop for Notify {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(socket: UnixDatagram, said: watch::Sender<Said>, id: &InstanceId, kept: &Safekeeping) {
    let mut buffer = [0; notify::MAX];
    loop {
        // Looked at before it is taken: were we killed between the two, it would never have been said.
        let Ok(length) = socket.async_io(Interest::READABLE, || notify::peek(&socket, &mut buffer)).await
        else {
            return;
        };
        let notice = notify::parse(&buffer[..length]);
        if notice.ready {
            kept.note_ready(id, &socket);
        }
        if socket.try_recv(&mut buffer).is_err() {
            return;
        }
        if notice.ready || notice.status.is_some() {
            said.send_modify(|said| {
                said.ready |= notice.ready;
                said.status = notice.status.or(said.status.take());
            });
        }
    }
}

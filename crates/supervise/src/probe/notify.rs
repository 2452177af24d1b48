//! Has it said that it is ready (`sd_notify(3)`)?

use gapless_model::probe::ProbeAnswer;
use gapless_sys::notify;
use std::io;
use std::os::unix::net::UnixDatagram as StdDatagram;
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
    /// Binds the socket at `path` in place of an older one.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub(crate) fn bind(path: &camino::Utf8Path) -> io::Result<Self> {
        let socket = StdDatagram::from(notify::bind_at(path.as_std_path())?);
        let (sender, said) = watch::channel(Said::default());
        Ok(Self { said, listening: tokio::spawn(listen(UnixDatagram::from_std(socket)?, sender)) })
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

async fn listen(socket: UnixDatagram, said: watch::Sender<Said>) {
    let mut buffer = [0; notify::MAX];
    while let Ok(length) = socket.recv(&mut buffer).await {
        let notice = notify::parse(&buffer[..length]);
        if notice.ready || notice.status.is_some() {
            said.send_modify(|said| {
                said.ready |= notice.ready;
                said.status = notice.status.or(said.status.take());
            });
        }
    }
}

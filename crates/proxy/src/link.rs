//! The link to control: the socket in `GAPLESS_HOME`, and whoever is connected to it.
//!
//! One control at a time, the newest: after a crash the old connection may not have been seen to end yet.

use gapless_routing::frame::{Connection, FrameError, Receiver, Sender};
use gapless_routing::{ToControl, ToProxy};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Messages that wait for a control that does not read; then it is given up, and has to connect again.
const QUEUE: usize = 256;

/// A message to control, with descriptors.
type Out = (ToControl, Vec<OwnedFd>);

/// What came over the link.
pub(crate) enum Heard {
    /// Somebody has connected.
    Connected,
    /// A message, with descriptors.
    Message(ToProxy, Vec<OwnedFd>),
}

/// The socket, and who is connected.
pub(crate) struct Link {
    path: PathBuf,
    inode: u64,
    listener: UnixListener,
    /// Number of the newest connection.
    newest: u64,
    control: Option<Control>,
    heard: mpsc::Receiver<(u64, ToProxy, Vec<OwnedFd>)>,
    hear: mpsc::Sender<(u64, ToProxy, Vec<OwnedFd>)>,
}

struct Control {
    out: mpsc::Sender<Out>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Control {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Link {
    /// Listens at `path`. What a former proxy left there is replaced in one step, so that control finds
    /// either the old one or this one.
    ///
    /// # Errors
    /// Those of `bind(2)`, `chmod(2)` and `rename(2)`.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".{}", std::process::id()));
        let aside = PathBuf::from(aside);
        match std::fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&aside)?;
        std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o600))?;
        let inode = std::fs::metadata(&aside)?.ino();
        std::fs::rename(&aside, path)?;
        let (hear, heard) = mpsc::channel(16);
        Ok(Self { path: path.to_owned(), inode, listener, newest: 0, control: None, heard, hear })
    }

    /// The next thing that comes over the link. Nothing is lost when the future is dropped.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if !is_ours(&stream) => {
                        tracing::error!("somebody else's process wanted to be control");
                    }
                    Ok((stream, _)) => {
                        self.connect(stream);
                        return Heard::Connected;
                    }
                    Err(error) => tracing::error!(%error, "cannot accept control's connection"),
                },
                // Never none: `hear` is kept here.
                Some((number, message, descriptors)) = self.heard.recv() => {
                    if number == self.newest {
                        return Heard::Message(message, descriptors);
                    }
                }
            }
        }
    }

    fn connect(&mut self, stream: UnixStream) {
        self.newest += 1;
        let (receiver, sender) = Connection::new(stream).split();
        let (out, queue) = mpsc::channel(QUEUE);
        let tasks = [
            tokio::task::spawn_local(read(receiver, self.newest, self.hear.clone())),
            tokio::task::spawn_local(write(sender, queue)),
        ];
        self.control = Some(Control { out, tasks });
    }

    /// Whether anybody is connected, as far as is known.
    pub(crate) fn is_connected(&self) -> bool {
        self.control.as_ref().is_some_and(|control| !control.out.is_closed())
    }

    /// Tells control, if it is there. All that it must know is told again when it comes back.
    pub(crate) fn tell(&mut self, message: ToControl, descriptors: Vec<OwnedFd>) {
        let Some(control) = &self.control else { return };
        if control.out.try_send((message, descriptors)).is_err() {
            tracing::warn!("control does not read what it is told, or has gone");
            self.control = None;
        }
    }

    /// Waits until control was told all, or is gone.
    pub(crate) async fn finish(&mut self) {
        if let Some(control) = &self.control {
            let _ = control.out.reserve_many(QUEUE).await;
            // The last message was taken out of the queue; it is written when the task has run once more.
            tokio::task::yield_now().await;
        }
        // Only our own: a newer proxy may have put its socket there.
        if std::fs::metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

async fn read(
    mut receiver: Receiver<ToProxy>,
    number: u64,
    hear: mpsc::Sender<(u64, ToProxy, Vec<OwnedFd>)>,
) {
    loop {
        match receiver.recv().await {
            Ok(Some((message, descriptors))) => {
                if hear.send((number, message, descriptors)).await.is_err() {
                    return;
                }
            }
            Ok(None) => return tracing::info!("control has disconnected"),
            Err(error) => return tracing::warn!(%error, "control's connection failed"),
        }
    }
}

async fn write(mut sender: Sender<ToControl>, mut queue: mpsc::Receiver<Out>) {
    while let Some((message, descriptors)) = queue.recv().await {
        let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        match sender.send(&message, &borrowed).await {
            Ok(()) => {}
            Err(FrameError::Io { .. } | FrameError::Cut) => return,
            Err(error) => tracing::error!(%error, "cannot tell control"),
        }
    }
}

/// Whether a process of our user, or of root, is at its other end (`SO_PEERCRED`, `unix(7)`): the rights of a socket's
/// file are for the kernel to hold, and this is for where it was reached all the same.
fn is_ours(stream: &UnixStream) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == ours)
}

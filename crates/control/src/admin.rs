//! The admin address: what may be looked at without rights on the control socket. Nothing can be changed
//! here, and nobody listens unless told to.

use crate::listeners;
use crate::server::Looks;
use gapless_api::{ErrorBody, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// The admin address, if there is one, and who serves it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Admin(Arc<Mutex<Option<Serving>>>);

#[derive(Debug)]
struct Serving {
    at: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address that could be had.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// It is served already, or nobody is to listen and nobody does.
    AsItIs,
    /// Nobody is to listen.
    Closed,
    /// It was bound, and is not served yet.
    Bound(SocketAddr, TcpListener),
}

impl Admin {
    /// Makes sure that `listen` can be had. Nothing changes until [`Self::move_to`].
    ///
    /// # Errors
    /// It cannot be bound, with what to do.
    pub(crate) fn prepare(&self, listen: Option<SocketAddr>) -> Result<Prepared, ErrorBody> {
        let now = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|serving| serving.at);
        match listen {
            wanted if wanted == now => Ok(Prepared::AsItIs),
            None => Ok(Prepared::Closed),
            Some(at) => {
                let bound = TcpListener::bind(at).and_then(|socket| {
                    socket.set_nonblocking(true)?;
                    Ok(socket)
                });
                bound.map(|socket| Prepared::Bound(at, socket)).map_err(|error| ErrorBody {
                    kind: ErrorKind::BadRequest,
                    message: format!("cannot listen on {at} for [admin]: {error}. Nothing was changed"),
                    hint: Some(listeners::hint(at, &error)),
                    route: None,
                })
            }
        }
    }

    /// Serves there from here on, and nowhere else.
    pub(crate) fn move_to(&self, prepared: Prepared, looks: Looks) {
        let next = match prepared {
            Prepared::AsItIs => return,
            Prepared::Closed => None,
            Prepared::Bound(at, socket) => {
                let task = tokio::spawn(async move {
                    if let Err(error) = looks.serve(socket).await {
                        tracing::error!("cannot serve the admin address {at}: {error}");
                    }
                });
                Some(Serving { at, task })
            }
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

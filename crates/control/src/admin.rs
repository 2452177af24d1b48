//! The admin address: what may be looked at without rights on the control socket, by those who know the token. Nothing
//! can be changed here, and nobody listens unless told to.

mod token;

use crate::listeners;
use crate::server::Looks;
use camino::Utf8PathBuf;
use gapless_api::request::AdminSettings;
use gapless_api::{ErrorBody, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use token::Token;

/// The admin address, if there is one, and who serves it.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    home: Utf8PathBuf,
    serving: Arc<Mutex<Option<Serving>>>,
}

#[derive(Debug)]
struct Serving {
    at: SocketAddr,
    token: watch::Sender<Token>,
    task: JoinHandle<()>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What could be had.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// Nobody is to listen.
    Closed,
    /// It is served already; for those who know this, from here on.
    Served(Token),
    /// It was bound, and is not served yet.
    Bound(SocketAddr, TcpListener, Token),
}

impl Prepared {
    /// Sees to it that clients can know what they have to.
    ///
    /// # Errors
    /// The token cannot be written.
    pub(crate) fn keep_token(&self) -> Result<(), ErrorBody> {
        match self {
            Self::Closed => Ok(()),
            Self::Served(token) | Self::Bound(_, _, token) => token.keep(),
        }
    }
}

impl Admin {
    /// None is served yet.
    pub(crate) fn new(home: Utf8PathBuf) -> Self {
        Self { home, serving: Arc::default() }
    }

    /// Makes sure that an address can be had, and the token for it. Nothing changes until [`Self::move_to`].
    ///
    /// # Errors
    /// It cannot be bound, or there is no token in the file that is named: with what to do.
    pub(crate) fn prepare(&self, settings: &AdminSettings) -> Result<Prepared, ErrorBody> {
        let Some(at) = settings.listen else { return Ok(Prepared::Closed) };
        let token = Token::of(settings, &self.home)?;
        if self.lock().as_ref().is_some_and(|serving| serving.at == at) {
            return Ok(Prepared::Served(token));
        }
        let bound = TcpListener::bind(at).and_then(|socket| {
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        bound.map(|socket| Prepared::Bound(at, socket, token)).map_err(|error| ErrorBody {
            kind: ErrorKind::BadRequest,
            message: format!("cannot listen on {at} for [admin]: {error}. Nothing was changed"),
            hint: Some(listeners::hint(at, &error)),
            about: None,
        })
    }

    /// Serves there from here on, and nowhere else.
    pub(crate) fn move_to(&self, prepared: Prepared, looks: Looks) {
        let mut serving = self.lock();
        *serving = match prepared {
            Prepared::Closed => None,
            Prepared::Served(token) => {
                if let Some(serving) = serving.as_ref() {
                    serving.token.send_replace(token);
                }
                return;
            }
            Prepared::Bound(at, socket, token) => {
                let (token, known) = watch::channel(token);
                let task = tokio::spawn(async move {
                    if let Err(error) = looks.serve(socket, known).await {
                        tracing::error!("cannot serve the admin address {at}: {error}");
                    }
                });
                Some(Serving { at, token, task })
            }
        };
    }

    fn lock(&self) -> MutexGuard<'_, Option<Serving>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The client of the control socket: typed calls and streams of lines.
//!
//! One connection per call: on a Unix socket it costs some tens of microseconds, and no call can spoil
//! another. Runs on the caller's tokio runtime, of any kind.

use crate::error::{ErrorBody, ErrorKind};
use crate::lines::Lines;
use crate::progress::Progress;
use crate::request::{
    ApplyRequest, ApplyResult, DeployRequest, Done, HaltAnswer, HaltRequest, LogLine, ReleaseRow,
    ReloadRequest, RollbackRequest, RolloutTicket, ScaleRequest, UpgradeAnswer, UpgradeRequest,
};
use crate::status::Status;
use crate::{SOCKET, VERSION};
use gapless_model::event::Event;
use gapless_model::{AppName, RolloutId};
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;

/// How long a question about the present may take: control answers those from memory.
const QUICK: Duration = Duration::from_secs(10);

/// How long a request that may copy code or bind listeners may take until it is answered.
const SLOW: Duration = Duration::from_secs(600);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers on the socket: nothing was asked.
    #[error("control is not reachable at {socket}: {source}")]
    NotReachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Control was reached and fell silent, or the connection broke. What was asked may have been done.
    #[error("{asked}: control did not finish its answer: {message}")]
    Broken {
        /// Method and path.
        asked: String,
        /// What went wrong.
        message: String,
    },
    /// Control said no.
    #[error(transparent)]
    Refused(#[from] ErrorBody),
    /// The answer is not what this client understands: another version of Gapless.
    #[error("{asked}: the answer cannot be read: {message}")]
    Unreadable {
        /// Method and path.
        asked: String,
        /// What is wrong with it.
        message: String,
    },
}

impl ClientError {
    /// Whether control did nothing of what was asked, as it was not there or about to end: it can be asked again.
    pub fn did_nothing(&self) -> bool {
        match self {
            Self::NotReachable { .. } => true,
            Self::Refused(body) => body.kind == ErrorKind::Closing,
            Self::Broken { .. } | Self::Unreadable { .. } => false,
        }
    }

    /// Whether control ended, so that another one may take its place; what was asked may have been done.
    pub fn may_be_another_control(&self) -> bool {
        self.did_nothing() || matches!(self, Self::Broken { .. })
    }

    /// Whether the system did not even let us connect.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::NotReachable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// What is done to a whole app, without further words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Stop all instances and start them again.
    Restart,
    /// Stop all instances; the definition stays.
    Stop,
    /// Start what was stopped.
    Start,
    /// Hold the rollout in progress.
    Pause,
    /// Let it go on.
    Resume,
    /// Take it back.
    Abort,
    /// End its bake time now.
    Promote,
}

impl Act {
    /// The last segment of its path, and the command's name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Abort => "abort",
            Self::Promote => "promote",
        }
    }
}

/// Which lines of an app's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogQuery {
    /// How many of the last ones.
    pub lines: u32,
    /// Whether to go on with what comes.
    pub follow: bool,
    /// Whether stdout is wanted.
    pub out: bool,
    /// Whether stderr is wanted.
    pub err: bool,
}

/// A client of one installation.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

type Answer<T> = Result<T, ClientError>;

impl Client {
    /// Of the installation under `home`. Nothing is connected yet.
    pub fn new(home: &Path) -> Self {
        Self { socket: home.join(SOCKET) }
    }

    /// The control socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether somebody listens on the socket.
    pub async fn reachable(&self) -> Answer<()> {
        self.connect().await.map(drop)
    }

    /// What runs.
    pub async fn status(&self) -> Answer<Status> {
        self.get("status", QUICK).await
    }

    /// What [`Self::apply`] would change of each app, in words; nothing is said of an app that is not known.
    pub async fn check(&self, request: &ApplyRequest) -> Answer<Vec<(AppName, Vec<String>)>> {
        self.post("check", request, QUICK).await
    }

    /// Makes apps so.
    pub async fn apply(&self, request: &ApplyRequest) -> Answer<ApplyResult> {
        self.post("apply", request, SLOW).await
    }

    /// A new release of an app; answered when its code has been copied.
    pub async fn deploy(&self, app: &AppName, request: &DeployRequest) -> Answer<RolloutTicket> {
        self.post(&format!("apps/{app}/deploy"), request, SLOW).await
    }

    /// New processes of the same release.
    pub async fn reload(&self, app: &AppName, request: ReloadRequest) -> Answer<RolloutTicket> {
        self.post(&format!("apps/{app}/reload"), &request, SLOW).await
    }

    /// Return to an earlier release.
    pub async fn rollback(&self, app: &AppName, request: &RollbackRequest) -> Answer<RolloutTicket> {
        self.post(&format!("apps/{app}/rollback"), request, SLOW).await
    }

    /// Something that is done to a whole app.
    pub async fn act(&self, app: &AppName, act: Act) -> Answer<Done> {
        self.post(&format!("apps/{app}/{}", act.word()), &(), SLOW).await
    }

    /// Another number of instances.
    pub async fn scale(&self, app: &AppName, request: ScaleRequest) -> Answer<Done> {
        self.post(&format!("apps/{app}/scale"), &request, SLOW).await
    }

    /// Stops an app and forgets it.
    pub async fn delete(&self, app: &AppName) -> Answer<Done> {
        let asked = Asked::new(Method::DELETE, &format!("apps/{app}"));
        self.whole(asked, Bytes::new(), SLOW).await
    }

    /// Stops every app, then Gapless itself.
    pub async fn down(&self) -> Answer<Done> {
        self.post("down", &(), SLOW).await
    }

    /// Ends everything within this time; what should run is started again by whoever comes next.
    ///
    /// # Errors
    /// As all of these; control may be gone before its answer was read.
    pub async fn halt(&self, request: HaltRequest) -> Answer<HaltAnswer> {
        let patience = SLOW.max(Duration::from_millis(request.within_ms) + QUICK);
        self.post("halt", &request, patience).await
    }

    /// Replaces Gapless itself by the program of this request. Its control ends right after the answer, or even
    /// before it could be read.
    ///
    /// # Errors
    /// As all of these; the program is no Gapless, or one that does not understand what runs.
    pub async fn upgrade(&self, to: &UpgradeRequest) -> Answer<UpgradeAnswer> {
        self.post("upgrade", to, SLOW).await
    }

    /// A rollout as it goes. Also one that is over: its last line comes at once.
    pub async fn follow_rollout(&self, rollout: RolloutId) -> Answer<Lines<Progress>> {
        self.lines(&format!("rollouts/{}/follow", rollout.0)).await
    }

    /// An app until it has settled.
    pub async fn follow_app(&self, app: &AppName) -> Answer<Lines<Progress>> {
        self.lines(&format!("apps/{app}/follow")).await
    }

    /// The releases that are kept of an app.
    pub async fn releases(&self, app: &AppName) -> Answer<Vec<ReleaseRow>> {
        self.get(&format!("apps/{app}/releases"), QUICK).await
    }

    /// The newest `limit` events, newest first; of all apps if none is named.
    pub async fn history(&self, app: Option<&AppName>, limit: u32) -> Answer<Vec<Event>> {
        // App names need no escaping: their alphabet is that of RFC 3986's unreserved characters.
        let of = app.map(|a| format!("app={a}&")).unwrap_or_default();
        self.get(&format!("history?{of}limit={limit}"), QUICK).await
    }

    /// An app's output.
    pub async fn logs(&self, app: &AppName, query: LogQuery) -> Answer<Lines<LogLine>> {
        let stream = match (query.out, query.err) {
            (true, false) => "out",
            (false, true) => "err",
            _ => "out,err",
        };
        let LogQuery { lines, follow, .. } = query;
        self.lines(&format!("apps/{app}/logs?lines={lines}&follow={follow}&stream={stream}")).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, patience: Duration) -> Answer<T> {
        self.whole(Asked::new(Method::GET, path), Bytes::new(), patience).await
    }

    async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        patience: Duration,
    ) -> Answer<T> {
        let asked = Asked::new(Method::POST, path);
        let bytes = serde_json::to_vec(body).map_err(|e| asked.unreadable(e))?;
        self.whole(asked, bytes.into(), patience).await
    }

    /// One request, its whole answer, within `patience`.
    async fn whole<T: DeserializeOwned>(&self, asked: Asked, body: Bytes, patience: Duration) -> Answer<T> {
        let answer = async {
            let incoming = self.send(&asked, body).await?;
            incoming.collect().await.map(http_body_util::Collected::to_bytes).map_err(|e| asked.broken(e))
        };
        let bytes = tokio::time::timeout(patience, answer)
            .await
            .map_err(|_| asked.broken(format!("no answer within {} s", patience.as_secs())))??;
        serde_json::from_slice(&bytes).map_err(|e| asked.unreadable(e))
    }

    async fn lines<T: DeserializeOwned>(&self, path: &str) -> Answer<Lines<T>> {
        let asked = Asked::new(Method::GET, path);
        let incoming = tokio::time::timeout(QUICK, self.send(&asked, Bytes::new()))
            .await
            .map_err(|_| asked.broken(format!("no answer within {} s", QUICK.as_secs())))??;
        Ok(Lines::new(asked, incoming))
    }

    async fn connect(&self) -> Answer<UnixStream> {
        UnixStream::connect(&self.socket)
            .await
            .map_err(|source| ClientError::NotReachable { socket: self.socket.clone(), source })
    }

    /// Sends one request on a connection of its own; the body of a 2xx answer.
    async fn send(&self, asked: &Asked, body: Bytes) -> Answer<Incoming> {
        let stream = self.connect().await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| asked.broken(e))?;
        // Ends with the answer, or when the answer is dropped.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(asked.method.clone())
            .uri(&asked.path)
            .header(header::HOST, "gapless")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|e| asked.broken(e))?;
        let response = sender.send_request(request).await.map_err(|e| asked.broken(e))?;
        let (head, incoming) = response.into_parts();
        if head.status.is_success() {
            return Ok(incoming);
        }
        let bytes = incoming.collect().await.map_err(|e| asked.broken(e))?.to_bytes();
        Err(match serde_json::from_slice::<ErrorBody>(&bytes) {
            Ok(refusal) => ClientError::Refused(refusal),
            Err(_) => {
                asked.unreadable(format!("{}: {}", head.status, String::from_utf8_lossy(&bytes).trim()))
            }
        })
    }
}

/// What was asked, for requests and for messages about them.
#[derive(Debug)]
pub(crate) struct Asked {
    method: Method,
    path: String,
}

impl Asked {
    fn new(method: Method, path: &str) -> Self {
        Self { method, path: format!("/{VERSION}/{path}") }
    }

    fn text(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn broken(&self, why: impl std::fmt::Display) -> ClientError {
        ClientError::Broken { asked: self.text(), message: why.to_string() }
    }

    pub(crate) fn unreadable(&self, why: impl std::fmt::Display) -> ClientError {
        ClientError::Unreadable { asked: self.text(), message: why.to_string() }
    }
}

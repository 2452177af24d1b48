//! A running proxy, and the hands that move it.

use crate::instance::Instance;
use gapless_model::app::HoldSpec;
use gapless_model::{AccessLog, AppName, ErrorPages, Generation, InstanceId, ReleaseId};
use gapless_proxy::Options;
use gapless_routing::frame::{Connection, Receiver, Sender};
use gapless_routing::socket::sockets;
use gapless_routing::{
    AppCounters, AppRouting, Backend, Backlog, Counters, Duty, InFlight, InstanceCounters, Listener,
    Protocol, Route, Snapshot, ToControl, ToProxy,
};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Long enough for any machine; only reached when something is wrong.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `predicate` holds.
pub(crate) async fn until(what: &str, mut predicate: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !predicate() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Fails instead of hanging.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// A proxy with a listener, an app `web` that takes everything, and a control connected to it.
pub(crate) struct Stage {
    pub(crate) home: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) control: Control,
    pub(crate) snapshot: Snapshot,
    listener: Option<TcpListener>,
    proxy: Option<Running>,
}

/// Where a proxy runs.
enum Running {
    Here(JoinHandle<std::process::ExitCode>),
    Apart(Child),
}

/// Tells a process of this program that it is a proxy, and its home.
pub(crate) const APART: &str = "GAPLESS_TEST_PROXY";

impl Stage {
    /// With two workers.
    pub(crate) async fn new() -> Self {
        Self::with_workers(2).await
    }

    pub(crate) async fn with_workers(workers: usize) -> Self {
        Self::with(workers, Options::LOOK).await
    }

    /// One that looks at its clients' connections this often.
    pub(crate) async fn that_looks(every: Duration) -> Self {
        Self::with(2, every).await
    }

    /// One more proxy on the listening socket of another, whose first snapshot is yet to come.
    pub(crate) async fn beside(other: &Self) -> Self {
        let listener = other.listener.as_ref().unwrap().try_clone().unwrap();
        let address = listener.local_addr().unwrap();
        let mut stage = Self::new().await;
        stage.snapshot.listeners[0].address = address;
        stage.snapshot.routes[0].listener = address;
        stage.address = address;
        stage.listener = Some(listener);
        stage
    }

    /// One in a process of its own, with one worker: only there it can be told what it takes.
    pub(crate) async fn apart() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut program = Command::new(std::env::current_exe().unwrap());
        let child = program.args(["--exact", "idle::a_proxy", "--ignored"]).env(APART, home.path());
        let child = child.stdout(Stdio::null()).spawn().unwrap();
        Self::of(home, Running::Apart(child)).await
    }

    /// Resident memory of a proxy that is apart, in bytes, once it has not grown or shrunk for so long.
    pub(crate) async fn settled(&self, quiet: Duration) -> usize {
        let Some(Running::Apart(child)) = &self.proxy else { panic!("it is not apart") };
        let statm = format!("/proc/{}/statm", child.id());
        let resident = || {
            let pages = std::fs::read_to_string(&statm).unwrap();
            pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
        };
        let deadline = Instant::now() + DEADLINE;
        let (mut last, mut since) = (resident(), Instant::now());
        while since.elapsed() < quiet {
            assert!(Instant::now() < deadline, "never: its memory settles");
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now = resident();
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        last
    }

    async fn with(workers: usize, look: Duration) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_owned().try_into().unwrap();
        let options = Options { home: path, workers, log: None, look };
        let proxy = std::thread::spawn(move || gapless_proxy::run(options));
        Self::of(home, Running::Here(proxy)).await
    }

    async fn of(home: tempfile::TempDir, proxy: Running) -> Self {
        let control = Control::connect(home.path()).await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let app: AppName = "web".parse().unwrap();
        let snapshot = Snapshot {
            generation: Generation(0),
            listeners: vec![Listener { address, descriptor: None, protocol: Protocol::Plain }],
            routes: vec![Route { listener: address, host: None, path: "/".into(), app: app.clone() }],
            apps: vec![AppRouting {
                hold: HoldSpec { max_requests: 100, max_bytes: 1 << 20, timeout: Duration::from_secs(15) },
                ..AppRouting::plain(app, Vec::new())
            }],
            access_log: AccessLog::Off,
            trust: gapless_model::trust::Trust::default(),
            error_pages: ErrorPages::default(),
        };
        Self { home, address, control, snapshot, listener: Some(listener), proxy: Some(proxy) }
    }

    /// The backend of an instance of release 1 that serves.
    pub(crate) fn serve(instance: &Instance) -> Backend {
        Backend {
            instance: instance.id.clone(),
            release: ReleaseId(1),
            address: instance.address.clone(),
            protocol: instance.protocol,
            duty: Duty::Serve { weight: 1 },
            retiring: None,
        }
    }

    /// The same when it finishes.
    pub(crate) fn finish(instance: &Instance) -> Backend {
        Backend { duty: Duty::Finish, ..Self::serve(instance) }
    }

    /// These are the instances of `web` from here on, for every worker.
    pub(crate) async fn route_to(&mut self, backends: Vec<Backend>) -> Backlog {
        self.snapshot.apps[0].backends = backends;
        self.apply().await
    }

    /// Sends the snapshot and waits until it is applied.
    pub(crate) async fn apply(&mut self) -> Backlog {
        self.snapshot.generation.0 += 1;
        let listener = self.listener.take();
        let mut snapshot = self.snapshot.clone();
        if listener.is_some() {
            snapshot.listeners[0].descriptor = Some(0);
        }
        let descriptors: Vec<_> = listener.iter().map(AsFd::as_fd).collect();
        self.control.sender.send(&ToProxy::Apply(snapshot), &descriptors).await.unwrap();
        let generation = self.snapshot.generation;
        self.control.applied(generation).await
    }

    /// A keep-alive connection of a client.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Sends bytes on a new connection and returns all that comes until the other side closes.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        soon("the end of the answer", stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Counters of `web`, asked until `enough`.
    pub(crate) async fn counted(&mut self, what: &str, enough: impl Fn(&AppCounters) -> bool) -> AppCounters {
        soon(what, async {
            loop {
                let counters = self.control.counters().await;
                if let Some(app) = counters.apps.into_iter().find(|app| app.app.as_str() == "web")
                    && enough(&app)
                {
                    return app;
                }
            }
        })
        .await
    }

    /// Counters of one instance, asked until `enough`.
    pub(crate) async fn counted_of(
        &mut self,
        instance: &Instance,
        enough: impl Fn(&InstanceCounters) -> bool,
    ) -> InstanceCounters {
        soon("the instance's counters", async {
            loop {
                let counters = self.control.counters().await;
                let one = counters.instances.into_iter().find(|one| one.instance == instance.id);
                if let Some(one) = one.filter(|one| enough(one)) {
                    return one;
                }
            }
        })
        .await
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The link ends with the control; a proxy goes on without one. Its thread is told by a new one.
        let Some(proxy) = self.proxy.take() else { return };
        let Some(path) = found(self.home.path()) else { return };
        let tell = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let Ok(connection) = Connection::connect(path).await else { return };
                let (mut receiver, mut sender) = connection.split::<ToControl, ToProxy>();
                if sender.send(&ToProxy::Shutdown { within: 0 }, &[]).await.is_ok() {
                    while let Ok(Some(_)) = receiver.recv().await {}
                }
            });
        });
        let _ = tell.join();
        match proxy {
            Running::Here(thread) => drop(thread.join()),
            Running::Apart(mut child) => drop(child.wait()),
        }
    }
}

/// The socket of the proxy in this home.
fn found(home: &Path) -> Option<PathBuf> {
    sockets(home).unwrap().into_iter().map(|(_, path)| path).next()
}

/// What control does.
pub(crate) struct Control {
    pub(crate) receiver: Receiver<ToControl>,
    pub(crate) sender: Sender<ToProxy>,
    pub(crate) hello: (Generation, Vec<SocketAddr>),
    pub(crate) retiring: bool,
    /// What is known of instances since the last snapshot.
    pub(crate) backlog: BTreeMap<InstanceId, InFlight>,
}

impl Control {
    pub(crate) async fn connect(home: &Path) -> Self {
        until("the proxy's socket", || found(home).is_some()).await;
        let (mut receiver, sender) = Connection::connect(found(home).unwrap()).await.unwrap().split();
        match soon("hello", receiver.recv()).await.unwrap().unwrap().0 {
            ToControl::Hello { generation, listeners, retiring, .. } => {
                let hello = (generation, listeners);
                Self { receiver, sender, hello, retiring, backlog: BTreeMap::new() }
            }
            other => panic!("no hello: {other:?}"),
        }
    }

    pub(crate) async fn next(&mut self) -> ToControl {
        let message = soon("a message", self.receiver.recv()).await.unwrap().expect("the proxy is there").0;
        match &message {
            ToControl::Applied { backlog, .. } => self.backlog = backlog.instances.iter().cloned().collect(),
            ToControl::Backlog(backlog) => self.backlog.extend(backlog.instances.iter().cloned()),
            _ => {}
        }
        message
    }

    pub(crate) async fn applied(&mut self, wanted: Generation) -> Backlog {
        loop {
            match self.next().await {
                ToControl::Applied { generation, backlog } if generation == wanted => return backlog,
                ToControl::Refused { message, .. } => panic!("refused: {message}"),
                _ => {}
            }
        }
    }

    pub(crate) async fn counters(&mut self) -> Counters {
        loop {
            if let ToControl::Counters(counters) = self.next().await {
                return counters;
            }
        }
    }

    /// Waits until an instance is said to have nothing to do.
    pub(crate) async fn drained(&mut self, instance: &InstanceId) {
        while self.backlog.get(instance) != Some(&InFlight::default()) {
            self.next().await;
        }
    }
}

/// A client's keep-alive connection.
pub(crate) struct Client {
    send: SendRequest<Full<Bytes>>,
}

impl Client {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::on(stream).await
    }

    /// On a stream that is connected.
    pub(crate) async fn on(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (send, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { send }
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Bytes>> {
        self.send.ready().await?;
        let response = soon("an answer", self.send.send_request(request)).await?;
        let (head, body) = response.into_parts();
        let body = soon("the answer's body", body.collect()).await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    pub(crate) async fn get(&mut self, path: &str) -> (u16, String) {
        let response = self.send(request("GET", path, "")).await.unwrap();
        (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str) -> (u16, String) {
        let response = self.send(request("POST", path, body)).await.unwrap();
        (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
    }

    /// Whether the other side keeps the connection.
    pub(crate) async fn is_kept(&mut self) -> bool {
        self.send.ready().await.is_ok()
    }
}

pub(crate) fn request(method: &str, path: &str, body: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "example.com")
        .body(Full::from(body.to_owned()))
        .unwrap()
}

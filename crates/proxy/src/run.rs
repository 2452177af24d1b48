//! The process: its threads, from begin to end.

use crate::access_log::{AccessLog, AccessLogWriter};
use crate::coordinator::{Coordinator, Orders};
use crate::crew::Crew;
use crate::link::Link;
use crate::own_log::OwnLog;
use crate::plan::Plan;
use crate::tls::Terms;
use crate::worker::{Lines, Worker};
use camino::Utf8PathBuf;
use gapless_routing::socket::socket;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{mpsc, watch};

/// Words of workers that wait for the main thread.
const WORDS: usize = 256;

/// How long the end of the process waits for the access log's last lines.
const LAST: Duration = Duration::from_secs(1);

/// What the process is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// `GAPLESS_HOME`: the socket for control is in it, see [`gapless_routing::socket`], the access log `logs/access.log`.
    pub home: Utf8PathBuf,
    /// Number of workers, at least 1: threads that serve requests.
    pub workers: usize,
    /// File that the proxy's own words are appended to; none for stderr.
    pub log: Option<PathBuf>,
    /// How often a client's connection is looked at: heads have to be complete after 2 to 3 of these, and
    /// idle connections are closed after 6 to 7, those of clients that do not read after 20. Usually
    /// [`Options::LOOK`]; tests are in a hurry.
    pub look: Duration,
}

impl Options {
    /// 30 to 45 seconds for a head, 90 to 105 for an idle connection: longer than clients and load balancers keep
    /// theirs, so that they close first and no request meets a close.
    pub const LOOK: Duration = Duration::from_secs(15);
}

/// Why the proxy could not run.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("cannot listen for control at {}: {source}", path.display())]
    Socket { path: PathBuf, source: io::Error },
    #[error("cannot start {what}: {source}")]
    Start { what: &'static str, source: io::Error },
    #[error("a worker has died")]
    WorkerDied,
}

/// Runs the proxy until it is told to stop, by control or by SIGTERM. Success unless it could not start, or a
/// worker has died.
pub fn run(options: Options) -> ExitCode {
    let log = OwnLog::open(options.log.as_deref());
    if let Err(error) = &log {
        eprintln!("gapless proxy: cannot open its log: {error}");
    }
    let ended = start(&options);
    if let Err(error) = &ended {
        tracing::error!(%error, "the proxy cannot run");
        eprintln!("gapless proxy: {error}");
    }
    if let Ok(log) = log {
        log.flush();
    }
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start(options: &Options) -> Result<(), RunError> {
    let begun = |what| move |source| RunError::Start { what, source };
    raise_limit();
    let path = socket(options.home.as_std_path(), std::process::id());
    let runtime = runtime().map_err(begun("the main thread"))?;
    let link = {
        let _context = runtime.enter();
        Link::bind(&path).map_err(|source| RunError::Socket { path, source })?
    };
    let (writer, access_log) = AccessLogWriter::start(options.home.join("logs/access.log"))
        .map_err(begun("the access log's thread"))?;
    let (plans, _) = watch::channel(Arc::new(Plan::default()));
    let (settled, _) = watch::channel(0);
    let (questions, _) = watch::channel(0);
    let (words, heard) = mpsc::channel(WORDS);
    let terms = Arc::new(Terms::default());
    let mut threads = Vec::new();
    for (crew, handed) in Crew::muster(options.workers.max(1)) {
        let lines = Lines {
            plans: plans.subscribe(),
            settled: settled.subscribe(),
            questions: questions.subscribe(),
            handed,
            words: words.clone(),
        };
        threads.push(
            work(crew, Arc::clone(&terms), writer.clone(), options.look, lines).map_err(begun("a worker"))?,
        );
    }
    drop((words, writer));
    tracing::info!(pid = std::process::id(), workers = threads.len(), "the proxy runs");
    let all_live = || !threads.iter().any(JoinHandle::is_finished);
    runtime.block_on(async {
        let orders = Orders { plans, settled, questions };
        Coordinator::new(link, threads.len(), terms, orders, heard).run(all_live).await;
    });
    // Workers end as the main thread's ends of their channels are gone.
    let mut died = false;
    for thread in threads {
        died |= thread.join().is_err();
    }
    let deadline = Instant::now() + LAST;
    while !access_log.is_finished() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    if died { Err(RunError::WorkerDied) } else { Ok(()) }
}

/// Starts a worker's thread.
fn work(
    crew: Crew,
    terms: Arc<Terms>,
    writer: AccessLogWriter,
    look: Duration,
    lines: Lines,
) -> io::Result<JoinHandle<()>> {
    let runtime_failed = "a worker has no runtime";
    std::thread::Builder::new().name(format!("worker-{}", crew.me())).spawn(move || match runtime() {
        Ok(runtime) => runtime.block_on(async {
            let worker = Rc::new(Worker::new(crew, terms, AccessLog::new(writer), look));
            worker.run(lines).await;
        }),
        Err(error) => tracing::error!(%error, runtime_failed),
    })
}

fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
}

/// Each request takes two descriptors: as many as the system allows.
fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

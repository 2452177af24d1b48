//! What takes time on disk: making, activating and removing releases. One thread, one thing after the other,
//! so that an app that is removed and comes back does not meet its own removal; nobody else waits behind it.

use crate::core::Closing;
use crate::platform::Errand;
use crate::recall;
use camino::{Utf8Path, Utf8PathBuf};
use gapless_api::{ErrorBody, ErrorKind};
use gapless_model::Release;
use gapless_release::{Order, Releases};
use gapless_store::AppRecord;
use std::sync::mpsc;
use tokio::sync::oneshot;

/// Its stack: it walks directories, recursively.
const STACK: usize = 512 * 1024;

type Job = Box<dyn FnOnce(&Utf8Path, &Releases) + Send>;

/// The way to the thread.
#[derive(Debug, Clone)]
pub struct Disk(mpsc::Sender<Job>);

impl Disk {
    /// Starts the thread. It ends when the last way to it is gone.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(home: Utf8PathBuf, releases: Releases) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let work = move || inbox.into_iter().for_each(|job| job(&home, &releases));
        std::thread::Builder::new().name("disk".to_owned()).stack_size(STACK).spawn(work)?;
        Ok(Self(jobs))
    }

    /// Makes releases, all or none.
    ///
    /// # Errors
    /// What was tried on which path, and why it failed; nothing of them is left.
    pub async fn make(&self, orders: Vec<Order>) -> Result<Vec<Release>, ErrorBody> {
        let (answer, made) = oneshot::channel();
        self.run(Box::new(move |_, releases| drop(answer.send(releases.make(orders)))));
        let failed = |message: String| ErrorBody {
            kind: ErrorKind::Failed,
            message: format!("{message}. Nothing was changed"),
            hint: None,
            route: None,
        };
        match made.await {
            Ok(Ok(releases)) => Ok(releases),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(Closing.into()),
        }
    }

    /// Does what nobody waits for.
    pub fn tidy(&self, errand: Errand) {
        self.run(Box::new(move |_, releases| {
            let done = match &errand {
                Errand::Activate { app, release } => releases.activate(app, *release),
                Errand::Prune { app, releases: which } => {
                    which.iter().try_for_each(|r| releases.remove(app, *r))
                }
                Errand::Mark { app, release, mark } => releases.mark(app, *release, *mark),
                Errand::Remove { app } => releases.remove_app(app),
            };
            if let Err(error) = done {
                tracing::error!("{error}");
            }
        }));
    }

    /// Writes an app's definition down beside its releases.
    pub fn remember(&self, record: AppRecord) {
        self.run(Box::new(move |home, _| {
            let name = record.name().clone();
            if let Err(error) = recall::remember(home, record) {
                tracing::error!("cannot write the definition of {name} down: {error}");
            }
        }));
    }

    /// Resolves when all that was ordered before is done.
    pub async fn flush(&self) {
        let (answer, done) = oneshot::channel();
        self.run(Box::new(move |_, _| {
            // Whoever asked may have stopped waiting.
            let _ = answer.send(());
        }));
        drop(done.await);
    }

    fn run(&self, job: Job) {
        // The thread lives as long as we do; if it has panicked, whoever waits for the answer hears so.
        drop(self.0.send(job));
    }
}

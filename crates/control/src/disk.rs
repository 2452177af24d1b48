//! What takes time on disk: making, activating and removing releases. One thread, one thing after the other,
//! so that an app that is removed and comes back does not meet its own removal; nobody else waits behind it.

use crate::core::Closing;
use crate::ownership;
use crate::platform::Errand;
use crate::recall;
use camino::{Utf8Path, Utf8PathBuf};
use gapless_api::{ErrorBody, ErrorKind};
use gapless_model::{AppName, Release};
use gapless_release::{Order, Releases};
use gapless_store::AppRecord;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use tokio::sync::oneshot;

/// Its stack: it walks directories, recursively.
const STACK: usize = 512 * 1024;

type Job = Box<dyn FnOnce(&Utf8Path, &Releases) + Send>;

/// The way to the thread.
#[derive(Debug, Clone)]
pub struct Disk {
    jobs: mpsc::Sender<Job>,
    unwritten: Arc<Mutex<Unwritten>>,
}

impl Disk {
    /// Starts the thread. It ends when the last way to it is gone.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(home: Utf8PathBuf, releases: Releases) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let work = move || inbox.into_iter().for_each(|job| job(&home, &releases));
        std::thread::Builder::new().name("disk".to_owned()).stack_size(STACK).spawn(work)?;
        Ok(Self { jobs, unwritten: Arc::default() })
    }

    /// Makes releases, all or none.
    ///
    /// # Errors
    /// What was tried on which path, and why it failed; nothing of them is left.
    pub async fn make(&self, orders: Vec<Order>) -> Result<Vec<Release>, ErrorBody> {
        let (answer, made) = oneshot::channel();
        self.run(Box::new(move |_, releases| {
            let made = releases.make(orders).map_err(|error| error.to_string());
            let new = made.is_ok();
            drop(answer.send(made.and_then(given)));
            // They are in the journal first, and beside it for the day on which that cannot be read.
            if new && let Err(error) = releases.settle() {
                tracing::error!("{error}");
            }
        }));
        let failed = |message: String| ErrorBody {
            kind: ErrorKind::Failed,
            message: format!("{message}. Nothing was changed"),
            hint: None,
            about: None,
        };
        match made.await {
            Ok(Ok(releases)) => Ok(releases),
            Ok(Err(message)) => Err(failed(message)),
            Err(_) => Err(Closing.into()),
        }
    }

    /// Does what nobody waits for.
    pub fn tidy(&self, errand: Errand) {
        if let Errand::Remove { app } = &errand {
            // What is written down from here on is of an app that has come back, and comes behind the removal.
            lock(&self.unwritten).records.remove(app);
        }
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
        let name = record.name().clone();
        let Some(turn) = lock(&self.unwritten).note(record) else { return };
        let unwritten = Arc::clone(&self.unwritten);
        self.run(Box::new(move |home, _| {
            let Some(record) = lock(&unwritten).take(&name, turn) else { return };
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
        drop(self.jobs.send(job));
    }
}

/// Definitions that are to be written down and have not been: of each app the newest only, with the turn of the
/// errand that writes it.
#[derive(Debug, Default)]
struct Unwritten {
    turns: u64,
    records: BTreeMap<AppName, (u64, AppRecord)>,
}

impl Unwritten {
    /// Takes note of a definition. The turn of the errand that it needs; none if one is on its way already.
    fn note(&mut self, record: AppRecord) -> Option<u64> {
        if let Some((_, waits)) = self.records.get_mut(record.name()) {
            *waits = record;
            return None;
        }
        self.turns += 1;
        self.records.insert(record.name().clone(), (self.turns, record));
        Some(self.turns)
    }

    /// What the errand of this turn is to write; none if what it was for has been removed since.
    fn take(&mut self, app: &AppName, turn: u64) -> Option<AppRecord> {
        self.records.get(app).filter(|(of, _)| *of == turn)?;
        self.records.remove(app).map(|(_, record)| record)
    }
}

fn lock(unwritten: &Mutex<Unwritten>) -> MutexGuard<'_, Unwritten> {
    unwritten.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The releases, each with its code for the user that it runs as; none of them is left if that cannot be.
fn given(made: Vec<Release>) -> Result<Vec<Release>, String> {
    match made.iter().try_for_each(ownership::give) {
        Ok(()) => Ok(made),
        Err(message) => {
            for release in &made {
                // What is left is nobody's, and swept away by the next control.
                let _ = release.code.as_ref().and_then(|code| code.parent()).map(std::fs::remove_dir_all);
            }
            Err(message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gapless_config::{Config, Start};
    use gapless_store::Wanted;

    fn record(next_release: u32) -> AppRecord {
        let words = ["sleep".to_owned(), "1".to_owned()].into();
        let start = Start { words, cwd: "/".into(), name: Some("web".into()), ..Start::default() };
        let spec = Config::from_command(&start).unwrap().apps.remove(0);
        AppRecord { spec, wanted: Wanted::Running, current: None, next_instance: 1, next_release }
    }

    fn written(home: &Utf8Path) -> Option<u32> {
        let releases = Releases::new(home.to_owned());
        let state = recall::recall(home, &releases);
        state.apps.values().next().map(|app| app.next_release)
    }

    #[tokio::test]
    async fn of_definitions_that_wait_the_newest_is_written_and_none_is_lost_behind_a_removal() {
        let directory = tempfile::tempdir().unwrap();
        let home = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        let disk = Disk::start(home.clone(), Releases::new(home.clone())).unwrap();
        // What comes now waits.
        let (go, wait) = mpsc::channel::<()>();
        disk.run(Box::new(move |_, _| {
            let _ = wait.recv();
        }));
        (1..5).for_each(|next| disk.remember(record(next)));
        assert_eq!(lock(&disk.unwritten).records.len(), 1);
        drop(go);
        disk.flush().await;
        assert_eq!(written(&home), Some(4));

        let (go, wait) = mpsc::channel::<()>();
        disk.run(Box::new(move |_, _| {
            let _ = wait.recv();
        }));
        disk.remember(record(5));
        disk.tidy(Errand::Remove { app: "web".parse().unwrap() });
        disk.remember(record(6));
        drop(go);
        disk.flush().await;
        assert_eq!(written(&home), Some(6));
    }
}

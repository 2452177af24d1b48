//! What every command is given: which installation, how to reach it, where to show things.

use crate::errors::Error;
use crate::exit::Exit;
use crate::internal;
use crate::parts::Parts;
use crate::screen::Screen;
use gapless_api::{Client, ClientError, SOCKET};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

/// How long control may take to come up.
const COMING_UP: Duration = Duration::from_secs(10);

/// From one try to the next while one control takes the place of another.
const PAUSE: Duration = Duration::from_millis(5);

/// How long somebody waits for control who could not start it.
const STRANGERS_PATIENCE: Duration = Duration::from_secs(2);

/// How long an answer is waited for after Ctrl-C.
const LAST_ANSWER: Duration = Duration::from_secs(2);

/// How many of the last lines of control's log are shown when it does not.
const LAST_WORDS: usize = 12;

/// One run of the command line.
#[derive(Debug)]
pub(crate) struct Session {
    /// `GAPLESS_HOME`, absolute.
    pub(crate) home: PathBuf,
    /// Speaks to its control.
    pub(crate) client: Client,
    /// Where to show things.
    pub(crate) screen: Screen,
    spawn_keeper: fn(&Path, &[OsString]) -> io::Result<Child>,
    interrupted: watch::Sender<bool>,
    /// Held while control is brought up, so that a hundred followers start one keeper.
    bringing_up: Mutex<()>,
}

/// What a command does where control is not running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Starts it, here and now: `up` and `start`.
    Start,
    /// Starts it if apps were ever defined here: commands that act on an app.
    Resume,
    /// Starts it only if it was killed, as seen by the socket that it left behind. After `gapless down`
    /// nothing is started just to look at it.
    Look,
}

impl Session {
    pub(crate) fn new(home: PathBuf, screen: Screen, parts: &Parts) -> Self {
        let client = Client::new(&home);
        Self {
            home,
            client,
            screen,
            spawn_keeper: parts.spawn_keeper,
            interrupted: watch::Sender::new(false),
            bringing_up: Mutex::new(()),
        }
    }

    /// Runs a command that asks for something and watches it. Ctrl-C stops the watching, whenever it comes:
    /// what was asked just before is answered in a moment, and only then can be said what goes on by itself.
    pub(crate) async fn attended(
        &self,
        command: impl Future<Output = Result<Exit, Error>>,
    ) -> Result<Exit, Error> {
        let mut interrupt = signal(SignalKind::interrupt())
            .map_err(|error| Error::failed(format!("cannot listen to Ctrl-C: {error}")))?;
        tokio::pin!(command);
        tokio::select! {
            ended = &mut command => return ended,
            _ = interrupt.recv() => self.interrupted.send_replace(true),
        };
        tokio::time::timeout(LAST_ANSWER, command).await.unwrap_or_else(|_| {
            Err(Error::Detached {
                message: "interrupted before Gapless had answered".to_owned(),
                hint: "what was asked may go on by itself: `gapless status` shows it".to_owned(),
            })
        })
    }

    /// Resolves when Ctrl-C was pressed.
    pub(crate) async fn interrupted(&self) {
        // The other end is our own.
        _ = self.interrupted.subscribe().wait_for(|it| *it).await;
    }

    /// Makes sure that control answers.
    pub(crate) async fn reach(&self, need: Need) -> Result<(), Error> {
        match self.client.reachable().await {
            Ok(()) => return Ok(()),
            // Somebody else's: nothing of ours would come of starting a keeper there.
            Err(denied) if denied.is_denied() => return Err(denied.into()),
            Err(_) => {}
        }
        let defined = self.home.join("journal.db").exists();
        let killed = defined && self.home.join(SOCKET).exists();
        let start = match need {
            Need::Start => true,
            Need::Resume => defined,
            Need::Look => killed,
        };
        if !start {
            return Err(Error::NothingHere { home: self.home.clone() });
        }
        self.bring_up().await
    }

    /// Asks control something that changes nothing, however often it dies meanwhile.
    pub(crate) async fn look<T>(
        &self,
        ask: impl AsyncFn(&Client) -> Result<T, ClientError>,
    ) -> Result<T, Error> {
        self.ask(Need::Look, ask, ClientError::may_be_another_control).await
    }

    /// Tells control to do something; once more only where it did nothing of it, as it was about to end.
    pub(crate) async fn tell<T>(
        &self,
        need: Need,
        ask: impl AsyncFn(&Client) -> Result<T, ClientError>,
    ) -> Result<T, Error> {
        self.ask(need, ask, ClientError::did_nothing).await
    }

    /// Tells control how things should be, however often it dies meanwhile: told again, what is so already stays, and
    /// what is under way is what comes of it.
    pub(crate) async fn declare<T>(
        &self,
        ask: impl AsyncFn(&Client) -> Result<T, ClientError>,
    ) -> Result<T, Error> {
        self.ask(Need::Start, ask, ClientError::may_be_another_control).await
    }

    async fn ask<T>(
        &self,
        need: Need,
        ask: impl AsyncFn(&Client) -> Result<T, ClientError>,
        again: impl Fn(&ClientError) -> bool,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + COMING_UP;
        loop {
            match ask(&self.client).await {
                Err(error) if again(&error) && Instant::now() < deadline => match error {
                    // Made sure of only now: whoever looks often should wait little.
                    ClientError::NotReachable { .. } => self.reach(need).await?,
                    _ => tokio::time::sleep(PAUSE).await,
                },
                answer => return Ok(answer?),
            }
        }
    }

    /// Waits for control to come back by itself, as its keeper sees to; starts a keeper if it does not.
    pub(crate) async fn reach_again(&self) -> Result<(), Error> {
        let _one = self.bringing_up.lock().await;
        if self.wait_reachable(Duration::from_secs(2)).await.is_ok() {
            return Ok(());
        }
        self.start_keeper().await
    }

    async fn bring_up(&self) -> Result<(), Error> {
        let _one = self.bringing_up.lock().await;
        self.start_keeper().await
    }

    async fn start_keeper(&self) -> Result<(), Error> {
        if let Some(owner) = self.stranger() {
            // It may be back in a moment by what its owner has there.
            if self.wait_reachable(STRANGERS_PATIENCE).await.is_ok() {
                return Ok(());
            }
            return Err(Error::NotOurs { home: self.home.clone(), owner });
        }
        if !crate::unit::mark::start(&self.home) {
            internal::words("keeper", &self.home)
                .and_then(|words| (self.spawn_keeper)(&self.home, &words))
                .map_err(|source| Error::NoKeeper { home: self.home.clone(), source })?;
        }
        self.wait_reachable(COMING_UP).await.map_err(|_| Error::NotUp {
            home: self.home.clone(),
            seconds: COMING_UP.as_secs(),
            log: self.last_words(),
        })
    }

    /// Whose the home is, if it is somebody else's: what that user could have put there is not to be run as ours.
    fn stranger(&self) -> Option<String> {
        let owner = std::fs::metadata(&self.home).ok()?.uid();
        (owner != rustix::process::geteuid().as_raw()).then(|| format!("the user with the uid {owner}"))
    }

    /// The end of control's log; of the keeper's, if control never came to write one.
    fn last_words(&self) -> Vec<String> {
        let of = |name: &str| last_lines(&self.home.join("logs").join(name), LAST_WORDS);
        let control = of("control.log");
        if control.is_empty() { of("keeper.log") } else { control }
    }

    async fn wait_reachable(&self, patience: Duration) -> Result<(), ClientError> {
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_millis(2);
        loop {
            match self.client.reachable().await {
                Ok(()) => return Ok(()),
                Err(e) if Instant::now() >= deadline => return Err(e),
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

/// The last lines of a file; none if it cannot be read.
fn last_lines(path: &Path, count: usize) -> Vec<String> {
    use std::io::{BufRead, BufReader, Seek, SeekFrom};
    // Enough for `count` lines of a log, however long the file has grown.
    const TAIL: u64 = 16 << 10;
    let Ok(mut file) = std::fs::File::open(path) else { return Vec::new() };
    let length = file.metadata().map_or(0, |m| m.len());
    if file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).is_err() {
        return Vec::new();
    }
    let mut last = VecDeque::new();
    for line in BufReader::new(file).split(b'\n').map_while(Result::ok) {
        last.push_back(String::from_utf8_lossy(&line).into_owned());
        if last.len() > count {
            last.pop_front();
        }
    }
    last.into()
}

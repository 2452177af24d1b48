//! Following rollouts and apps to their end, several at once, with progress on the way.

use crate::errors::Error;
use crate::exit::Exit;
use crate::progress_view::ProgressView;
use crate::render::progress::{At, Shown};
use crate::render::receipt;
use crate::session::Session;
use gapless_api::progress::Stand;
use gapless_api::request::LogLine;
use gapless_api::{ClientError, Lines, Progress, RolloutTicket};
use gapless_model::{AbortReason, AppName, Receipt, ReleaseId, RolloutId};
use serde::Serialize;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// What is followed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Subject {
    /// A rollout until it is over.
    Rollout {
        /// Its app.
        app: AppName,
        /// Its number.
        rollout: RolloutId,
        /// The release that it rolls out.
        to: ReleaseId,
    },
    /// An app until it is as it should be.
    App(AppName),
}

impl Subject {
    /// The rollout behind a ticket.
    pub(crate) fn ticket(app: &AppName, ticket: &RolloutTicket) -> Self {
        Self::Rollout { app: app.clone(), rollout: ticket.rollout, to: ticket.to }
    }

    /// Whose.
    pub(crate) const fn app(&self) -> &AppName {
        match self {
            Self::Rollout { app, .. } | Self::App(app) => app,
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "ending", rename_all = "kebab-case")]
pub(crate) enum Ending {
    /// The rollout is over.
    Ended {
        /// What it did to the traffic.
        receipt: Box<Receipt>,
        /// The last output of the instance that failed.
        last_output: Vec<LogLine>,
    },
    /// The rollout never began.
    Dropped {
        /// Why.
        message: String,
    },
    /// The app is not as it should be: an instance of it fails again and again.
    Stuck {
        /// Which, and how it failed last.
        why: AbortReason,
        /// Its last output.
        last_output: Vec<LogLine>,
    },
    /// The app is as it should be, or gone if that was asked for.
    Settled {
        /// How it stood last; none if it was settled at once.
        #[serde(skip)]
        stand: Option<Box<Stand>>,
    },
}

impl Ending {
    /// The exit code of a command that asked for this.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Ended { receipt, .. } => Exit::of(&receipt.outcome),
            Self::Dropped { .. } | Self::Stuck { .. } => Exit::Failed,
            Self::Settled { .. } => Exit::Done,
        }
    }

    /// The ending in words; nothing for an app that settled, as the command says what it did.
    pub(crate) fn text(&self, app: &AppName) -> String {
        match self {
            Self::Ended { receipt, last_output } => receipt::receipt(receipt, last_output),
            Self::Dropped { message } => receipt::dropped(app, message),
            Self::Stuck { why, last_output } => receipt::stuck(app, why, last_output),
            Self::Settled { .. } => String::new(),
        }
    }
}

/// How many are listened to at a time. Control pays for each, and whatever ends while it waits for its turn
/// is told at once when it comes.
const AT_ONCE: usize = 16;

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Progress on stderr, each ending on stdout as it comes.
    People,
    /// Nothing on the way: the command writes JSON at the end.
    Scripts,
}

impl Manner {
    /// By the option `--json`.
    pub(crate) const fn by_json(json: bool) -> Self {
        if json { Self::Scripts } else { Self::People }
    }
}

enum News {
    Heard(Progress),
    Silent,
    Over(Result<Ending, Error>),
}

/// Follows all subjects to their ends, which come in the order of the subjects. Ctrl-C stops following, and
/// nothing else.
pub(crate) async fn follow(
    session: &Rc<Session>,
    subjects: &[Subject],
    manner: Manner,
) -> Result<Vec<Ending>, Error> {
    let mut view = ProgressView::new(session.screen, manner, subjects.iter().map(shown_first).collect());
    let mut endings: Vec<Option<Ending>> = subjects.iter().map(|_| None).collect();
    let (news, mut heard) = mpsc::channel(64);
    // Dropped with this function, and every follower with it.
    let mut followers = JoinSet::new();
    let turns = Rc::new(Semaphore::new(AT_ONCE));
    for (i, subject) in subjects.iter().enumerate() {
        let (session, turns, news) = (Rc::clone(session), Rc::clone(&turns), news.clone());
        followers.spawn_local(follower(session, turns, subject.clone(), i, news));
    }
    drop(news);
    let interrupt = session.interrupted();
    tokio::pin!(interrupt);
    let mut redraw = tokio::time::interval(Duration::from_millis(120));
    loop {
        tokio::select! {
            next = heard.recv() => match next {
                Some((i, News::Heard(progress))) => view.heard(i, progress),
                Some((i, News::Silent)) => view.at(i, At::Silent),
                Some((i, News::Over(ending))) => {
                    let ending = ending?;
                    view.ended(i, &ending.text(subjects[i].app()))?;
                    endings[i] = Some(ending);
                }
                None => break,
            },
            _ = redraw.tick() => view.draw(),
            _ = &mut interrupt => {
                let left = subjects.iter().zip(&endings).filter(|(_, ending)| ending.is_none());
                return Err(detached(left.map(|(subject, _)| subject)));
            }
        }
    }
    let lost = || Error::failed("a follower ended without saying how");
    endings.into_iter().map(|ending| ending.ok_or_else(lost)).collect()
}

fn shown_first(subject: &Subject) -> Shown {
    match subject {
        Subject::Rollout { app, to, .. } => Shown { app: app.clone(), to: Some(*to), at: At::Asking },
        Subject::App(app) => Shown { app: app.clone(), to: None, at: At::Asking },
    }
}

fn detached<'a>(left: impl Iterator<Item = &'a Subject>) -> Error {
    let mut names: Vec<_> = left.map(|subject| subject.app().to_string()).collect();
    names.dedup();
    let example = names.first().map_or("APP", String::as_str);
    Error::Detached {
        message: format!("not watching any more; {} goes on by itself", names.join(", ")),
        hint: format!(
            "`gapless status {example}` shows how it stands, `gapless abort {example}` takes a rollout back"
        ),
    }
}

/// Follows one subject, over restarts of control too.
async fn follower(
    session: Rc<Session>,
    turns: Rc<Semaphore>,
    subject: Subject,
    i: usize,
    news: mpsc::Sender<(usize, News)>,
) {
    // Refused only by a semaphore that is closed, and nobody closes it.
    let _turn = turns.acquire().await;
    let ending = follow_one(&session, &subject, i, &news).await;
    // The other side is gone only when nobody wants to know any more.
    _ = news.send((i, News::Over(ending))).await;
}

async fn follow_one(
    session: &Session,
    subject: &Subject,
    i: usize,
    news: &mpsc::Sender<(usize, News)>,
) -> Result<Ending, Error> {
    let mut last = None;
    loop {
        let cut = match open(session, subject).await {
            Ok(lines) => read(lines, &mut last, i, news).await,
            Err(e) => Err(e),
        };
        match cut {
            Ok(ending) => return Ok(ending),
            // An app that was to be deleted is gone: settled as can be.
            Err(ClientError::Refused(body))
                if body.kind == gapless_api::ErrorKind::NotFound && matches!(subject, Subject::App(_)) =>
            {
                return Ok(Ending::Settled { stand: last });
            }
            Err(error) if error.may_be_another_control() => {
                _ = news.send((i, News::Silent)).await;
                session.reach_again().await?;
            }
            Err(e) => return Err(e.into()),
        }
    }
}

async fn open(session: &Session, subject: &Subject) -> Result<Lines<Progress>, ClientError> {
    match subject {
        Subject::Rollout { rollout, .. } => session.client.follow_rollout(*rollout).await,
        Subject::App(app) => session.client.follow_app(app).await,
    }
}

async fn read(
    mut lines: Lines<Progress>,
    last: &mut Option<Box<Stand>>,
    i: usize,
    news: &mpsc::Sender<(usize, News)>,
) -> Result<Ending, ClientError> {
    while let Some(progress) = lines.next().await? {
        match progress {
            Progress::Ended { receipt, last_output } => return Ok(Ending::Ended { receipt, last_output }),
            Progress::Dropped { message } => return Ok(Ending::Dropped { message }),
            Progress::Stuck { why, last_output } => return Ok(Ending::Stuck { why, last_output }),
            Progress::Settled => return Ok(Ending::Settled { stand: last.take() }),
            Progress::At(stand) => {
                *last = Some(stand.clone());
                _ = news.send((i, News::Heard(Progress::At(stand)))).await;
            }
            Progress::Queued { .. } => _ = news.send((i, News::Heard(progress))).await,
        }
    }
    // Ended without a last line: control went away in good order, and comes back.
    Err(ClientError::Broken { asked: "follow".into(), message: "it ended without a last line".into() })
}

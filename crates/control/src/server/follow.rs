//! A rollout, or an app, as it goes.

use super::Api;
use super::lines::{Lines, lines};
use crate::clock;
use crate::core::{Core, Desk};
use crate::engine::{Closed, Followed};
use axum::extract::{Path, State};
use axum::response::Response;
use gapless_api::Progress;
use gapless_api::progress::Stand;
use gapless_model::{AbortReason, AppName, InstanceId, RolloutId, WallTime};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Between two lines on the way there is at least this much time: people read them. The last comes at once.
const PACE: Duration = Duration::from_millis(50);

/// How many lines of the failed instance's output are shown.
const LAST_OUTPUT: usize = 20;

/// Lines until the rollout has ended. Who stops listening stops nothing.
pub(super) async fn rollout(State(api): State<Api>, Path(id): Path<RolloutId>) -> Response {
    let (out, response) = lines();
    tokio::spawn(follow_rollout(api, id, out));
    response
}

/// Lines until the app is as it should be.
pub(super) async fn app(State(api): State<Api>, Path(app): Path<AppName>) -> Response {
    let (out, response) = lines();
    tokio::spawn(follow_app(api, app, out));
    response
}

/// What is seen at one look.
enum Seen {
    Line(Progress),
    Last(Progress),
    /// With the instance whose failure ended it, and when the rollout began.
    Ended(Box<gapless_model::Receipt>, Option<InstanceId>, WallTime),
}

async fn follow_rollout(api: Api, id: RolloutId, out: Lines) {
    let mut desk = api.desk.clone();
    let mut told = Told::default();
    loop {
        let seen = desk.ask(move |core| match core.engine.followed(id, clock::now()) {
            Followed::Queued { behind } => Seen::Line(Progress::Queued { behind }),
            Followed::At(stand) => Seen::Line(Progress::At(stand)),
            Followed::Closed(Closed::Ended { receipt, culprit, began }) => {
                Seen::Ended(receipt.clone(), culprit.clone(), *began)
            }
            Followed::Closed(Closed::Dropped { message }) => {
                Seen::Last(Progress::Dropped { message: message.clone() })
            }
            Followed::Unknown => Seen::Last(Progress::Dropped {
                message: format!("there is no rollout {id}, or it ended long ago"),
            }),
        });
        match seen.await {
            Ok(Seen::Line(line)) => {
                if !told.tell(&out, line).await {
                    return;
                }
            }
            Ok(Seen::Last(line)) => {
                out.write(&line).await;
                return;
            }
            Ok(Seen::Ended(receipt, culprit, began)) => {
                let last_output = match culprit {
                    Some(instance) => super::logs::last_of(&api, instance, began, LAST_OUTPUT).await,
                    None => Vec::new(),
                };
                out.write(&Progress::Ended { receipt, last_output }).await;
                return;
            }
            Err(_) => return,
        }
        if !told.next(&mut desk, &out).await {
            return;
        }
    }
}

async fn follow_app(api: Api, app: AppName, out: Lines) {
    let mut desk = api.desk.clone();
    let mut told = Told::default();
    loop {
        let name = app.clone();
        let look = move |core: &mut Core| {
            let now = clock::now();
            (core.engine.settling(&name, now), core.engine.stuck(&name, now))
        };
        match desk.ask(look).await {
            Ok((Some(_), Some(why))) => {
                let last_output = match &why {
                    AbortReason::InstanceFailed { instance, .. } => {
                        super::logs::last_of(&api, instance.clone(), WallTime::default(), LAST_OUTPUT).await
                    }
                    _ => Vec::new(),
                };
                out.write(&Progress::Stuck { why, last_output }).await;
                return;
            }
            Ok((Some(stand), None)) => {
                if !told.tell(&out, Progress::At(Box::new(stand))).await {
                    return;
                }
            }
            Ok((None, _)) => {
                out.write(&Progress::Settled).await;
                return;
            }
            Err(_) => return,
        }
        if !told.next(&mut desk, &out).await {
            return;
        }
    }
}

/// What was told on the way.
#[derive(Default)]
struct Told {
    last: Option<Progress>,
    at: Option<Instant>,
    /// There is more to tell, once the last line has been there for a moment.
    more: bool,
}

impl Told {
    /// Writes a line unless it says the same as the last, the time that is left aside, or comes too soon.
    /// False if nobody reads any more.
    async fn tell(&mut self, out: &Lines, line: Progress) -> bool {
        let bare = without_time(line.clone());
        self.more = false;
        if self.last.as_ref() == Some(&bare) {
            return true;
        }
        if self.at.is_some_and(|at| at.elapsed() < PACE) {
            self.more = true;
            return true;
        }
        self.last = Some(bare);
        self.at = Some(Instant::now());
        out.write(&line).await
    }

    /// Waits until something has changed, or what came too soon may be told. False if nobody listens any more,
    /// or control ends.
    async fn next(&self, desk: &mut Desk, out: &Lines) -> bool {
        let due = self.at.filter(|_| self.more).map(|at| at + PACE);
        let due = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = desk.changed() => changed.is_ok(),
            () = due => true,
            () = out.closed() => false,
        }
    }
}

fn without_time(mut line: Progress) -> Progress {
    if let Progress::At(stand) = &mut line {
        let Stand { waiting, .. } = &mut **stand;
        waiting.iter_mut().for_each(|w| w.remaining_ms = None);
    }
    line
}

//! A rollout, or an app, as it goes.

use super::Api;
use super::lines::{Lines, lines};
use crate::clock;
use crate::core::Core;
use crate::engine::{Closed, Followed};
use axum::extract::{Path, State};
use axum::response::Response;
use gapless_api::Progress;
use gapless_api::progress::Stand;
use gapless_model::{AbortReason, AppName, InstanceId, RolloutId, WallTime};
use std::time::Duration;

/// Between two lines there is at least this much time: people read them.
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
    let mut last = None;
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
                if !write_if_new(&out, &mut last, line).await {
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
        if !next(&mut desk, &out).await {
            return;
        }
    }
}

async fn follow_app(api: Api, app: AppName, out: Lines) {
    let mut desk = api.desk.clone();
    let mut last = None;
    loop {
        let name = app.clone();
        let look =
            move |core: &mut Core| (core.engine.settling(&name, clock::now()), core.engine.stuck(&name));
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
                if !write_if_new(&out, &mut last, Progress::At(Box::new(stand))).await {
                    return;
                }
            }
            Ok((None, _)) => {
                out.write(&Progress::Settled).await;
                return;
            }
            Err(_) => return,
        }
        if !next(&mut desk, &out).await {
            return;
        }
    }
}

/// Writes a line unless it says the same as the last, the time that is left aside.
async fn write_if_new(out: &Lines, last: &mut Option<Progress>, line: Progress) -> bool {
    let bare = without_time(line.clone());
    if last.as_ref() == Some(&bare) {
        return true;
    }
    *last = Some(bare);
    out.write(&line).await
}

fn without_time(mut line: Progress) -> Progress {
    if let Progress::At(stand) = &mut line {
        let Stand { waiting, .. } = &mut **stand;
        waiting.iter_mut().for_each(|w| w.remaining_ms = None);
    }
    line
}

/// Waits until something has changed. False if nobody listens any more, or control ends.
async fn next(desk: &mut crate::core::Desk, out: &Lines) -> bool {
    tokio::time::sleep(PACE).await;
    tokio::select! {
        changed = desk.changed() => changed.is_ok(),
        () = out.closed() => false,
    }
}

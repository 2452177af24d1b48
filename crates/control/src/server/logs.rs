//! What apps have written.

use super::Api;
use super::answer::Failed;
use super::lines::{Lines, lines};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use gapless_api::request::LogLine;
use gapless_api::{ErrorBody, ErrorKind};
use gapless_logs::{Line, LogError, Selection, Tail};
use gapless_model::{AppName, InstanceId, WallTime};
use serde::Deserialize;
use std::time::Duration;

/// How many lines are read at a time.
const BATCH: usize = 500;

/// How long an error message waits for the last words of the instance that it is about.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Which lines are wanted.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    lines: Option<usize>,
    #[serde(default)]
    follow: bool,
    /// `out`, `err` or `out,err`.
    stream: Option<String>,
    instance: Option<InstanceId>,
}

pub(super) async fn logs(
    State(api): State<Api>,
    Path(app): Path<AppName>,
    Query(which): Query<Which>,
) -> Result<Response, Failed> {
    let directory = api.home.join("logs");
    let name = app.clone();
    let written = api.desk.ask(move |core| {
        // The logs of a deleted app stay, and can be read.
        if !directory.join(name.as_str()).exists() {
            core.engine.known(&name)?;
        }
        Ok::<_, ErrorBody>(core.local.written())
    });
    let written = written.await??;
    let wants = |stream: &str| which.stream.as_deref().is_none_or(|s| s.split(',').any(|w| w == stream));
    let selection = Selection { instance: which.instance, out: wants("out"), err: wants("err") };
    let count = which.lines.unwrap_or(50);
    let tail = read(api.home.join("logs"), app, selection, count).await?;
    let (out, response) = lines();
    tokio::spawn(pump(tail, out, which.follow.then_some(written)));
    Ok(response)
}

/// The last lines of one instance, those included that it has only just written. None from before `since`: an
/// app that was deleted and came back has had instances of the same names, and its logs stay.
pub(super) async fn last_of(api: &Api, instance: InstanceId, since: WallTime, count: usize) -> Vec<LogLine> {
    let id = instance.clone();
    if let Ok(settled) = api.desk.ask(move |core| core.local.caught_up(&id)).await {
        // A stuck disk never settles; then what is there will do.
        drop(tokio::time::timeout(LAST_WORDS, settled).await);
    }
    let app = instance.app().clone();
    let Ok(tail) = read(api.home.join("logs"), app, Selection::of(instance), count).await else {
        return Vec::new();
    };
    let Ok((_, lines)) = poll(tail, count).await else { return Vec::new() };
    lines.into_iter().map(shown).filter(|line| line.at >= since).collect()
}

async fn pump(mut tail: Tail, out: Lines, mut follow: Option<tokio::sync::watch::Receiver<u64>>) {
    loop {
        if let Some(written) = &mut follow {
            // Before reading: what is written while we read is not missed.
            written.mark_unchanged();
        }
        loop {
            let lines;
            (tail, lines) = match poll(tail, BATCH).await {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!("{error}");
                    return;
                }
            };
            if lines.is_empty() {
                break;
            }
            for line in lines {
                if !out.write(&shown(line)).await {
                    return;
                }
            }
        }
        let Some(written) = &mut follow else { return };
        tokio::select! {
            changed = written.changed() => if changed.is_err() { return },
            () = out.closed() => return,
        }
    }
}

/// Opens the logs where the disk may be waited for.
async fn read(
    directory: camino::Utf8PathBuf,
    app: AppName,
    selection: Selection,
    count: usize,
) -> Result<Tail, Failed> {
    let opened = tokio::task::spawn_blocking(move || Tail::open(&directory, &app, &selection, count)).await;
    let failed =
        |message: String| Failed(ErrorBody { kind: ErrorKind::Failed, message, hint: None, about: None });
    opened.map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))
}

async fn poll(mut tail: Tail, at_most: usize) -> Result<(Tail, Vec<Line>), LogError> {
    let polled = tokio::task::spawn_blocking(move || {
        let lines = tail.poll(at_most);
        lines.map(|lines| (tail, lines))
    });
    polled.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn shown(line: Line) -> LogLine {
    LogLine {
        at: line.at,
        instance: line.instance,
        err: line.err,
        text: String::from_utf8_lossy(&line.bytes).into_owned(),
    }
}

//! `gapless down`: stops every app and Gapless itself, and returns when all of it is gone.

use crate::errors::Error;
use crate::exit::Exit;
use crate::follow::Manner;
use crate::ours::Ours;
use crate::progress_view::ProgressView;
use crate::render::paint;
use crate::render::progress::{At, Shown};
use crate::screen;
use crate::session::Session;
use gapless_api::progress::Stand;
use gapless_api::status::AppStatus;
use gapless_api::{ClientError, Status};
use std::fs::File;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How long the keeper may take to end once control has, and each of ours once it has let go of everything.
const ENDS: Duration = Duration::from_secs(10);

/// Where progress is written line by line, what is over sooner is not worth two lines for each app.
const WORTH_LINES: Duration = Duration::from_secs(1);

pub(crate) async fn run(session: &Session, args: Args) -> Result<Exit, Error> {
    let before = match session.look(async |client| client.status().await).await {
        Ok(status) => status,
        Err(Error::NothingHere { .. }) => return say(args.json, "nothing runs here", 0),
        Err(e) => return Err(e),
    };
    down(session, &before, Manner::by_json(args.json)).await?;
    say(args.json, "Gapless is down; `gapless up` starts everything again", before.apps.len())
}

fn say(json: bool, message: &str, apps: usize) -> Result<Exit, Error> {
    if json {
        screen::json(&serde_json::json!({ "message": message, "apps": apps }))?;
    } else {
        screen::out(&format!("{} {message}\n", paint::good("✓")))?;
    }
    Ok(Exit::Done)
}

/// Brings everything down, with progress; `before` is how things stood.
pub(crate) async fn down(session: &Session, before: &Status, manner: Manner) -> Result<(), Error> {
    let shown = before.apps.iter().map(|app| Shown { app: app.name.clone(), to: None, at: At::Asking });
    let mut view = ProgressView::new(session.screen, manner, shown.collect());
    let ours = Ours::of(&before.gapless);
    let client = session.client.clone();
    let asked = async move { client.down().await };
    tokio::pin!(asked);
    let mut answered = false;
    let began = Instant::now();
    let mut look = tokio::time::interval(Duration::from_millis(50));
    loop {
        tokio::select! {
            done = &mut asked, if !answered => {
                answered = true;
                match done {
                    // A control that is gone before its answer was read did what it was asked.
                    Ok(_) | Err(ClientError::Broken { .. }) => {}
                    Err(e) => return Err(e.into()),
                }
            }
            _ = look.tick() => match session.client.status().await {
                Ok(now) if session.screen.live || began.elapsed() > WORTH_LINES => show(&mut view, before, &now),
                Ok(_) => {}
                Err(ClientError::NotReachable { .. }) if answered => break,
                // It is on its way out, and the next look finds it gone.
                Err(_) => {}
            },
        }
    }
    drop(view);
    keeper_gone(session).await?;
    let log = session.home.join("logs");
    ours.gone(ENDS).await.map_err(|pid| {
        Error::failed(format!("the apps are stopped, but process {pid} of Gapless has not ended"))
            .hint(format!("see the logs in {}", log.display()))
    })
}

fn show(view: &mut ProgressView, before: &Status, now: &Status) {
    for (i, was) in before.apps.iter().enumerate() {
        if let Some(app) = now.apps.iter().find(|app| app.name == was.name) {
            view.at(i, At::Stand(Box::new(stand(app))));
        }
    }
    view.draw();
}

/// An app's status in the shape of progress.
fn stand(app: &AppStatus) -> Stand {
    Stand {
        phase: None,
        ready: app.release.map(|release| (release, app.ready)).into_iter().collect(),
        wanted: app.wanted,
        split: app.split.clone(),
        waiting: app.waiting.clone(),
        instances: app.instances.iter().map(|i| (i.id.clone(), i.release, i.state.clone())).collect(),
        served: 0,
        failed: 0,
    }
}

/// Waits until nobody holds the home any more, so that it can be removed or started again at once.
pub(super) async fn keeper_gone(session: &Session) -> Result<(), Error> {
    let Ok(lock) = File::open(session.home.join("keeper.lock")) else { return Ok(()) };
    let deadline = Instant::now() + ENDS;
    while lock.try_lock_shared().is_err() {
        if Instant::now() >= deadline {
            return Err(Error::failed("the apps are stopped, but the keeper has not ended")
                .hint(format!("see {}", session.home.join("logs/keeper.log").display())));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

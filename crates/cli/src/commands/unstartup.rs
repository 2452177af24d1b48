//! `gapless unstartup`: takes back what `startup` did. What runs goes on, under a keeper of Gapless's own.

use super::startup::Which;
use crate::errors::Error;
use crate::exit::Exit;
use crate::render::paint;
use crate::screen;
use crate::session::{Need, Session};
use crate::unit::mark::Mark;
use crate::unit::place::{self, Former};
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
}

/// How long control may take to make room.
const ENDS: Duration = Duration::from_secs(10);

pub(crate) async fn run(session: &Session, args: Args) -> Result<Exit, Error> {
    let Args { which } = args;
    let (path, manager, name) = (which.path()?, which.manager(), which.unit());
    match place::former(&path).map_err(|e| which.denied("read", &path, &e, "unstartup"))? {
        Former::Ours(_) => {}
        Former::None => {
            screen::out(&format!("{} there is no {}\n", paint::good("✓"), path.display()))?;
            return Ok(Exit::Done);
        }
        Former::Strange => {
            return Err(Error::failed(format!(
                "{} was not written by `gapless startup`. Nothing was changed",
                path.display()
            )));
        }
    }
    // Where it cannot be removed nothing else is done.
    let aside = path.with_extension("service.removed");
    std::fs::rename(&path, &aside)
        .and_then(|()| std::fs::rename(&aside, &path))
        .map_err(|e| which.denied("remove", &path, &e, "unstartup"))?;
    let tells = which.tells();
    let active = tells && manager.agrees(&["is-active", "--quiet", &name]);
    if active {
        leave(session, &which).await?;
    }
    if tells {
        manager.does(&["disable", &name])?;
    }
    std::fs::remove_file(&path).map_err(|e| which.denied("remove", &path, &e, "unstartup"))?;
    if tells {
        manager.does(&["daemon-reload"])?;
    }
    if !which.is_a_file_only() {
        // It may never have been there.
        drop(Mark { manager, unit: name }.remove(&session.home));
    }
    let mut text = format!("{} {} is removed\n", paint::good("✓"), path.display());
    if active {
        session.reach(Need::Start).await?;
        text.push_str("  what ran goes on, under a keeper of Gapless's own; `gapless down` ends it\n");
    }
    screen::out(&text)?;
    Ok(Exit::Done)
}

/// Has control end, and nothing else with it.
async fn leave(session: &Session, which: &Which) -> Result<(), Error> {
    let control = session.client.status().await?.gapless.control_pid;
    let pid = i32::try_from(control).ok().and_then(Pid::from_raw);
    let told = pid.map(|pid| kill_process(pid, Signal::TERM));
    if let Some(Err(error)) = told {
        return Err(Error::failed(format!("control (pid {control}) cannot be told to make room: {error}")));
    }
    let name = which.unit();
    let until = Instant::now() + ENDS;
    while which.manager().agrees(&["is-active", "--quiet", &name]) {
        if Instant::now() >= until {
            return Err(Error::failed(format!("{name} did not end within {ENDS:?}")));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

//! `gapless run`: Gapless in the foreground, as a container's process or in a terminal.

use super::up;
use super::watched::Watch;
use crate::config_file::{ConfigFile, request};
use crate::errors::Error;
use crate::exit::Exit;
use crate::foreground::orphans;
use crate::foreground::output::Output;
use crate::foreground::signals::{Signals, Wish};
use crate::screen;
use crate::session::{Need, Session};
use camino::Utf8PathBuf;
use gapless_api::request::{HaltAnswer, HaltRequest};
use gapless_api::{ClientError, SOCKET};
use gapless_config::Config;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, interval};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "SIGTERM, SIGINT or SIGQUIT drain and end; once more: hurry; a third time: at once. SIGHUP applies \
    the file again. Exit codes: 0 everything ended by itself, 1 something was cut off by the drain timeout or nothing \
    came up, 2 bad usage or config, 4 control could not be brought up."
)]
pub(crate) struct Args {
    /// The file [default: gapless.toml if there is one, else what ran here before]
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    file: Option<Utf8PathBuf>,
    /// Only these apps of the file
    #[arg(value_name = "APP")]
    apps: Vec<String>,
    /// How long everything may take to finish on SIGTERM; less than whoever sends it waits before SIGKILL
    #[arg(long, value_name = "TIME", default_value = "25s", value_parser = gapless_config::duration)]
    drain_timeout: Duration,
    /// Do not show the apps' output; `gapless logs` does
    #[arg(long)]
    no_logs: bool,
}

/// How often it is looked whether Gapless is there.
const LOOK: Duration = Duration::from_secs(1);

/// How long everything may take once somebody is in a hurry.
const HURRY: Duration = Duration::from_secs(2);

/// How long the last lines may take to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

pub(crate) async fn run(session: &Rc<Session>, args: Args) -> Result<Exit, Error> {
    let source = Source::of(session, &args)?;
    let mut signals = Signals::take()?;
    orphans::adopt()?;
    session.reach(Need::Start).await?;
    let output = (!args.no_logs).then(|| Output::begin(session)).transpose();
    let output = output.map_err(|error| Error::failed(format!("cannot show the apps' output: {error}")))?;
    let ended = stay(session, &source, &mut signals, args.drain_timeout).await;
    if let Some(output) = output {
        output.end(LAST_LINES).await;
    }
    ended
}

/// What is to run.
#[derive(Debug)]
enum Source {
    /// What a file says, of these apps.
    File { file: ConfigFile, apps: Vec<String> },
    /// What should run as far as the journal knows.
    Journal,
}

impl Source {
    fn of(session: &Session, args: &Args) -> Result<Self, Error> {
        let path = args.file.clone().unwrap_or_else(|| gapless_config::FILE.into());
        if args.file.is_none() && !path.exists() && session.home.join("journal.db").exists() {
            if args.apps.is_empty() {
                return Ok(Self::Journal);
            }
            return Err(Error::usage(
                "apps can be chosen only from a file, and there is no gapless.toml here",
            )
            .hint("name the file with `-f FILE`, or no app"));
        }
        let this = Self::File { file: ConfigFile { path }, apps: args.apps.clone() };
        // A mistake in it is said before anything is started.
        this.read()?;
        Ok(this)
    }

    fn read(&self) -> Result<Option<Config>, Error> {
        let Self::File { file, apps } = self else { return Ok(None) };
        let config = file.load()?;
        config.select(apps).map_err(Error::config)?;
        Ok(Some(config))
    }

    /// Makes what runs what it says, and waits until it is so.
    async fn bring_up(&self, session: &Rc<Session>) -> Result<Exit, Error> {
        let (Some(config), Self::File { apps, .. }) = (self.read()?, self) else { return Ok(Exit::Done) };
        let wanted = config.select(apps).map_err(Error::config)?;
        up::apply(session, &request(&config, wanted), &config.places, Watch::default()).await
    }
}

/// Brings everything up and stays until it is down again.
async fn stay(
    session: &Rc<Session>,
    source: &Source,
    signals: &mut Signals,
    within: Duration,
) -> Result<Exit, Error> {
    let came_up = tokio::select! {
        came_up = source.bring_up(session) => came_up,
        () = signals.end() => return drain(session, signals, within).await,
    };
    match came_up {
        Ok(Exit::Done) => {}
        // Some of it serves, and goes on: what failed was said, and is tried on.
        Ok(_) if serves(session).await => {}
        failed => {
            drain(session, signals, within).await?;
            return failed;
        }
    }
    let mut look = interval(LOOK);
    loop {
        let wish = tokio::select! {
            wish = signals.next() => Some(wish),
            _ = look.tick() => None,
        };
        match wish {
            Some(Wish::End) => return drain(session, signals, within).await,
            Some(Wish::Reload) => {
                if let Some(ended) = reload(session, source, signals, within).await? {
                    return Ok(ended);
                }
            }
            None => {}
        }
        if is_down(session).await? {
            return Ok(Exit::Done);
        }
    }
}

/// Applies the file again. That it is wrong is said, and what runs goes on. How all ended, if we were told to
/// meanwhile.
async fn reload(
    session: &Rc<Session>,
    source: &Source,
    signals: &mut Signals,
    within: Duration,
) -> Result<Option<Exit>, Error> {
    tokio::select! {
        came_up = source.bring_up(session) => {
            if let Err(error) = came_up {
                screen::err(&error.render());
            }
            Ok(None)
        }
        () = signals.end() => drain(session, signals, within).await.map(Some),
    }
}

/// Whether anything that should serve does.
async fn serves(session: &Session) -> bool {
    session.client.status().await.is_ok_and(|status| status.apps.iter().any(|app| app.ready > 0))
}

/// Whether somebody has taken Gapless down. If it has died it is brought back.
async fn is_down(session: &Session) -> Result<bool, Error> {
    if session.client.reachable().await.is_ok() {
        return Ok(false);
    }
    // Who goes down takes the socket along; who dies leaves it.
    if !session.home.join(SOCKET).exists() {
        return Ok(true);
    }
    session.reach_again().await.map(|()| false)
}

/// Ends everything, and Gapless with it; what should run is wanted still.
async fn drain(session: &Rc<Session>, signals: &mut Signals, within: Duration) -> Result<Exit, Error> {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    screen::err(&format!(
        "draining: what has begun may take {}s; once more to hurry\n",
        within.as_secs_f32()
    ));
    let began = Instant::now();
    let halt = |within| async move { session.client.halt(HaltRequest { within_ms: millis(within) }).await };
    let asked = halt(within);
    tokio::pin!(asked);
    let mut hurries = 0_u32;
    let answer = loop {
        tokio::select! {
            answer = &mut asked => break answer,
            () = signals.end() => {
                hurries += 1;
                let client = session.client.clone();
                let within_ms = if hurries == 1 { millis(HURRY) } else { 0 };
                screen::err("hurrying\n");
                // The first one that asked has the answer.
                tokio::task::spawn_local(async move { drop(client.halt(HaltRequest { within_ms }).await) });
            }
        }
    };
    let answer = match answer {
        Ok(answer) => answer,
        // It may be gone before its answer was read, and has done what it was asked; or it was killed meanwhile.
        Err(ClientError::Broken { .. } | ClientError::NotReachable { .. }) => {
            if !is_down(session).await? {
                halt(within.saturating_sub(began.elapsed())).await?
            } else {
                HaltAnswer { clients_cut: began.elapsed() >= within, killed: 0 }
            }
        }
        Err(error) => return Err(error.into()),
    };
    super::down::keeper_gone(session).await?;
    Ok(said(answer, began.elapsed()))
}

/// Says how it ended.
fn said(answer: HaltAnswer, took: Duration) -> Exit {
    let HaltAnswer { clients_cut, killed } = answer;
    let took = took.as_secs_f32();
    if !clients_cut && killed == 0 {
        screen::err(&format!("everything has ended by itself, in {took:.1}s\n"));
        return Exit::Done;
    }
    let clients = if clients_cut { "; clients were cut off in the middle of something" } else { "" };
    let instances = if killed > 0 { format!("; {killed} instances were killed") } else { String::new() };
    screen::err(&format!("everything has ended, in {took:.1}s: not all of it in time{clients}{instances}\n"));
    Exit::Failed
}

//! What all commands have in common that begin something and watch it end.

use crate::errors::Error;
use crate::exit::Exit;
use crate::follow::{Ending, Manner, Subject, follow};
use crate::render::{apply, paint};
use crate::screen;
use crate::session::{Need, Session};
use gapless_api::RolloutTicket;
use gapless_api::client::Act;
use gapless_model::{AbortReason, AppName, Outcome};
use serde::Serialize;
use std::rc::Rc;

/// How the end is waited for.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Watch {
    /// Return at once; it goes on by itself
    #[arg(long)]
    pub(crate) detach: bool,
    /// Show no progress, and how it ended as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// One app in the JSON of a command that watched.
#[derive(Debug, Serialize)]
struct Ended<'a> {
    app: &'a AppName,
    #[serde(flatten)]
    ending: &'a Ending,
}

/// Writes how apps ended, for scripts: `{"apps": [{"app": …, "ending": …}]}`.
pub(crate) fn endings_json(subjects: &[Subject], endings: &[Ending]) -> Result<(), Error> {
    let apps: Vec<_> =
        subjects.iter().zip(endings).map(|(s, ending)| Ended { app: s.app(), ending }).collect();
    screen::json(&serde_json::json!({ "apps": apps }))
}

/// Watches rollouts that were begun to their ends.
pub(crate) async fn rollouts(
    session: &Rc<Session>,
    tickets: Vec<(AppName, RolloutTicket)>,
    watch: Watch,
) -> Result<Exit, Error> {
    if watch.detach && watch.json {
        let rows = tickets.iter().map(|(app, ticket)| serde_json::json!({ "app": app, "ticket": ticket }));
        screen::json(&serde_json::json!({ "apps": rows.collect::<Vec<_>>() }))?;
        return Ok(Exit::Done);
    }
    for (app, ticket) in &tickets {
        let text = apply::rollout(app, ticket, &[]);
        if watch.detach {
            screen::out(&text)?;
        } else if !watch.json && apply::is_news(ticket) {
            screen::err(&text);
        }
    }
    if watch.detach {
        return Ok(Exit::Done);
    }
    let subjects: Vec<_> = tickets.iter().map(|(app, ticket)| Subject::ticket(app, ticket)).collect();
    let endings = follow(session, &subjects, Manner::by_json(watch.json)).await?;
    if watch.json {
        endings_json(&subjects, &endings)?;
    }
    let exit = |((_, ticket), ending): (&(AppName, RolloutTicket), &Ending)| match ending {
        // That is what was wanted.
        Ending::Ended { receipt, .. } if ticket.back && receipt.outcome == TAKEN_BACK => Exit::Done,
        ending => ending.exit(),
    };
    Ok(tickets.iter().zip(&endings).map(exit).fold(Exit::Done, Exit::and))
}

/// How a rollout ends that the user takes back.
const TAKEN_BACK: Outcome = Outcome::Aborted { why: AbortReason::Asked };

/// Something that was begun with an app.
#[derive(Debug)]
pub(crate) struct Begun {
    /// Which app.
    pub(crate) app: AppName,
    /// Control's words: what goes on.
    pub(crate) said: String,
    /// What is so when it has settled, after the app's name.
    pub(crate) done: String,
}

/// Watches apps until each is as it should be.
pub(crate) async fn settled(session: &Rc<Session>, begun: Vec<Begun>, watch: Watch) -> Result<Exit, Error> {
    if watch.detach {
        for Begun { app, said, .. } in &begun {
            if watch.json {
                screen::json(&serde_json::json!({ "app": app, "message": said }))?;
            } else {
                screen::out(&format!("{} {said}\n", paint::good("✓")))?;
            }
        }
        return Ok(Exit::Done);
    }
    let subjects: Vec<_> = begun.iter().map(|begun| Subject::App(begun.app.clone())).collect();
    let endings = follow(session, &subjects, Manner::by_json(watch.json)).await?;
    let exit = endings.iter().map(Ending::exit).fold(Exit::Done, Exit::and);
    if watch.json {
        endings_json(&subjects, &endings)?;
        return Ok(exit);
    }
    for (Begun { app, done, .. }, ending) in begun.iter().zip(&endings) {
        // What did not come to be so was said when it was known.
        if matches!(ending, Ending::Settled { .. }) {
            screen::out(&format!("{} {}  {done}\n", paint::good("✓"), paint::bold(app)))?;
        }
    }
    Ok(exit)
}

/// Does something to an app that has no end to watch, and says what control said.
pub(crate) async fn act_once(session: &Session, app: &AppName, act: Act, json: bool) -> Result<Exit, Error> {
    let done = session.tell(Need::Resume, async |client| client.act(app, act).await).await?;
    if json {
        screen::json(&done)?;
    } else {
        screen::out(&format!("{} {}\n", paint::good("✓"), done.message))?;
    }
    Ok(Exit::Done)
}

/// Does something to each of several apps and watches all of them settle.
pub(crate) async fn act_and_settle(
    session: &Rc<Session>,
    apps: Vec<AppName>,
    act: Act,
    watch: Watch,
) -> Result<Exit, Error> {
    let mut begun = Vec::new();
    for app in apps {
        let said = session.tell(Need::Resume, async |client| client.act(&app, act).await).await?.message;
        begun.push(Begun { app, said, done: done(act).into() });
    }
    settled(session, begun, watch).await
}

/// What is so when an app has settled after an act.
const fn done(act: Act) -> &'static str {
    match act {
        Act::Restart => "is restarted",
        Act::Stop => "is stopped",
        Act::Start => "is started",
        Act::Abort => "is back on the old release",
        Act::Pause => "is paused",
        Act::Resume => "goes on",
        Act::Promote => "is promoted",
    }
}

//! `gapless up`: makes what runs what the file says.

use super::watched::{self, Watch};
use crate::config_file::ConfigFile;
use crate::errors::Error;
use crate::exit::Exit;
use crate::follow::{Ending, Manner, Subject, follow};
use crate::render::apply;
use crate::screen;
use crate::session::Session;
use gapless_api::{Applied, ApplyRequest, ApplyResult};
use gapless_config::Places;
use gapless_model::AppName;
use std::rc::Rc;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// Only these apps of the file
    #[arg(value_name = "APP")]
    apps: Vec<String>,
    #[command(flatten)]
    watch: Watch,
}

pub(crate) async fn run(session: &Rc<Session>, args: Args) -> Result<Exit, Error> {
    let config = args.file.load()?;
    let apps = config.select(&args.apps).map_err(Error::config)?;
    let request = crate::config_file::request(&config, apps);
    apply(session, &request, &config.places, args.watch).await
}

/// Asks control to make apps so, and watches all that follows from it. `places` is where they were read.
pub(crate) async fn apply(
    session: &Rc<Session>,
    request: &ApplyRequest,
    places: &Places,
    watch: Watch,
) -> Result<Exit, Error> {
    let applied = session.declare(async |client| client.apply(request).await).await;
    let result = applied.map_err(|error| error.applying(places))?;
    screen::err(&apply::warnings(&result));
    if watch.detach {
        if watch.json {
            screen::json(&result)?
        } else {
            screen::out(&apply::applied(&result))?
        }
        return Ok(Exit::Done);
    }
    let watched: Vec<(AppName, Applied)> =
        result.apps.iter().filter(|(_, applied)| *applied != Applied::Unchanged).cloned().collect();
    if !watch.json {
        screen::err(&apply::begins(&result));
    }
    let subjects: Vec<_> = watched.iter().map(|(app, applied)| subject(app, applied)).collect();
    let endings = follow(session, &subjects, Manner::by_json(watch.json)).await?;
    if watch.json {
        watched::endings_json(&subjects, &endings)?;
    } else {
        screen::out(&settled(&watched, &endings, &result))?;
    }
    Ok(endings.iter().map(Ending::exit).fold(Exit::Done, Exit::and))
}

fn subject(app: &AppName, applied: &Applied) -> Subject {
    match applied {
        Applied::Rollout { ticket, .. } => Subject::ticket(app, ticket),
        Applied::Unchanged | Applied::Settings { .. } | Applied::Started => Subject::App(app.clone()),
    }
}

/// What is left to say at the end: receipts were written as they came.
fn settled(watched: &[(AppName, Applied)], endings: &[Ending], result: &ApplyResult) -> String {
    if watched.is_empty() {
        return apply::nothing_changed(result);
    }
    let settled = watched.iter().zip(endings).filter(|(_, ending)| matches!(ending, Ending::Settled { .. }));
    settled.map(|((app, applied), _)| apply::done(app, applied)).collect()
}

//! `gapless status`: what runs.

use crate::errors::Error;
use crate::exit::Exit;
use crate::render;
use crate::screen;
use crate::session::Session;
use gapless_api::Status;
use gapless_model::AppName;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this app, with its instances
    app: Option<AppName>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(session: &Session, args: Args) -> Result<Exit, Error> {
    let mut status = session.look(async |client| client.status().await).await?;
    if let Some(name) = &args.app {
        if !status.apps.iter().any(|app| app.name == *name) {
            return Err(unknown(name, &status));
        }
        status.apps.retain(|app| app.name == *name);
    }
    if args.json {
        screen::json(&status)?;
    } else if args.app.is_some() {
        let apps: String = status.apps.iter().map(render::app::app).collect();
        screen::out(&(render::status::troubles(&status) + &apps))?;
    } else {
        screen::out(&render::status::status(&status))?;
    }
    Ok(Exit::Done)
}

/// There is no such app; the nearest name, or all of them.
fn unknown(name: &AppName, status: &Status) -> Error {
    let names: Vec<_> = status.apps.iter().map(|app| app.name.as_str()).collect();
    let distance = |other: &str| strsim::osa_distance(other, name.as_str());
    let near = names.iter().min_by_key(|other| distance(other));
    let error = Error::usage(format!("there is no app {name}"));
    match near {
        Some(near) if distance(near) <= 1 + near.len() / 4 => error.hint(format!("did you mean {near}?")),
        Some(_) => error.hint(format!("there are: {}", names.join(", "))),
        None => error.hint("no apps are defined yet"),
    }
}

//! `gapless releases`: what is kept of an app.

use crate::errors::Error;
use crate::exit::Exit;
use crate::render;
use crate::screen;
use crate::session::Session;
use gapless_model::AppName;
use jiff::tz::TimeZone;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app
    app: AppName,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(session: &Session, args: Args) -> Result<Exit, Error> {
    let rows = session.look(async |client| client.releases(&args.app).await).await?;
    if args.json {
        screen::json(&rows)?;
    } else {
        screen::out(&render::releases::releases(&rows, &TimeZone::system()))?;
    }
    Ok(Exit::Done)
}

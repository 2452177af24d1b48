//! `gapless history`: what happened, the newest last.

use crate::errors::Error;
use crate::exit::Exit;
use crate::render;
use crate::screen;
use crate::session::Session;
use gapless_model::AppName;
use jiff::tz::TimeZone;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only what concerns this app
    app: Option<AppName>,
    /// How many of the last events
    #[arg(short = 'n', long, default_value_t = 50)]
    lines: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(session: &Session, args: Args) -> Result<Exit, Error> {
    let mut events = session.look(async |client| client.history(args.app.as_ref(), args.lines).await).await?;
    events.reverse();
    if args.json {
        screen::json(&events)?;
    } else {
        screen::out(&render::history::history(&events, &TimeZone::system()))?;
    }
    Ok(Exit::Done)
}

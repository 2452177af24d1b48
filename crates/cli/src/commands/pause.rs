//! `gapless pause`: holds a rollout where it is.

use super::watched;
use crate::errors::Error;
use crate::exit::Exit;
use crate::session::Session;
use gapless_api::client::Act;
use gapless_model::AppName;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app
    app: AppName,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(session: &Session, args: Args) -> Result<Exit, Error> {
    watched::act_once(session, &args.app, Act::Pause, args.json).await
}

//! `gapless restart`: stops instances and starts them again, with the gap that this leaves.

use super::watched::{self, Watch};
use crate::errors::Error;
use crate::exit::Exit;
use crate::session::Session;
use gapless_api::client::Act;
use gapless_model::AppName;
use std::rc::Rc;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The apps
    #[arg(required = true, value_name = "APP")]
    apps: Vec<AppName>,
    #[command(flatten)]
    watch: Watch,
}

pub(crate) async fn run(session: &Rc<Session>, args: Args) -> Result<Exit, Error> {
    watched::act_and_settle(session, args.apps, Act::Restart, args.watch).await
}

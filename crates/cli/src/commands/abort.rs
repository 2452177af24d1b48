//! `gapless abort`: takes a rollout back, and returns when the old release has all traffic again.

use super::watched::{self, Watch};
use crate::errors::Error;
use crate::exit::Exit;
use crate::session::Session;
use gapless_api::client::Act;
use gapless_model::AppName;
use std::rc::Rc;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app
    app: AppName,
    #[command(flatten)]
    watch: Watch,
}

pub(crate) async fn run(session: &Rc<Session>, args: Args) -> Result<Exit, Error> {
    watched::act_and_settle(session, vec![args.app], Act::Abort, args.watch).await
}

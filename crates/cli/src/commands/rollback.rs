//! `gapless rollback`: back to an earlier release, code and config together.

use super::watched::{self, Watch};
use crate::errors::Error;
use crate::exit::Exit;
use crate::session::{Need, Session};
use gapless_api::request::RollbackRequest;
use gapless_model::{AppName, ReleaseId};
use std::rc::Rc;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app
    app: AppName,
    /// To which release [default: the last good one before the current]
    #[arg(long, value_name = "RELEASE")]
    to: Option<ReleaseId>,
    #[command(flatten)]
    watch: Watch,
}

pub(crate) async fn run(session: &Rc<Session>, args: Args) -> Result<Exit, Error> {
    let request = RollbackRequest { to: args.to };
    let ticket =
        session.tell(Need::Resume, async |client| client.rollback(&args.app, &request).await).await?;
    watched::rollouts(session, vec![(args.app, ticket)], args.watch).await
}

//! `gapless reload`: new instances of the same directory and config.

use super::watched::{self, Watch};
use crate::errors::Error;
use crate::exit::Exit;
use crate::session::{Need, Session};
use gapless_api::request::ReloadRequest;
use gapless_model::{AppName, Strategy};
use std::rc::Rc;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The apps
    #[arg(required = true, value_name = "APP")]
    apps: Vec<AppName>,
    /// Another strategy than the app's, for this rollout
    #[arg(long)]
    strategy: Option<Strategy>,
    #[command(flatten)]
    watch: Watch,
}

pub(crate) async fn run(session: &Rc<Session>, args: Args) -> Result<Exit, Error> {
    let request = ReloadRequest { strategy: args.strategy };
    let mut tickets = Vec::new();
    for app in args.apps {
        let ticket = session.tell(Need::Resume, async |client| client.reload(&app, request).await).await?;
        tickets.push((app, ticket));
    }
    watched::rollouts(session, tickets, args.watch).await
}

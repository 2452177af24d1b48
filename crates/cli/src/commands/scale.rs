//! `gapless scale`: another number of instances.

use super::watched::{self, Begun, Watch};
use crate::errors::Error;
use crate::exit::Exit;
use crate::render::figures::counted;
use crate::session::{Need, Session};
use gapless_api::request::ScaleRequest;
use gapless_model::AppName;
use std::rc::Rc;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app
    app: AppName,
    /// How many instances; at least 1 (`gapless stop` is for none)
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    instances: u32,
    #[command(flatten)]
    watch: Watch,
}

pub(crate) async fn run(session: &Rc<Session>, args: Args) -> Result<Exit, Error> {
    let request = ScaleRequest { instances: args.instances };
    let said =
        session.tell(Need::Resume, async |client| client.scale(&args.app, request).await).await?.message;
    let done = format!("has {} now", counted(args.instances.into(), "instance"));
    watched::settled(session, vec![Begun { app: args.app, said, done }], args.watch).await
}

//! `gapless delete`: stops apps and forgets them.

use super::watched::{self, Begun, Watch};
use crate::errors::Error;
use crate::exit::Exit;
use crate::session::{Need, Session};
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
    let mut begun = Vec::new();
    for app in args.apps {
        let said = session.tell(Need::Resume, async |client| client.delete(&app).await).await?.message;
        begun.push(Begun { app, said, done: "is deleted".into() });
    }
    watched::settled(session, begun, args.watch).await
}

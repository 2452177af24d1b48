//! `gapless demo`: the whole story on a bundled app, under load, with a receipt.

use crate::demo::story;
use crate::errors::Error;
use crate::exit::Exit;
use crate::parts::Parts;
use crate::session::Session;
use std::rc::Rc;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(session: &Rc<Session>, _: Args, parts: &Parts) -> Result<Exit, Error> {
    story::tell(session.screen, parts).await
}

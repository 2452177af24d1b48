//! .
use crate::errors::Error;
use crate::exit::Exit;
use crate::parts::Parts;
use crate::screen::Screen;

pub(crate) async fn tell(screen: Screen, parts: &Parts) -> Result<Exit, Error> {
    Ok(Exit::Done)
}

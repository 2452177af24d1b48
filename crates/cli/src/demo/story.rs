//! The story: a version that works replaces another, one that does not is taken back, and customers never
//! notice. Told by the same code that the commands run.

use super::customers::Customers;
use super::place::{APP, Place, Version};
use crate::commands::{down, up, watched::Watch};
use crate::config_file::{caller_env, request};
use crate::errors::Error;
use crate::exit::Exit;
use crate::follow::Manner;
use crate::parts::Parts;
use crate::render::account::{Account, account};
use crate::render::paint;
use crate::screen::{self, Screen};
use crate::session::Session;
use gapless_config::Config;
use gapless_model::TrafficCount;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// How long customers come before anything changes, and go on after.
const ORDINARY: Duration = Duration::from_secs(2);

/// How long the proxy's counters may take to arrive (it sends them every second).
const COUNTED: Duration = Duration::from_secs(5);

/// Tells it from beginning to end, and leaves nothing behind, whatever happens.
pub(crate) async fn tell(screen: Screen, parts: &Parts) -> Result<Exit, Error> {
    let place = Place::new()?;
    let session = Rc::new(Session::new(place.home().to_owned(), screen, parts));
    let told = tokio::select! {
        told = acts(&session, &place) => told,
        _ = tokio::signal::ctrl_c() => Err(interrupted()),
    };
    let cleared = clear(&session, place).await;
    let exit = told?;
    cleared?;
    Ok(exit)
}

fn interrupted() -> Error {
    Error::Detached {
        message: "the demo was stopped, and everything of it removed".into(),
        hint: "`gapless demo` begins again".into(),
    }
}

async fn acts(session: &Rc<Session>, place: &Place) -> Result<Exit, Error> {
    say("A shop of two instances behind one address, customers who never pause, three versions.\n")?;
    title("Version 1 opens")?;
    play(session, place, Version { number: 1, works: true }, Exit::Done).await?;
    say(&format!(
        "  http://{}/ is open. Sixteen customers come in: over kept connections, with a new\n",
        place.address
    ))?;
    say("  connection for each request, and with orders by POST.\n")?;

    let customers = Customers::come_in(place.address)?;
    tokio::time::sleep(ORDINARY).await;
    title("Version 2, while they shop")?;
    play(session, place, Version { number: 2, works: true }, Exit::Done).await?;
    title("Version 3 never gets ready, so version 2 must stay")?;
    play(session, place, Version { number: 3, works: false }, Exit::Aborted).await?;
    tokio::time::sleep(ORDINARY / 2).await;

    title("The account")?;
    let customers = customers.leave().await?;
    let proxy = counted(session, customers.right).await?;
    let account = account(&Account { customers: &customers, proxy });
    say(&account)?;
    Ok(if customers.lost() + proxy.failed == 0 { Exit::Done } else { Exit::Failed })
}

/// Makes this version what the file says, applies the file, and holds the outcome against what was expected.
async fn play(session: &Rc<Session>, place: &Place, version: Version, expected: Exit) -> Result<(), Error> {
    let path = place.write(version)?;
    let config = Config::load(&path, &caller_env()).map_err(Error::config)?;
    let request = request(&config, config.apps.clone());
    let exit = up::apply(session, &request, &config.places, Watch::default()).await?;
    if exit == expected {
        return Ok(());
    }
    Err(Error::failed(format!(
        "the demo did not go as it should: version {} ended with code {}, expected {}",
        version.number, exit as u8, expected as u8
    )))
}

/// The proxy's own counts, once they say at least as much as the customers do.
async fn counted(session: &Session, right: u64) -> Result<TrafficCount, Error> {
    let deadline = Instant::now() + COUNTED;
    loop {
        let status = session.client.status().await?;
        let traffic = status.apps.iter().find(|app| app.name.as_str() == APP).map(|app| app.traffic);
        match traffic {
            Some(traffic) if traffic.served >= right || Instant::now() >= deadline => return Ok(traffic),
            None => return Err(Error::failed(format!("{APP} is gone"))),
            Some(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Stops everything that was started and removes the directory.
async fn clear(session: &Session, place: Place) -> Result<(), Error> {
    if let Ok(status) = session.client.status().await {
        down::down(session, &status, Manner::Scripts).await?;
    }
    place.clear()
}

fn say(text: &str) -> Result<(), Error> {
    screen::out(text)
}

fn title(text: &str) -> Result<(), Error> {
    say(&format!("\n{}\n", paint::bold(text)))
}

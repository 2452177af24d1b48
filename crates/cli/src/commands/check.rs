//! `gapless check`: is the file right, and what would `up` do? Touches nothing, starts nothing.

use crate::config_file::{ConfigFile, request};
use crate::errors::Error;
use crate::exit::Exit;
use crate::render::apply::Would;
use crate::render::figures::counted;
use crate::render::{apply, paint};
use crate::screen;
use crate::session::Session;
use gapless_api::{ApplyRequest, ClientError};
use gapless_model::AppName;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON: what `up` would do, or null where Gapless does not run
    #[arg(long)]
    json: bool,
    /// Print the JSON schema of the file instead, for editors
    #[arg(long, conflicts_with_all = ["path", "json"])]
    schema: bool,
    /// Print every key of the file with its default instead
    #[arg(long, conflicts_with_all = ["path", "json", "schema"])]
    reference: bool,
}

pub(crate) async fn run(session: &Session, args: Args) -> Result<Exit, Error> {
    if args.schema {
        let schema = gapless_config::schema();
        screen::out(&format!("{schema:#}\n"))?;
        return Ok(Exit::Done);
    }
    if args.reference {
        screen::out(&format!("{}\n", gapless_config::reference().trim_end()))?;
        return Ok(Exit::Done);
    }
    let config = args.file.load()?;
    let count = config.apps.len() as u64;
    let request = request(&config, config.apps.clone());
    let would = match would(session, &request).await {
        Ok(plan) => Some(plan),
        Err(ClientError::NotReachable { .. }) => None,
        Err(e) => return Err(Error::from(e).applying(&config.places)),
    };
    if args.json {
        screen::json(&would)?;
        return Ok(Exit::Done);
    }
    let text = format!("{} {} is right: {}\n", paint::good("✓"), args.file.path, counted(count, "app"));
    screen::out(&(text + &would.as_deref().map(apply::would).unwrap_or_default()))?;
    Ok(Exit::Done)
}

/// What `up` would do to each app.
async fn would(session: &Session, request: &ApplyRequest) -> Result<Vec<(AppName, Would)>, ClientError> {
    let changes = session.client.check(request).await?;
    let status = session.client.status().await?;
    let would = |name: &AppName, changes: Vec<String>| match status.apps.iter().find(|app| app.name == *name)
    {
        None => Would::Begin,
        Some(app) if app.wanted == 0 => Would::Start { changes },
        Some(_) if changes.is_empty() => Would::Nothing,
        Some(_) => Would::Change { changes },
    };
    Ok(changes.into_iter().map(|(name, changes)| (name.clone(), would(&name, changes))).collect())
}

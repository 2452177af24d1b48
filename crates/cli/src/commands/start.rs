//! `gapless start`: an app without a file, or one that was stopped.

use super::up;
use super::watched::{self, Watch};
use crate::errors::Error;
use crate::exit::Exit;
use crate::session::{Need, Session};
use camino::Utf8PathBuf;
use gapless_api::client::Act;
use gapless_config::{Config, Start};
use gapless_model::AppName;
use std::path::Path;
use std::rc::Rc;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "A .js, .mjs, .cjs, .py or .sh script is run by node, python3 or sh. Put `--` before a \
    command that has options of its own: gapless start --name api -- node --inspect server.js"
)]
pub(crate) struct Args {
    /// A script, a command, or the name of an app that was stopped
    #[arg(required = true, value_name = "SCRIPT|COMMAND|APP")]
    pub(crate) command: Vec<String>,
    /// The app's name [default: that of the script or program]
    #[arg(long)]
    name: Option<String>,
    /// How many instances: a number or `max`, one per core
    #[arg(short, long, value_name = "N")]
    instances: Option<String>,
    /// The port that the app itself asks for
    #[arg(long)]
    port: Option<String>,
    /// Where clients connect [default: the app's own port on 127.0.0.1]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    watch: Watch,
}

pub(crate) async fn run(session: &Rc<Session>, args: Args) -> Result<Exit, Error> {
    if let Some(app) = stopped_app(session, &args).await? {
        return watched::act_and_settle(session, vec![app], Act::Start, args.watch).await;
    }
    let Args { command, name, instances, port, listen, watch } = args;
    let start = Start { words: command, name, instances, port, listen, cwd: cwd()?, ..Start::default() };
    let config = Config::from_command(&start).map_err(Error::config)?;
    let request = crate::config_file::request(&config, config.apps.clone());
    up::apply(session, &request, &config.places, watch).await
}

/// The app that is meant, if the one word is the name of one that is defined, and not a file.
async fn stopped_app(session: &Session, args: &Args) -> Result<Option<AppName>, Error> {
    let [word] = args.command.as_slice() else { return Ok(None) };
    let Ok(app) = word.parse::<AppName>() else { return Ok(None) };
    let described =
        args.name.is_some() || args.instances.is_some() || args.port.is_some() || args.listen.is_some();
    if described || Path::new(word).exists() {
        return Ok(None);
    }
    match session.tell(Need::Resume, async |client| client.status().await).await {
        Ok(status) => Ok(status.apps.into_iter().map(|known| known.name).find(|known| *known == app)),
        Err(Error::NothingHere { .. }) => Ok(None),
        Err(e) => Err(e),
    }
}

fn cwd() -> Result<Utf8PathBuf, Error> {
    let bad = |why: String| Error::usage(format!("this directory cannot be an app's: {why}"));
    let path = std::env::current_dir().map_err(|e| bad(e.to_string()))?;
    Utf8PathBuf::from_path_buf(path).map_err(|path| bad(format!("{} is not UTF-8", path.display())))
}

//! `gapless logs`: an app's output.

use crate::errors::Error;
use crate::exit::Exit;
use crate::render;
use crate::screen;
use crate::session::Session;
use gapless_api::client::LogQuery;
use gapless_model::AppName;

/// In the text, `|` stands before what came by stdout and `!` before what came by stderr.
#[derive(Debug, clap::Args)]
#[command(after_help = "The instance is named before each line; `|` marks stdout, `!` stderr.")]
pub(crate) struct Args {
    /// The app
    app: AppName,
    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,
    /// How many of the last lines
    #[arg(short = 'n', long, default_value_t = 50)]
    lines: u32,
    /// Only stdout
    #[arg(long, conflicts_with = "err")]
    out: bool,
    /// Only stderr
    #[arg(long)]
    err: bool,
    /// Print each line as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(session: &Session, args: Args) -> Result<Exit, Error> {
    let query = LogQuery { lines: args.lines, follow: args.follow, out: !args.err, err: !args.out };
    let mut lines = session.look(async |client| client.logs(&args.app, query).await).await?;
    let mut width = 0;
    while let Some(line) = lines.next().await? {
        if args.json {
            screen::json(&line)?;
        } else {
            width = width.max(line.instance.to_string().len());
            screen::out(&render::logs::line(&line, width))?;
        }
    }
    Ok(Exit::Done)
}

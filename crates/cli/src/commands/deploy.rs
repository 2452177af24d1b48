//! `gapless deploy`: a new release from a directory or a commit.

use super::watched::{self, Watch};
use crate::base_env;
use crate::errors::Error;
use crate::exit::Exit;
use crate::session::{Need, Session};
use gapless_api::DeployRequest;
use gapless_model::{AppName, Strategy};
use std::path::{Path, PathBuf};
use std::rc::Rc;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app
    app: AppName,
    /// The directory with the new code; it is copied, and may change afterwards [default: .]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// A branch, tag or commit of the Git repository in which the app's directory is: its files and no others,
    /// whatever is checked out
    #[arg(long = "ref", value_name = "REF", conflicts_with = "from")]
    reference: Option<String>,
    /// Another strategy than the app's, for this rollout
    #[arg(long)]
    strategy: Option<Strategy>,
    #[command(flatten)]
    watch: Watch,
}

pub(crate) async fn run(session: &Rc<Session>, args: Args) -> Result<Exit, Error> {
    let from = match &args.reference {
        Some(_) => None,
        None => Some(directory(args.from.as_deref().unwrap_or(Path::new(".")))?),
    };
    let Args { reference, strategy, .. } = args;
    let request = DeployRequest { from, reference, base_env: base_env::of_caller(), strategy };
    let ticket = session.tell(Need::Resume, async |client| client.deploy(&args.app, &request).await).await?;
    watched::rollouts(session, vec![(args.app, ticket)], args.watch).await
}

/// The directory's one true path, as it travels to control.
fn directory(path: &Path) -> Result<String, Error> {
    let bad = |why: String| {
        Error::usage(format!("cannot deploy from {}: {why}", path.display()))
            .hint("`--from DIR` names the directory with the new code")
    };
    let real = path.canonicalize().map_err(|e| bad(e.to_string()))?;
    if !real.is_dir() {
        return Err(bad("it is not a directory".into()));
    }
    real.into_os_string().into_string().map_err(|_| bad("its name is not UTF-8".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_directory_is_refused_before_control_is_asked() {
        assert!(directory(Path::new(".")).unwrap().starts_with('/'));
        for bad in ["no/such/place", "Cargo.toml"] {
            let error = directory(Path::new(bad)).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage, "{error}");
        }
    }
}

//! The command line as a whole; each command's own words are in its file.

use crate::commands;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Ship a new version without dropping a request.
#[derive(Debug, Parser)]
#[command(name = "gapless", version, propagate_version = true, infer_subcommands = false)]
#[command(after_help = "Exit codes: 0 done, 1 failed before anything changed, 2 bad usage or config, \
    3 aborted and the old release kept or restored, 4 control not reachable.")]
pub(crate) struct Cli {
    /// Where Gapless keeps its state [default: $GAPLESS_HOME, else /var/lib/gapless for root and the XDG
    /// state directory for others]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Apply gapless.toml: start what is missing, roll out what changed, leave the rest
    Up(commands::up::Args),
    /// Run in the foreground, as containers want it: brings everything up, shows the apps' output, drains on SIGTERM
    Run(commands::run::Args),
    /// Start a script or command without a file, or an app that was stopped
    Start(commands::start::Args),
    /// Roll out a new release of an app from a directory or a commit
    Deploy(commands::deploy::Args),
    /// Replace an app's instances by new ones of the same directory and config
    Reload(commands::reload::Args),
    /// Stop an app's instances and start them again: not gapless, see `reload`
    Restart(commands::restart::Args),
    /// Stop apps; their definitions stay
    Stop(commands::stop::Args),
    /// Stop apps and forget them
    Delete(commands::delete::Args),
    /// Change how many instances an app has
    Scale(commands::scale::Args),
    /// Stop every app and Gapless itself; the definitions stay
    Down(commands::down::Args),
    /// Replace Gapless itself by another version, while everything goes on
    Upgrade(commands::upgrade::Args),
    /// Have systemd start Gapless at boot and keep it running
    Startup(commands::startup::Args),
    /// Take back what `startup` did; what runs goes on
    Unstartup(commands::unstartup::Args),
    /// Show what runs
    #[command(visible_alias = "list")]
    Status(commands::status::Args),
    /// Show an app's output
    Logs(commands::logs::Args),
    /// End the bake time of a rollout now: the new release is good
    Promote(commands::promote::Args),
    /// Hold a rollout where it is
    Pause(commands::pause::Args),
    /// Let a paused rollout go on
    Resume(commands::resume::Args),
    /// Take a rollout back: the old release gets all traffic again
    Abort(commands::abort::Args),
    /// Return to an earlier release, code and config together
    Rollback(commands::rollback::Args),
    /// List an app's releases
    Releases(commands::releases::Args),
    /// Show what happened
    History(commands::history::Args),
    /// Check gapless.toml without touching anything
    Check(commands::check::Args),
    /// See the whole story on a bundled app, under load, with a receipt
    Demo(commands::demo::Args),
    /// Print completions for a shell
    Completions(commands::completions::Args),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn apps_are_checked_before_anything_is_asked() {
        let error = Cli::try_parse_from(["gapless", "stop", "no/app"]).unwrap_err();
        assert!(error.to_string().contains("is no app name"), "{error}");
        assert!(Cli::try_parse_from(["gapless", "scale", "api", "0"]).is_err());
        assert!(Cli::try_parse_from(["gapless", "rollback", "api", "--to", "3"]).is_err());
        assert!(Cli::try_parse_from(["gapless", "logs", "api", "--err", "--out"]).is_err());
        assert!(Cli::try_parse_from(["gapless", "stop"]).is_err());
        assert!(Cli::try_parse_from(["gapless", "deploy", "api", "--from", ".", "--ref", "v1"]).is_err());
    }

    #[test]
    fn the_words_of_the_design_are_understood() {
        for line in [
            "up -f x.toml api web --detach --json",
            "run -f x.toml api --drain-timeout 10s --no-logs",
            "start server.js --name n -i max --port 3000 --listen :8080",
            "deploy api --from . --strategy recreate",
            "deploy api --ref v1.2",
            "reload api --strategy rolling",
            "restart api",
            "stop api",
            "delete api",
            "scale api 4",
            "down",
            "upgrade --to ./gapless --json",
            "startup --print --user --unit gapless-two --drain-timeout 1m",
            "unstartup --user --into .",
            "status api --json",
            "logs api -f --lines 10 --err --json",
            "promote api",
            "pause api",
            "resume api",
            "abort api",
            "rollback api --to r3",
            "releases api",
            "history api",
            "check -f x.toml",
            "demo",
            "completions bash",
            "--home /g status",
        ] {
            let words = std::iter::once("gapless").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn the_words_of_a_started_command_may_look_like_options_after_two_dashes() {
        let cli = Cli::try_parse_from([
            "gapless",
            "start",
            "--name",
            "x",
            "-i",
            "max",
            "--",
            "node",
            "--inspect",
            "a.js",
        ]);
        let Command::Start(args) = cli.unwrap().command else { panic!("not start") };
        assert_eq!(args.command, ["node", "--inspect", "a.js"]);
        let cli = Cli::try_parse_from(["gapless", "start", "server.js", "-i", "2", "--home", "/g"]).unwrap();
        assert_eq!(cli.home, Some(PathBuf::from("/g")));
    }
}

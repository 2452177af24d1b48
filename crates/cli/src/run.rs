//! One run of the command line, from its words to its exit code.

use crate::args::{Cli, Command};
use crate::commands;
use crate::errors::Error;
use crate::exit::Exit;
use crate::home;
use crate::internal::{self, INTERNAL};
use crate::parts::Parts;
use crate::screen::{self, Screen};
use crate::session::Session;
use clap::Parser;
use std::process::ExitCode;
use std::rc::Rc;

/// Does what the process's arguments say.
///
/// Prints results to stdout, everything else to stderr. The code is one of [`Exit`].
pub fn run(parts: &Parts) -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|first| first == INTERNAL) {
        return internal::become_part(parts, words);
    }
    let exit = match Cli::try_parse() {
        Ok(cli) => finish(cli, parts),
        Err(e) => {
            // Help and version are errors to clap, with exit code 0.
            _ = e.print();
            if e.use_stderr() { Exit::Usage } else { Exit::Done }
        }
    };
    exit.into()
}

fn finish(cli: Cli, parts: &Parts) -> Exit {
    match execute(cli, parts) {
        Ok(exit) => exit,
        Err(e) => {
            let exit = e.exit();
            if exit != Exit::Done {
                screen::err(&e.render());
            }
            exit
        }
    }
}

fn execute(cli: Cli, parts: &Parts) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::failed(format!("no runtime: {e}")))?;
    if let Command::Completions(args) = &cli.command {
        return commands::completions::run(args);
    }
    let root = rustix::process::geteuid().is_root();
    let home = home::resolve(cli.home, |name| std::env::var_os(name), root)?;
    let session = Rc::new(Session::new(home, Screen::of_process(), parts));
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, dispatch(cli.command, &session, parts))
}

async fn dispatch(command: Command, session: &Rc<Session>, parts: &Parts) -> Result<Exit, Error> {
    match command {
        Command::Up(args) => session.attended(commands::up::run(session, args)).await,
        Command::Run(args) => commands::run::run(session, args).await,
        Command::Start(args) => session.attended(commands::start::run(session, args)).await,
        Command::Deploy(args) => session.attended(commands::deploy::run(session, args)).await,
        Command::Reload(args) => session.attended(commands::reload::run(session, args)).await,
        Command::Restart(args) => session.attended(commands::restart::run(session, args)).await,
        Command::Stop(args) => session.attended(commands::stop::run(session, args)).await,
        Command::Delete(args) => session.attended(commands::delete::run(session, args)).await,
        Command::Scale(args) => session.attended(commands::scale::run(session, args)).await,
        Command::Down(args) => commands::down::run(session, args).await,
        Command::Upgrade(args) => commands::upgrade::run(session, args).await,
        Command::Startup(args) => commands::startup::run(session, args).await,
        Command::Unstartup(args) => commands::unstartup::run(session, args).await,
        Command::Status(args) => commands::status::run(session, args).await,
        Command::Logs(args) => commands::logs::run(session, args).await,
        Command::Promote(args) => commands::promote::run(session, args).await,
        Command::Pause(args) => commands::pause::run(session, args).await,
        Command::Resume(args) => commands::resume::run(session, args).await,
        Command::Abort(args) => session.attended(commands::abort::run(session, args)).await,
        Command::Rollback(args) => session.attended(commands::rollback::run(session, args)).await,
        Command::Releases(args) => commands::releases::run(session, args).await,
        Command::History(args) => commands::history::run(session, args).await,
        Command::Check(args) => commands::check::run(session, args).await,
        Command::Demo(args) => commands::demo::run(session, args, parts).await,
        Command::Completions(args) => commands::completions::run(&args),
    }
}

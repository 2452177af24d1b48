//! `gapless completions`: for the caller's shell.

use crate::args::Cli;
use crate::errors::Error;
use crate::exit::Exit;
use crate::screen;
use clap::CommandFactory;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Error> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gapless", &mut text);
    screen::out(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}

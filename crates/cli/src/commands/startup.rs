//! `gapless startup`: a unit by which systemd starts Gapless at boot and keeps it running.

use crate::errors::Error;
use crate::exit::Exit;
use crate::render::paint;
use crate::screen;
use crate::session::Session;
use crate::unit::mark::Mark;
use crate::unit::place::{self, Former};
use crate::unit::systemd::Manager;
use crate::unit::text::{About, unit};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which unit.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// For this user's own systemd, without rights of root
    #[arg(long)]
    user: bool,
    /// The unit's name, where there are several installations
    #[arg(long, value_name = "NAME", default_value = "gapless", value_parser = name)]
    unit: String,
    /// Only write or remove the file in this directory, and tell systemd nothing
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

impl Which {
    /// Whose manager.
    pub(crate) const fn manager(&self) -> Manager {
        if self.user { Manager::User } else { Manager::System }
    }

    /// The unit's whole name.
    pub(crate) fn unit(&self) -> String {
        format!("{}.service", self.unit)
    }

    /// Its file.
    pub(crate) fn path(&self) -> Result<PathBuf, Error> {
        let directory = match &self.into {
            Some(directory) => directory.clone(),
            None => place::directory(self.manager(), |name| {
                std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
            })?,
        };
        Ok(directory.join(self.unit()))
    }

    /// Whether its manager is there and is to be told.
    pub(crate) fn tells(&self) -> bool {
        self.into.is_none() && self.manager().runs()
    }

    /// Whether it is only about a file.
    pub(crate) const fn is_a_file_only(&self) -> bool {
        self.into.is_some()
    }

    /// What was wanted of a file and could not be, and what to run instead.
    pub(crate) fn denied(&self, doing: &str, path: &Path, error: &std::io::Error, command: &str) -> Error {
        let failed =
            Error::failed(format!("cannot {doing} {}: {error}. Nothing was changed", path.display()));
        if error.kind() != std::io::ErrorKind::PermissionDenied {
            return failed;
        }
        match self.manager() {
            Manager::System if self.into.is_none() => failed.hint(format!(
                "`sudo gapless {command}` does it for the whole machine, with its state in /var/lib/gapless; \
                 `gapless {command} --user` for your own apps, without rights"
            )),
            _ => failed.hint("the directory must be yours to write"),
        }
    }
}

/// Letters, digits, `-`, `_`, `.`: what needs no escaping in the name of a unit.
fn name(text: &str) -> Result<String, String> {
    let text = text.strip_suffix(".service").unwrap_or(text);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("it takes letters, digits, `-`, `_` and `.`".to_owned())
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only print the unit
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    which: Which,
    /// How long everything may take to finish when the unit is stopped
    #[arg(long, value_name = "TIME", default_value = "25s", value_parser = gapless_config::duration)]
    drain_timeout: Duration,
}

pub(crate) async fn run(session: &Session, args: Args) -> Result<Exit, Error> {
    let Args { print, which, drain_timeout } = args;
    let program = std::env::current_exe();
    let program = program.map_err(|e| Error::failed(format!("cannot tell which program this is: {e}")))?;
    let [program, home] = [&program, &session.home].map(|path| one_line(path));
    let (program, home, name) = (program?, home?, which.unit());
    let text = unit(&About {
        unit: &name,
        manager: which.manager(),
        program: &program,
        home: &home,
        drain: drain_timeout,
        below: which.manager().knows_subgroups(),
    });
    if print {
        screen::out(&text)?;
        return Ok(Exit::Done);
    }
    let path = which.path()?;
    let former = place::former(&path).map_err(|e| which.denied("read", &path, &e, "startup"))?;
    check(&former, &path, &home)?;
    place::write(&path, &text).map_err(|e| which.denied("write", &path, &e, "startup"))?;
    if which.tells()
        && let Err(error) = enable(which.manager(), &name)
    {
        // As it was.
        drop(place::restore(&path, &former));
        drop(which.manager().does(&["daemon-reload"]));
        return Err(error);
    }
    if !which.is_a_file_only()
        && let Err(error) = (Mark { manager: which.manager(), unit: name.clone() }).write(&session.home)
    {
        screen::err(&format!("cannot note down the unit in {home}: {error}; commands will not start it\n"));
    }
    let same = former == Former::Ours(text);
    said(session, &which, &path, same).await
}

fn one_line(path: &Path) -> Result<String, Error> {
    let text = path.to_str().filter(|text| !text.contains(['\n', '\r']));
    let text = text.ok_or_else(|| Error::usage(format!("{} cannot stand in a unit", path.display())))?;
    if text.ends_with(" (deleted)") {
        return Err(Error::failed("the file of this program was replaced or removed")
            .hint("run `startup` of the one that is installed now"));
    }
    Ok(text.to_owned())
}

/// Whether what is there may be replaced.
fn check(former: &Former, path: &Path, home: &str) -> Result<(), Error> {
    match former {
        Former::None => Ok(()),
        Former::Strange => Err(Error::failed(format!(
            "{} was not written by `gapless startup`. Nothing was changed",
            path.display()
        ))
        .hint("`--unit NAME` takes another name; or remove that file first")),
        Former::Ours(text) if text.contains(&format!(" internal control --home {home}\n")) => Ok(()),
        Former::Ours(_) => Err(Error::failed(format!(
            "{} is the unit of another installation. Nothing was changed",
            path.display()
        ))
        .hint("`--unit NAME` takes another name; or `gapless unstartup` first")),
    }
}

fn enable(manager: Manager, unit: &str) -> Result<(), Error> {
    manager.does(&["daemon-reload"])?;
    manager.does(&["enable", unit])
}

async fn said(session: &Session, which: &Which, path: &Path, same: bool) -> Result<Exit, Error> {
    let (command, name) = (which.manager().command(), which.unit());
    let good = paint::good("✓");
    let wrote = if same { "is as it should be" } else { "is written" };
    let mut text = format!("{good} {} {wrote}\n", path.display());
    if which.is_a_file_only() {
        text.push_str(
            "  systemd was not told: its directories are read at boot and by `systemctl daemon-reload`\n",
        );
    } else if which.tells() {
        text.push_str(&format!("{good} systemd starts {name} at boot\n"));
        let runs = session.client.reachable().await.is_ok();
        let now = if runs { ": what runs is handed over to it, without a gap" } else { "" };
        text.push_str(&format!("  next   `{command} start {name}`{now}\n"));
        if which.user {
            text.push_str("         `loginctl enable-linger`, or it runs only while you are logged in\n");
        }
        text.push_str(&format!(
            "  then   `{command} reload {name}` after a new version of Gapless was installed; `stop` drains and stops \
             all apps\n"
        ));
    } else {
        text.push_str("  systemd does not run here, so nothing was enabled\n");
        text.push_str(&format!(
            "  where it does: `{command} daemon-reload && {command} enable --now {name}`\n"
        ));
    }
    screen::out(&text)?;
    Ok(Exit::Done)
}

//! The manager that reads units, asked by its own command.

use crate::errors::Error;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Whose manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    /// The machine's.
    System,
    /// The user's own.
    User,
}

impl Manager {
    /// Whether it runs (`sd_booted(3)`; a user has one where the machine has one).
    pub(crate) fn runs(self) -> bool {
        Path::new("/run/systemd/system").is_dir()
    }

    /// The words of its command, for people.
    pub(crate) const fn command(self) -> &'static str {
        match self {
            Self::System => "systemctl",
            Self::User => "systemctl --user",
        }
    }

    /// Whether it can start a service in a cgroup below the unit's own (`DelegateSubgroup=`,
    /// `systemd.resource-control(5)`). One that cannot be asked is taken for a new one: the file may be for another
    /// machine.
    pub(crate) fn knows_subgroups(self) -> bool {
        const SINCE: u32 = 254;
        let said = self.asked(&["--version"]).ok().filter(|output| output.status.success());
        said.and_then(|output| version(&String::from_utf8_lossy(&output.stdout))).is_none_or(|it| it >= SINCE)
    }

    /// Asks it to do something.
    pub(crate) fn does(self, words: &[&str]) -> Result<(), Error> {
        let said = format!("{} {}", self.command(), words.join(" "));
        let output =
            self.asked(words).map_err(|error| Error::failed(format!("cannot run `{said}`: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&output.stderr);
        let failed = Error::failed(format!("`{said}` failed: {}", why.trim()));
        Err(if self == Self::User && is_out_of_reach(&why) { failed.hint(REACH) } else { failed })
    }

    /// Whether it says yes to a question.
    pub(crate) fn agrees(self, words: &[&str]) -> bool {
        self.asked(words).is_ok_and(|output| output.status.success())
    }

    /// What it is doing with a unit: `start`, `stop`, `restart`, …; none if nothing.
    pub(crate) fn job(self, unit: &str) -> std::io::Result<Option<String>> {
        let output = self.asked(&["list-jobs", "--no-legend", "--plain", unit])?;
        if !output.status.success() {
            return Err(std::io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(job_in(&String::from_utf8_lossy(&output.stdout), unit))
    }

    fn asked(self, words: &[&str]) -> std::io::Result<Output> {
        let mut command = Command::new("systemctl");
        if self == Self::User {
            command.arg("--user");
        }
        command.args(words).stdin(Stdio::null()).output()
    }
}

/// What brings a user's manager within reach, where nobody has logged in as that user: after `sudo -u` or `su`.
const REACH: &str = "your own systemd runs while you are logged in, or always after `sudo loginctl enable-linger USER`; \
                     after `sudo -u USER` or `su USER` also `export XDG_RUNTIME_DIR=/run/user/$(id -u)`";

/// Whether that is what `systemctl --user` says: its manager does not run, or cannot be found.
fn is_out_of_reach(said: &str) -> bool {
    said.contains("Failed to connect to") && said.contains("bus")
}

/// The version in `systemd 252 (252.38-1~deb12u1)`.
fn version(said: &str) -> Option<u32> {
    said.strip_prefix("systemd ")?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The job of a unit in `systemctl list-jobs`: `JOB UNIT TYPE STATE`.
fn job_in(list: &str, unit: &str) -> Option<String> {
    list.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word != unit);
        words.next()?;
        words.next().map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_first_number() {
        assert_eq!(version("systemd 252 (252.38-1~deb12u1)\n+PAM"), Some(252));
        assert_eq!(version("systemd 257.7-1\n"), Some(257));
        assert_eq!(version("elogind"), None);
    }

    #[test]
    fn a_manager_that_cannot_be_reached_is_told_from_one_that_refuses() {
        // 252, and 257.
        assert!(is_out_of_reach(
            "Failed to connect to bus: $DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not defined"
        ));
        assert!(is_out_of_reach(
            "Failed to connect to user scope bus via local transport: No such file or directory\n"
        ));
        assert!(!is_out_of_reach("Failed to start gapless.service: Unit gapless.service not found.\n"));
    }

    #[test]
    fn the_job_of_one_unit_is_found_among_others() {
        let list = "12 other.service       start   waiting\n 7 gapless.service     restart running\n";
        assert_eq!(job_in(list, "gapless.service").as_deref(), Some("restart"));
        assert_eq!(job_in("No jobs running.\n", "gapless.service"), None);
        assert_eq!(job_in("", "gapless.service"), None);
    }
}

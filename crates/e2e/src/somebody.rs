//! Another user of the same machine.

use crate::binary::gapless;
use crate::outcome::Outcome;
use crate::site::Site;
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// A user without rights, `nobody`, as a member of some groups.
#[derive(Debug, Clone)]
pub struct Somebody {
    groups: Vec<u32>,
}

impl Somebody {
    /// Its number and that of its first group, as Debian has them.
    pub const NOBODY: u32 = 65_534;

    /// In these groups beside its own; none, which is said, where a test is not run as root and cannot be anybody else.
    pub fn in_groups(groups: &[u32]) -> Option<Self> {
        if geteuid().is_root() {
            return Some(Self { groups: groups.to_vec() });
        }
        eprintln!(
            "NOT SHOWN: what other users may do, as this test is not run as root and can be nobody else"
        );
        None
    }

    /// Without groups but its own.
    pub fn at_all() -> Option<Self> {
        Self::in_groups(&[])
    }

    /// A command of `gapless` at that site, run by this user to its end.
    pub fn gapless(&self, site: &Site, words: &[&str]) -> Outcome {
        let mut command = self.command(site, &site.program());
        command.args(words);
        Site::run(words, command)
    }

    /// A command at that site, not yet run. The environment and the directory are those of [`Site::command`].
    pub fn command(&self, site: &Site, program: &std::path::Path) -> Command {
        let mut command = site.command_of("setpriv", &[]);
        let user = Self::NOBODY;
        command.args([format!("--reuid={user}"), format!("--regid={user}")]);
        match self.groups.iter().map(u32::to_string).collect::<Vec<_>>().join(",") {
            none if none.is_empty() => command.arg("--clear-groups"),
            groups => command.arg(format!("--groups={groups}")),
        };
        command.arg(program);
        command
    }

    /// What `act` finds as this user: run by a thread that is nobody else any more.
    ///
    /// # Panics
    /// `act` does, or the thread cannot be this user.
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn tries<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                // Credentials are each thread's own to the kernel (`credentials(7)`).
                let (user, group) = (Uid::from_raw(Self::NOBODY), Gid::from_raw(Self::NOBODY));
                let groups: Vec<Gid> = self.groups.iter().map(|group| Gid::from_raw(*group)).collect();
                set_thread_groups(&groups).unwrap();
                set_thread_res_gid(group, group, group).unwrap();
                set_thread_res_uid(user, user, user).unwrap();
                act()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Site {
    /// Lets other users come by: to its files, and to the program. Not to its home.
    ///
    /// # Panics
    /// That cannot be.
    #[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
    pub fn for_everybody(&self) {
        fs::set_permissions(self.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // Where it was built others may not look.
        let (built, here) = (gapless(), self.program());
        fs::hard_link(built, &here).or_else(|_| fs::copy(built, &here).map(drop)).unwrap();
    }

    /// Where other users find the program, after [`Self::for_everybody`].
    fn program(&self) -> std::path::PathBuf {
        self.path().join("gapless")
    }
}

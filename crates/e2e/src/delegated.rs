//! A cgroup that is delegated to a site, as a service manager would do.

use crate::binary::gapless;
use crate::outcome::Outcome;
use crate::site::{PATIENCE, Site};
use gapless_sys::cgroup::{Cgroup, of_process};
use gapless_testkit::wait::wait_for;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

/// One of its own, of the kernel. To be made before its site, and so to end after it.
#[derive(Debug)]
pub struct Delegated(Cgroup);

impl Delegated {
    /// A new one; none, which is said, where this test may not make any.
    pub fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let not_here = |why: String| {
            eprintln!("NOT SHOWN HERE, as no cgroup of version 2 can be made: {why}");
            None
        };
        let mut top = match of_process(std::process::id()) {
            Ok(own) => own,
            Err(error) => return not_here(error.to_string()),
        };
        while let Some(above) = top.parent().filter(|above| above.path().join("cgroup.procs").exists()) {
            top = above;
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let own = top.child(&format!("gapless-test-{}-{number}", std::process::id()));
        match own.make() {
            Ok(()) => Some(Self(own)),
            Err(error) => not_here(format!("{}: {error}", own.path().display())),
        }
    }

    /// What can be limited in it.
    pub fn controllers(&self) -> BTreeSet<String> {
        self.0.controllers().unwrap_or_default()
    }

    /// Its directory and what is in it.
    pub const fn cgroup(&self) -> &Cgroup {
        &self.0
    }

    /// Runs `gapless` in it with these words to its end; a keeper that it starts is in it as well.
    ///
    /// # Panics
    /// It cannot be run.
    pub fn gapless(&self, site: &Site, words: &[&str]) -> Outcome {
        let enter = "echo $$ > \"$1/cgroup.procs\" && shift && exec \"$@\"";
        // In itself may be nobody once it has limits to share out.
        let own = self.0.child(gapless_model::resources::OWN_CGROUP);
        let at = if own.is_there() { own } else { self.0.clone() };
        let mut command = site.command_of("sh", &["-c", enter, "sh"]);
        command.arg(at.path()).arg(gapless()).args(words);
        Site::run(words, command)
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        let gone = || {
            let _ = self.0.kill();
            for name in self.0.children().unwrap_or_default() {
                let _ = self.0.child(&name).remove();
            }
            self.0.remove().ok()
        };
        wait_for("the cgroup to be empty", PATIENCE, gone);
    }
}

//! The processes of a site's instances as the kernel has them: those that hang on to a group that is gone, too.

use crate::site::Site;
use gapless_sys::{marks, process};

/// The processes that bear the marks of an instance of this site: all of `npm`, shells, workers.
///
/// # Panics
/// `/proc` cannot be read.
#[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
pub fn instance_processes(site: &Site) -> Vec<u32> {
    let home = site.home();
    let bears = |pid: u32| {
        marks::bears(pid, "GAPLESS_HOME", home.as_os_str())
            && marks::environment(pid).is_ok_and(|env| env.contains_key("GAPLESS_INSTANCE"))
    };
    let all = process::all().unwrap().into_iter().filter(|stat| !stat.zombie).map(|stat| stat.pid);
    all.filter(|pid| bears(*pid)).collect()
}

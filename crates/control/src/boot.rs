//! Which boot of the machine this is: moments and processes of another mean nothing.
//!
//! For a container that is started again it is the same: the kernel has not booted, but every process of before is
//! gone. So process 1 is part of the name.

use gapless_store::{Change, State};

const SETTING: &str = "boot";

/// Whether the journal was last written in another boot of the machine.
pub(crate) fn changed(state: &State) -> bool {
    state.settings.get(SETTING).is_some_and(|then| differ(then, &name()))
}

/// Notes down which boot this is.
pub(crate) fn note() -> Change {
    Change::PutSetting { name: SETTING.to_owned(), value: name() }
}

/// Whether two names are of two boots. Where one of them does not say when process 1 was started, only the kernel's
/// part counts.
fn differ(then: &str, now: &str) -> bool {
    match (then.split_once(' '), now.split_once(' ')) {
        (Some(then), Some(now)) => then != now,
        (then_parts, now_parts) => {
            then_parts.map_or(then, |(kernel, _)| kernel) != now_parts.map_or(now, |(kernel, _)| kernel)
        }
    }
}

/// The kernel's own name for it (`proc_sys_kernel(5)`), and when process 1 was started, if we may see that.
fn name() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let first = gapless_sys::process::started(1).map(|ticks| format!(" {ticks}"));
    format!("{}{}", kernel.trim(), first.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_is_told_from_another_by_what_both_know() {
        assert!(!differ("abc 7", "abc 7"));
        assert!(differ("abc 7", "abc 8"), "another container");
        assert!(differ("abc 7", "abd 7"));
        assert!(!differ("abc", "abc 7"), "written by a version that did not look");
        assert!(!differ("abc 7", "abc"));
        assert!(differ("abc", "abd 7"));
        assert!(!differ(&name(), &name()));
    }
}

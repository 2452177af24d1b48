//! Which boot of the machine this is: moments and processes of another mean nothing.

use gapless_store::{Change, State};

const SETTING: &str = "boot";

/// Whether the journal was last written in another boot of the machine.
pub(crate) fn changed(state: &State) -> bool {
    state.settings.get(SETTING).is_some_and(|then| *then != id())
}

/// Notes down which boot this is.
pub(crate) fn note() -> Change {
    Change::PutSetting { name: SETTING.to_owned(), value: id() }
}

/// The kernel's own name for it (`proc_sys_kernel(5)`).
fn id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

//! The clock that control's deadlines are counted by.

use gapless_model::Moment;

/// Now.
pub(crate) fn now() -> Moment {
    Moment::from_millis(gapless_sys::clock::boot_millis())
}

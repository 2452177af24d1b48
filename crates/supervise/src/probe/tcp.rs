//! Does it accept a connection?

use crate::target::Target;
use gapless_model::probe::ProbeAnswer;

/// Connects, and closes again.
pub(super) async fn open(target: &Target) -> ProbeAnswer {
    match target.connect().await {
        Ok(_) => ProbeAnswer::Passed,
        Err(unreachable) => unreachable.into(),
    }
}

//! Capturing and reading back, with real FIFOs and files.

#![expect(clippy::unwrap_used, reason = "tests may, and so may what they share")]

mod capturing;
mod disks;
mod following;
mod killing;
mod restarting;
mod rotating;
mod stage;
mod volume;

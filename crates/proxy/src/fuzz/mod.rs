//! What must hold of the parsers here, whatever they are given: asked by `cargo fuzz` (see `fuzz/`) and, with
//! fewer cases, by the tests. A function panics where something does not hold.

mod answers;
mod cookies;
mod downgrade;
mod framer;
mod hosts;
mod pieces;
mod requests;

pub use answers::answers;
pub use cookies::cookies;
pub use downgrade::downgrade;
pub use framer::framer;
pub use hosts::hosts;
pub use requests::requests;

use pieces::pieces;

#[cfg(test)]
mod tests;

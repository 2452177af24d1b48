//! What must hold of the parsers here, whatever they are given: asked by `cargo fuzz` (see `fuzz/`) and, with
//! fewer cases, by the tests. A function panics where something does not hold.

mod framer;

pub use framer::framer;

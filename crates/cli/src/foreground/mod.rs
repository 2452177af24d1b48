//! What a process does that stands for the whole of Gapless in the foreground: as a container's first process, or in a
//! terminal.

pub(crate) mod orphans;
pub(crate) mod output;
pub(crate) mod signals;

//! What people write in a string: durations, sizes, addresses, paths, commands.

pub(crate) mod cookie;
pub(crate) mod cores;
pub(crate) mod duration;
pub(crate) mod listen;
pub(crate) mod network;
pub(crate) mod size;
mod unfit;
pub(crate) mod url;
pub(crate) mod words;

pub(crate) use unfit::Unfit;

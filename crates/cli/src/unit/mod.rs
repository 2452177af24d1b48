//! The unit by which systemd runs Gapless: its text, its place, and the manager that reads it.

pub(crate) mod mark;
pub(crate) mod place;
pub(crate) mod stop;
pub(crate) mod systemd;
pub(crate) mod text;

//! Commands against a control that is played.

mod commands;
mod played;

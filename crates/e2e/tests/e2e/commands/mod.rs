//! What each command does to what runs, and what it leaves alone. Where a command moves traffic, it is tried
//! under load, and nothing is lost.

mod deploy;
mod rollouts;
mod running;
mod scripts;
mod stage;
mod up;

//! The crates that decide and do nothing: no runtime may reach them, by however long a chain.

/// Short names of the pure crates.
const PURE: &[&str] = &["analysis", "model", "rollout"];

/// What would make them impure: a runtime, sockets, processes.
const WORLD: &[&str] = &["hyper", "mio", "rustix", "socket2", "tokio"];

/// Whether the crate of this short name decides only.
pub(crate) fn is_pure(who: &str) -> bool {
    PURE.contains(&who)
}

/// Whether the package of this name touches the world.
pub(crate) fn touches_world(name: &str) -> bool {
    WORLD.contains(&name)
}

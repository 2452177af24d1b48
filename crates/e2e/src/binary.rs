//! The binary under test.

use std::path::PathBuf;
use std::sync::OnceLock;

/// The `gapless` that was built with these tests.
///
/// # Panics
/// It was not built: Cargo builds a binary for the tests of its own package only.
pub fn gapless() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        // target/PROFILE/deps/TEST → target/PROFILE/gapless
        let test = std::env::current_exe().unwrap_or_default();
        let path = test.parent().and_then(|deps| deps.parent()).map(|profile| profile.join("gapless"));
        let path = path.unwrap_or_default();
        assert!(path.exists(), "{} is missing: run `cargo build -p gapless` first", path.display());
        path
    })
}

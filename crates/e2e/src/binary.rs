//! The binary under test.

use crate::site::Site;
use std::fs::{self, OpenOptions};
use std::io::Write;
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

/// Two files of the program, told apart by what is behind it.
///
/// # Panics
/// They cannot be written.
#[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
pub fn versions(site: &Site) -> [PathBuf; 2] {
    ["one", "two"].map(|name| {
        let file = site.path().join(name);
        let _: u64 = fs::copy(gapless(), &file).unwrap();
        OpenOptions::new().append(true).open(&file).unwrap().write_all(name.as_bytes()).unwrap();
        file
    })
}

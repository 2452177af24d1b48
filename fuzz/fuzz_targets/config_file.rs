//! A `gapless.toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gapless_config::fuzz::file(data));

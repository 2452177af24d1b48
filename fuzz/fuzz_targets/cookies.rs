//! The cookie of stickiness among others.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gapless_proxy::fuzz::cookies(data));

//! What control and proxy tell each other.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gapless_routing::fuzz::frames(data));

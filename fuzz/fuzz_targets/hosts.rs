//! Targets, hosts and request ids.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gapless_proxy::fuzz::hosts(data));

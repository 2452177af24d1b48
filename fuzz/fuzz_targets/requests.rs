//! What a client of HTTP/1.1 sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gapless_proxy::fuzz::requests(data));

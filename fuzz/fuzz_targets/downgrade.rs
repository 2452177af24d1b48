//! A request of HTTP/2, said in HTTP/1.1.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gapless_proxy::fuzz::downgrade(data));

//! Durations, sizes, networks, addresses, hosts, paths, commands.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gapless_config::fuzz::texts(data));

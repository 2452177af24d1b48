//! Output of apps in lines, and lines of log files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gapless_logs::fuzz::lines(data));

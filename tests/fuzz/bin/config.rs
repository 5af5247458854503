//! The fuzzer's entry; what is checked stands in `src/config.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| backstop_fuzz::config::check(data));

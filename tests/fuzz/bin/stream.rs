//! The fuzzer's entry; what is checked stands in `src/stream.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| backstop_fuzz::stream::check(data));

//! The fuzzer's entry; what is checked stands in `src/error_body.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| backstop_fuzz::error_body::check(data));

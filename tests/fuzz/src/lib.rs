//! What must hold for any bytes: one file for each thing that reads what others wrote.
//!
//! A check panics when its rule is broken. The fuzzer calls it with bytes that it makes up, and
//! `tests/it/fuzz_cases.rs` with everything below `cases/`: a crash that was found becomes a file there.

pub mod config;
pub mod error_body;
pub mod splice;
pub mod stream;

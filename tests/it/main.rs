//! Integration tests: one binary, so that it links once. A module per subject; helpers in `support`.

mod config_load;
mod keymap;
mod store_contract;
mod store_samples;
mod support;
mod themes;
mod wire_stream;

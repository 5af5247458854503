//! Integration tests: one binary, so that it links once. A module per subject; helpers in `support`.

mod config_load;
mod support;
mod themes;

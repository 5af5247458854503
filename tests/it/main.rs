//! Integration tests: one binary, so that it links once. A module per subject; helpers in `support`.

mod support;

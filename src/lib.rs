//! Backstop: the operations console, gateway and command line for fallbacks between model routes.
//!
//! Layers; an arrow points only down, and modules of one row do not know each other (`tests/it/layers.rs`
//! checks it):
//!
//! ```text
//! 6  cli                            parse, choose a mode, render errors, exit codes
//! 5  console            demo        screen and keys; simulated providers and traffic
//! 4  control                        the one door for operator commands
//! 3  gateway   probe                the data plane, the measuring plane
//! 2  wire  store  config            HTTP and families, persistence, files
//! 1  policy  review                 pure decisions, pure comparison
//! 0  model  clock  telemetry        words, time, logs
//! ```
//!
//! The library exists for the binary and its tests; it promises no stable interface.

pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod control;
pub mod demo;
pub mod gateway;
pub mod model;
pub mod policy;
pub mod probe;
pub mod review;
pub mod store;
pub mod telemetry;
pub mod wire;

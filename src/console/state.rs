//! What the console knows: one file per idea, each with its own small reducer.
//!
//! Changed only by `console::update`; read by `console::view`. Nothing here draws, waits or does I/O.

pub mod bell;
pub mod burst;
pub mod change;
pub mod chart;
pub mod clipboard;
pub mod commands;
pub mod comparing;
pub mod data;
pub mod drilling;
pub mod events;
pub mod field;
pub mod filter;
pub mod gateways;
pub mod home;
pub mod link;
pub mod list;
pub mod log;
pub mod marks;
pub mod message;
pub mod palette;
pub mod past;
pub mod payload;
pub mod plan;
pub mod policy_table;
pub mod probing;
pub mod reviews;
pub mod route_facts;
pub mod series;
pub mod session;
pub mod table;
pub mod themes;
pub mod tour;
pub mod verbs;

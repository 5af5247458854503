//! The backend for many hosts: NATS `JetStream`, with each host's view of it on its own disk.
//!
//! One stream is the log of everything that changes state (`facts`), one holds the events (`events`), one what is
//! true now (`pulse`). Nobody else in this program knows the client library.

#![expect(dead_code, reason = "its parts are put together last")]

mod facts;
mod layout;
mod link;
mod log;
mod pulse;
mod replica;

#[cfg(test)]
#[path = "../../tests/it/support"]
#[expect(
    dead_code,
    reason = "what the tests of the whole program use of it, too"
)]
mod support {
    pub(crate) mod cluster;
}

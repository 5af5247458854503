//! The console: screen and keys for one operator, over the door.
//!
//! Started by `cli` and `demo`. Its pure half is [`update::update`] (messages in, effects out, no I/O) and
//! [`view`] (state in, frame out, no state change); the rest reads keys, follows the feeds and carries out
//! effects. It must not write to the store: every change goes through `control`.

pub mod effect;
pub mod msg;

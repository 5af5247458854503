//! The console: screen and keys for one operator, over the door.
//!
//! Started by `cli` and `demo`. Its pure half is [`update::update`] (messages in, effects out, no I/O) and
//! [`view`] (state in, frame out, no state change); the rest reads keys, follows the feeds and carries out
//! effects. It must not write to the store: every change goes through `control`.

pub mod action;
pub mod chord;
pub mod effect;
pub mod glyph;
pub mod keymap;
pub mod msg;
pub mod theme;

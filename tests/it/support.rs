//! What several test modules share.

pub(crate) mod gateway;
pub(crate) mod pty;
pub(crate) mod upstream;

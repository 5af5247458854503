//! What several test modules share.

pub(crate) mod gateway;
pub(crate) mod upstream;

//! What several test modules share.

pub(crate) mod encoded;
pub(crate) mod frames;
pub(crate) mod gateway;
pub(crate) mod outpost;
pub(crate) mod provider;
pub(crate) mod pty;
pub(crate) mod review;
pub(crate) mod upstream;

//! What several test modules share.

pub(crate) mod alive;
pub(crate) mod cluster;
pub(crate) mod disk;
pub(crate) mod encoded;
pub(crate) mod frames;
pub(crate) mod gateway;
pub(crate) mod outpost;
pub(crate) mod provider;
pub(crate) mod pty;
pub(crate) mod review;
pub(crate) mod ssh;
pub(crate) mod svg;
pub(crate) mod tmux;
pub(crate) mod tool;
pub(crate) mod upstream;

//! What several test modules share.

pub mod gateway;
pub mod upstream;

//! HTTP and families: paths, authentication, model splice, error bodies, streams. Bytes in, bytes out.
//!
//! Used by the gateway now and by probes later. It must not decide anything: it hands `policy` its evidence.

pub mod endpoint;
pub mod error_body;
pub mod request;
pub mod response;
pub mod stream;

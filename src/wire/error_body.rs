//! Errors made by the gateway, in the client's own shape and with a marker, so that they are never mistaken
//! for the provider's.

use bytes::Bytes;

use super::Shape;

/// A gateway-made error before it has a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayError {
    /// HTTP status.
    pub status: u16,
    /// A stable code, for instance `backstop_unknown_workload`.
    pub code: &'static str,
    /// One sentence that names the thing and the next step. Says nothing of other routes.
    pub message: String,
}

/// The body in a shape (OpenAI's when unknown), with `"source":"backstop"` inside.
#[must_use]
pub fn body(shape: Option<Shape>, error: &GatewayError) -> Bytes {
    let _ = (shape, error);
    todo!()
}

/// The in-band error event for a stream that broke after its first output. Comes after a whole event.
#[must_use]
pub fn stream_event(shape: Shape, error: &GatewayError) -> Bytes {
    let _ = (shape, error);
    todo!()
}

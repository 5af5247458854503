//! HTTP and families: paths, authentication, model splice, error bodies, streams. Bytes in, bytes out.
//!
//! Used by the gateway and by probes. It must not decide anything: it hands `policy` its evidence.
//!
//! What is special about one family stands in one file of its name (`openai`, `anthropic`, `gemini`); everything else
//! asks its [`Shape`], or its [`Call`] where methods differ. A new family is a variant there, a file, and the match arms that the compiler then
//! asks for.

mod anthropic;
mod call;
mod caller_limit;
mod context;
mod dialect;
pub mod encoding;
pub mod endpoint;
pub mod error_body;
mod gemini;
pub mod headers;
pub mod json;
pub mod model_list;
pub mod models;
mod openai;
mod openai_embeddings;
mod openai_responses;
mod provider_error;
pub mod redact;
pub mod request;
pub mod response;
mod retry_after;
mod route_head;
pub mod said;
pub mod served;
mod shape;
pub mod sse;
mod stored;
pub mod stream;
pub mod upstream;

pub use call::{Call, Framing, Verb};
pub use context::{context_need, reserved_output};
pub use dialect::dialect;
pub use route_head::{RouteError, RouteHead};
pub use shape::Shape;
pub use stored::Stored;

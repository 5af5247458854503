//! Answers of `GET /v1/models`: the workloads, as models. One body serves OpenAI's and Anthropic's SDKs.

use bytes::Bytes;

/// The list.
#[must_use]
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> Bytes {
    let _ = names.into_iter().count();
    todo!()
}

/// One of them.
#[must_use]
pub fn one(name: &str) -> Bytes {
    let _ = name;
    todo!()
}

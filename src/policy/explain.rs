//! Reasons in words: the same sentence in events, on screen, in the CLI and in error bodies.

use crate::model::Reason;

/// A short sentence, lower case, without a full stop: `400 and 401 never cause a fallback`.
#[must_use]
pub fn explain(reason: &Reason) -> String {
    let _ = reason;
    todo!()
}

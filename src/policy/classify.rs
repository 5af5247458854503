//! From evidence to error class, body code before status (DESIGN section 3, WIRE sections 1 to 3).

use super::Evidence;
use crate::model::ErrorClass;

/// Says what a failure was.
#[must_use]
pub fn classify(evidence: &Evidence) -> ErrorClass {
    let _ = evidence;
    todo!()
}

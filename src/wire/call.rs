//! What a client asks of a family: which of its methods.
//!
//! A [`Call`] is what everything in `wire` goes by that is more than the family: the path upstream, where
//! the model stands, and what a usable answer is. A shape alone is the call that the family is for.

use super::Shape;

/// A method of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The family's shape.
    pub shape: Shape,
    /// Which of its methods.
    pub verb: Verb,
}

/// The methods. A family need not have all of them: `endpoint` knows the paths that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// What the family is for: a message, a completion, vectors. Whether it streams stands in the body.
    Generate,
    /// How many tokens a request would have. The answer is one number and never a stream.
    CountTokens,
}

impl From<Shape> for Call {
    fn from(shape: Shape) -> Self {
        Self {
            shape,
            verb: Verb::Generate,
        }
    }
}

//! What a client asks of a family: which of its methods.
//!
//! A [`Call`] is what everything in `wire` goes by that is more than the family: the path upstream, where
//! the model stands, and what a usable answer is. A shape alone is the call that the family is for.

use super::Shape;
use crate::model::Method;

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
    /// The same as a stream, where the path and not the body asks for one.
    Stream(Framing),
    /// How many tokens a request would have. The answer is one number and never a stream.
    CountTokens,
    /// A conversation made short, sealed so that only its provider can go on with it. Never a stream.
    Compact,
}

/// How the pieces of a stream are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// The elements of one JSON array.
    Array,
}

impl Call {
    /// How the answer is framed. `None`: it comes whole. `asked`: whether the body asks for a stream.
    #[must_use]
    pub const fn framing(self, asked: bool) -> Option<Framing> {
        match self.verb {
            Verb::Stream(framing) => Some(framing),
            Verb::Generate if asked => Some(Framing::Events),
            Verb::Generate | Verb::CountTokens | Verb::Compact => None,
        }
    }

    /// What it is called in events. `None`: the method that the family is for.
    #[must_use]
    pub const fn method(self) -> Option<Method> {
        match self.verb {
            Verb::Generate | Verb::Stream(_) => None,
            Verb::CountTokens => Some(Method::CountTokens),
            Verb::Compact => Some(Method::Compact),
        }
    }
}

impl From<Shape> for Call {
    fn from(shape: Shape) -> Self {
        Self {
            shape,
            verb: Verb::Generate,
        }
    }
}

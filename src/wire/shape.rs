//! The families that this version speaks on the wire.
//!
//! A [`Shape`] is the proof that a family is spoken: everything in `wire` that depends on the family takes
//! one, so that no code needs an answer for a family that cannot reach it.

use std::fmt;

use crate::model::Family;

/// A family whose wire shape is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `openai-chat`.
    OpenaiChat,
    /// `openai-responses`.
    OpenaiResponses,
    /// `openai-embeddings`.
    OpenaiEmbeddings,
    /// `anthropic-messages`.
    AnthropicMessages,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 4] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::OpenaiEmbeddings,
        Self::AnthropicMessages,
    ];

    /// The shape of a family. `None`: not supported by this version ([`Family::is_supported`]).
    #[must_use]
    pub const fn of(family: Family) -> Option<Self> {
        match family {
            Family::OpenaiChat => Some(Self::OpenaiChat),
            Family::OpenaiResponses => Some(Self::OpenaiResponses),
            Family::OpenaiEmbeddings => Some(Self::OpenaiEmbeddings),
            Family::AnthropicMessages => Some(Self::AnthropicMessages),
            Family::GeminiGenerate => None,
        }
    }

    /// The family that it is the shape of.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::OpenaiChat => Family::OpenaiChat,
            Self::OpenaiResponses => Family::OpenaiResponses,
            Self::OpenaiEmbeddings => Family::OpenaiEmbeddings,
            Self::AnthropicMessages => Family::AnthropicMessages,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.family().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;
    use crate::model::Family;

    #[test]
    fn a_family_has_a_shape_exactly_when_it_is_supported() {
        for family in Family::ALL {
            let shape = Shape::of(family);
            assert_eq!(shape.is_some(), family.is_supported(), "{family}");
            assert!(
                shape.is_none_or(|shape| shape.family() == family),
                "{family}"
            );
        }
    }
}

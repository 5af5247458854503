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
    /// `gemini-generate`.
    GeminiGenerate,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 5] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::OpenaiEmbeddings,
        Self::AnthropicMessages,
        Self::GeminiGenerate,
    ];

    /// The shape of a family.
    #[must_use]
    pub const fn of(family: Family) -> Self {
        match family {
            Family::OpenaiChat => Self::OpenaiChat,
            Family::OpenaiResponses => Self::OpenaiResponses,
            Family::OpenaiEmbeddings => Self::OpenaiEmbeddings,
            Family::AnthropicMessages => Self::AnthropicMessages,
            Family::GeminiGenerate => Self::GeminiGenerate,
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
            Self::GeminiGenerate => Family::GeminiGenerate,
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
    fn families_and_shapes_belong_together() {
        for (family, shape) in Family::ALL.into_iter().zip(Shape::ALL) {
            assert_eq!(Shape::of(family), shape, "{family}");
            assert_eq!(shape.family(), family, "{family}");
        }
    }
}

//! What one piece of a stream says, asked of the family's file.

use std::ops::Range;

use super::{
    super::{
        Shape, anthropic, gemini,
        json::{Malformed, Reader},
        openai, openai_responses, provider_error,
    },
    Turns,
};
use crate::policy::ProviderError;

/// What the family's file finds in the data of one event.
#[derive(Debug, Default)]
pub(in crate::wire) struct Chunk {
    /// Semantic output.
    pub(in crate::wire) output: bool,
    /// The end marker.
    pub(in crate::wire) end: bool,
    /// Where an error object stands.
    pub(in crate::wire) error: Option<Range<usize>>,
    /// The data as a whole says that it is an error.
    pub(in crate::wire) bare_error: bool,
    /// Which candidates it carries on, in a family where their last words are the end marker.
    pub(in crate::wire) turns: Turns,
    /// Whether the last of its choices has said why it ended. `None`: it has none that says.
    pub(in crate::wire) finished: Option<bool>,
    /// Where text begins, after its quote.
    pub(in crate::wire) text: Option<usize>,
}

/// Reads the data of one event.
pub(super) fn read(shape: Shape, reader: &mut Reader<'_>) -> Result<Chunk, Malformed> {
    match shape {
        // Embeddings are never streamed; if they were, an error would look like this.
        Shape::OpenaiChat | Shape::OpenaiEmbeddings => openai::chunk(reader),
        Shape::OpenaiResponses => openai_responses::chunk(reader),
        Shape::AnthropicMessages => anthropic::chunk(reader),
        Shape::GeminiGenerate => gemini::chunk(reader),
    }
}

/// An error object that stands in a stream without being an event.
pub(super) fn bare_error(shape: Shape, line: &[u8]) -> Option<ProviderError> {
    let mut reader = Reader::new(line);
    let chunk = read(shape, &mut reader).ok()?;
    let wrong = chunk.error.is_some() || chunk.bare_error;
    wrong.then(|| provider_error::read(line))
}

/// The length of a byte order mark at the start.
pub(super) fn mark_length(bytes: &[u8]) -> usize {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if bytes.starts_with(MARK) {
        MARK.len()
    } else {
        0
    }
}

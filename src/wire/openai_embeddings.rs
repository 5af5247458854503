//! What is special about `openai-embeddings`: where requests and answers keep what. Path and authentication
//! are those of `openai-chat`.
//!
//! Never a stream, whatever the request says; and the answer holds nothing that people read, so a notice has
//! no place in it. Whether the vectors of another model may stand in is for `policy` to say.

use super::{
    json::{Kind, Malformed, Reader},
    openai,
    request::Found,
    response::Answer,
};
use crate::model::Capability;

/// Reads a request body. `false`: not an object.
pub(super) fn scan(reader: &mut Reader<'_>, found: &mut Found) -> Result<bool, Malformed> {
    reader.fields(|reader, key| match &*key.bytes() {
        b"model" => found.read_model(reader),
        b"input" => input(reader, found),
        b"dimensions" => {
            let asked = reader.is_filled()?;
            found.need(Capability::Dimensions, asked);
            Ok(())
        }
        _ => reader.skip().map(drop),
    })
}

/// A text, texts, one list of tokens, or several. The first item says which.
fn input(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    let mut first = true;
    reader
        .items(|reader| {
            if std::mem::take(&mut first) {
                let tokens = matches!(reader.kind()?, Kind::Number | Kind::Array);
                found.need(Capability::TokenInput, tokens);
            }
            reader.skip().map(drop)
        })
        .map(drop)
}

/// Reads a whole answer. A usable one has a list with at least one item: an empty one answers no request.
pub(super) fn answer(reader: &mut Reader<'_>) -> Result<Answer, Malformed> {
    let mut answer = Answer::default();
    reader.fields(|reader, key| match &*key.bytes() {
        b"error" => openai::error(reader, &mut answer.error),
        b"data" => {
            answer.shaped = reader.kind()? == Kind::Array && reader.is_filled()?;
            Ok(())
        }
        _ => reader.skip().map(drop),
    })?;
    Ok(answer)
}

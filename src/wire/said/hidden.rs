//! A provider that repeats the key it was asked with, in what its model says: the key is nobody's to keep or to show.

use super::{Delta, Said};
use crate::model::Secret;

impl Said {
    /// Makes the secret `***` wherever it was said.
    pub fn hide(&mut self, secret: &Secret) {
        for text in [&mut self.text, &mut self.reasoning] {
            secret.hide_in(text);
        }
        let maybe = [&mut self.refusal, &mut self.finish, &mut self.model];
        for text in maybe.into_iter().flatten() {
            secret.hide_in(text);
        }
        for tool in &mut self.tools {
            secret.hide_in(&mut tool.name);
            secret.hide_in(&mut tool.arguments);
        }
    }
}

impl Delta {
    /// The same for a piece. One that holds only a part of the secret cannot be told from any other text.
    pub fn hide(&mut self, secret: &Secret) {
        match self {
            Self::Text(text)
            | Self::Reasoning(text)
            | Self::Refusal(text)
            | Self::Tool(text)
            | Self::Arguments(_, text) => secret.hide_in(text),
        }
    }
}

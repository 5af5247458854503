//! Texts as words and as numbers: equal pieces get equal numbers.

use std::{borrow::Cow, collections::HashMap};

use unicode_segmentation::UnicodeSegmentation as _;

/// Gives equal texts equal numbers.
#[derive(Default)]
pub(super) struct Numbers<'t>(HashMap<Cow<'t, str>, u32>);

impl<'t> Numbers<'t> {
    /// The number of a text.
    pub(super) fn of(&mut self, text: impl Into<Cow<'t, str>>) -> u32 {
        let next = self.next();
        *self.0.entry(text.into()).or_insert(next)
    }

    /// The number of a text that is kept only when it is new.
    pub(super) fn of_copy(&mut self, text: &str) -> u32 {
        if let Some(number) = self.0.get(text) {
            return *number;
        }
        self.of(text.to_owned())
    }

    fn next(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

/// The words and symbols of a text: what is neither space nor ASCII punctuation.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_word_bounds().filter(|segment| {
        !segment
            .chars()
            .all(|character| character.is_whitespace() || character.is_ascii_punctuation())
    })
}

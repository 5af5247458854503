//! Filters: which rows of a list are shown. Words are joined by "and".
//!
//! `text` keeps rows that contain it, `!text` those that do not, `~text` those that hold its letters in order,
//! `field:value` looks at one field only (a field may be shortened: `st:fail`). Case never matters.

use std::borrow::Cow;

/// A row, as a filter sees it: calls the visitor with each field and its value until it answers `true`.
pub trait Fields {
    /// The names that can be filtered by.
    const NAMES: &'static [&'static str];

    /// Of these, the ones that a word alone does not look at.
    const BY_NAME_ONLY: &'static [&'static str] = &[];

    /// Whether the visitor answered `true` for any field.
    fn any(&self, visitor: &mut dyn FnMut(&str, &str) -> bool) -> bool;
}

/// What was typed, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    not: bool,
    fuzzy: bool,
    field: Option<String>,
    value: String,
}

impl Filter {
    /// Understands what was typed. Never fails: what is no field is text.
    #[must_use]
    pub fn parse<T: Fields>(text: &str) -> Self {
        Self {
            text: text.trim().to_owned(),
            terms: text
                .split_whitespace()
                .filter_map(|word| Term::parse(word, T::NAMES))
                .collect(),
        }
    }

    /// As typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether everything passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a row passes.
    #[must_use]
    pub fn matches<T: Fields>(&self, row: &T) -> bool {
        self.terms.iter().all(|term| term.matches(row))
    }
}

impl Term {
    fn parse(word: &str, names: &[&str]) -> Option<Self> {
        let (not, rest) = match word.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let (field, rest) = match rest.split_once(':') {
            Some((name, value)) if !name.is_empty() => {
                let name = name.to_ascii_lowercase();
                match names.iter().find(|known| known.starts_with(&name)) {
                    Some(known) => (Some((*known).to_owned()), value),
                    None => (None, rest),
                }
            }
            _ => (None, rest),
        };
        let (fuzzy, value) = match rest.strip_prefix('~') {
            Some(value) => (true, value),
            None => (false, rest),
        };
        // A word that is still being typed (`!`, `class:`) hides nothing.
        (!value.is_empty()).then(|| Self {
            not,
            fuzzy,
            field,
            value: value.to_ascii_lowercase(),
        })
    }

    fn matches<T: Fields>(&self, row: &T) -> bool {
        let found = row.any(&mut |name, value| {
            let looked_at = match &self.field {
                Some(field) => field == name,
                None => !T::BY_NAME_ONLY.contains(&name),
            };
            if !looked_at {
                return false;
            }
            if self.fuzzy {
                holds_in_order(value, &self.value)
            } else {
                lower(value).contains(self.value.as_str())
            }
        });
        found != self.not
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn holds_in_order(text: &str, letters: &str) -> bool {
    let text = lower(text);
    let mut rest = text.chars();
    letters
        .chars()
        .all(|letter| rest.any(|character| character == letter))
}

#[cfg(test)]
mod tests {
    use super::{Fields, Filter};

    struct Row(&'static str, &'static str);

    impl Fields for Row {
        const NAMES: &'static [&'static str] = &["workload", "state", "class"];

        fn any(&self, visitor: &mut dyn FnMut(&str, &str) -> bool) -> bool {
            visitor("workload", self.0) || visitor("state", self.1)
        }
    }

    #[test]
    fn the_grammar() {
        let row = Row("support-chat", "FAILING");
        for (case, text, passes) in [
            ("empty", "", true),
            ("substring", "port", true),
            ("case does not matter", "PORT fail", true),
            ("another", "batch", false),
            ("and", "support batch", false),
            ("not", "!batch", true),
            ("not, present", "!support", false),
            ("field", "workload:support", true),
            ("wrong field", "state:support", false),
            ("short field", "st:fail", true),
            ("not in a field", "!state:fail", false),
            ("fuzzy", "~spch", true),
            ("fuzzy out of order", "~hcps", false),
            ("fuzzy in a field", "workload:~sct", true),
            ("no such field is text", "mode:x", false),
            ("still being typed", "workload: !", true),
        ] {
            assert_eq!(Filter::parse::<Row>(text).matches(&row), passes, "{case}");
        }
    }
}

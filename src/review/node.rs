//! JSON as it was written: duplicate keys, number texts and places are kept.
//!
//! Called by `fields` and `calls`. Nothing is read twice as deep as [`DEPTH`]: what is nested deeper stays one value.

use std::{borrow::Cow, fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// How deep a text is taken apart. Each level reads what is below it once more.
const DEPTH: usize = 48;

/// The type of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JsonKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl JsonKind {
    /// The name as in a schema.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// One value of a text.
#[derive(Clone, Debug)]
pub(super) struct Node<'t> {
    /// As written.
    pub(super) raw: &'t str,
    /// In bytes of the whole text.
    pub(super) range: Range<usize>,
    pub(super) kind: JsonKind,
    pub(super) content: Content<'t>,
}

/// What a value is made of.
#[derive(Clone, Debug)]
pub(super) enum Content<'t> {
    /// A scalar, or something nested too deep: compared as it is written.
    Leaf,
    Array(Vec<Node<'t>>),
    /// In the order of the text; a key may stand twice.
    Object(Vec<(String, Node<'t>)>),
}

impl<'t> Node<'t> {
    /// Reads a text; why it is not JSON when it is not.
    pub(super) fn read(text: &'t str) -> Result<Self, String> {
        Self::within(text, text)
    }

    /// Reads a part of a text.
    pub(super) fn within(text: &'t str, part: &'t str) -> Result<Self, String> {
        let raw: &RawValue = serde_json::from_str(part).map_err(|error| error.to_string())?;
        Ok(Self::of(raw, text, DEPTH))
    }

    fn of(value: &'t RawValue, text: &'t str, depth: usize) -> Self {
        let raw = value.get();
        // `raw` is a part of `text`.
        let start = (raw.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let kind = match raw.as_bytes().first() {
            Some(b'{') => JsonKind::Object,
            Some(b'[') => JsonKind::Array,
            Some(b'"') => JsonKind::String,
            Some(b't' | b'f') => JsonKind::Bool,
            Some(b'n') => JsonKind::Null,
            Some(_) | None => JsonKind::Number,
        };
        let deeper = depth.checked_sub(1);
        let content = match (kind, deeper) {
            (JsonKind::Object, Some(depth)) => {
                serde_json::from_str(raw).ok().map(|Entries(all)| {
                    let entry = |(key, value)| (key, Self::of(value, text, depth));
                    Content::Object(all.into_iter().map(entry).collect())
                })
            }
            (JsonKind::Array, Some(depth)) => serde_json::from_str(raw).ok().map(|all: Vec<_>| {
                Content::Array(
                    all.into_iter()
                        .map(|value| Self::of(value, text, depth))
                        .collect(),
                )
            }),
            _ => None,
        };
        Self {
            raw,
            range: start..start + raw.len(),
            kind,
            content: content.unwrap_or(Content::Leaf),
        }
    }

    /// The same text for values that are equal: keys in order, numbers by value, strings without needless escapes.
    pub(super) fn canonical(&self) -> String {
        let mut text = String::with_capacity(self.raw.len());
        self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) {
        match &self.content {
            Content::Leaf => text.push_str(&self.scalar()),
            Content::Array(elements) => {
                text.push('[');
                for element in elements {
                    element.write(text);
                    text.push(',');
                }
                text.push(']');
            }
            Content::Object(entries) => {
                let mut sorted: Vec<&(String, Node<'_>)> = entries.iter().collect();
                // Stable: of a key that stands twice the first stays the first.
                sorted.sort_by(|one, other| one.0.cmp(&other.0));
                text.push('{');
                for (key, value) in sorted {
                    text.push_str(&serde_json::Value::from(key.as_str()).to_string());
                    text.push(':');
                    value.write(text);
                    text.push(',');
                }
                text.push('}');
            }
        }
    }

    fn scalar(&self) -> Cow<'t, str> {
        match self.kind {
            JsonKind::Number => decimal(self.raw).map_or(Cow::Borrowed(self.raw), Cow::Owned),
            JsonKind::String if self.raw.contains('\\') => {
                match serde_json::from_str::<serde_json::Value>(self.raw) {
                    Ok(value) => Cow::Owned(value.to_string()),
                    Err(_) => Cow::Borrowed(self.raw),
                }
            }
            JsonKind::String
            | JsonKind::Null
            | JsonKind::Bool
            | JsonKind::Array
            | JsonKind::Object => Cow::Borrowed(self.raw),
        }
    }
}

/// A number by its value, of any size: sign, digits without zeros at the ends, power of ten.
fn decimal(raw: &str) -> Option<String> {
    let (sign, rest) = match raw.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", raw),
    };
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() {
        return Some("0".to_owned());
    }
    let power = exponent.parse::<i64>().ok()?;
    let dropped = i64::try_from(digits.len() - kept.len()).ok()?;
    let power = power
        .checked_sub(i64::try_from(fraction.len()).ok()?)?
        .checked_add(dropped)?;
    Some(format!("{sign}{}e{power}", kept.trim_start_matches('0')))
}

/// The entries of an object, those with the same key too.
struct Entries<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(All)
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, decimal};

    #[test]
    fn numbers_are_told_by_their_value() {
        for (one, other, same) in [
            ("1", "1.0", true),
            ("100", "1e2", true),
            ("0.10", "1E-1", true),
            ("-0.0", "0", true),
            ("12345678901234567890123", "12345678901234567890124", false),
            ("1", "-1", false),
            ("10", "1", false),
            ("0.05", "0.5", false),
        ] {
            assert_eq!(decimal(one) == decimal(other), same, "{one} {other}");
        }
    }

    #[test]
    fn equal_values_have_one_canonical_text() {
        let text = |json| Node::read(json).unwrap().canonical();
        assert_eq!(
            text(r#"{"b": [1.0, "\u00e9"], "a": null}"#),
            text(r#"{"a":null,"b":[1,"é"]}"#)
        );
        assert_ne!(text(r#"{"a": 1, "a": 2}"#), text(r#"{"a": 2, "a": 1}"#));
        assert_ne!(text(r#"["a,", "b"]"#), text(r#"["a", ",b"]"#));
    }

    #[test]
    fn places_are_of_the_whole_text() {
        let json = " {\"a\": [ 1, {\"b\": \"ä\" } ]}";
        let node = Node::read(json).unwrap();
        let super::Content::Object(entries) = &node.content else {
            panic!()
        };
        let value = json.get(entries[0].1.range.clone());
        assert_eq!(value, Some("[ 1, {\"b\": \"ä\" } ]"));
    }

    #[test]
    fn a_tower_of_brackets_is_read() {
        let tower = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Node::read(&tower).unwrap().range, 0..200_000);
        assert!(Node::read(&"[".repeat(100_000)).is_err());
    }
}

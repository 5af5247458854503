//! The chain of the audit: each record carries a seal over itself and the seal before it, so that a record that
//! is changed, removed or moved later shows.
//!
//! A seal is `SHA-256(previous seal as 64 hexadecimal digits, line feed, canonical record)`. The canonical record
//! is its JSON as RFC 8785 has it: keys sorted, no spaces, UTF-8. (Records hold no fractions, which that standard
//! would print in its own way.) The seal before the first record is 64 zeros. So anybody can check it:
//!
//! ```python
//! text = json.dumps(line["record"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
//! line["seal"] == hashlib.sha256(f'{line["previous"]}\n{text}'.encode()).hexdigest()
//! ```
//!
//! No secret goes into it: who can write the store can write the whole chain anew. Only a seal that was kept
//! elsewhere, an [`Anchor`], speaks against that.

use std::{fmt, fmt::Write as _, str::FromStr};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::AuditRecord;

/// The seal of one record.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seal([u8; 32]);

impl Seal {
    /// What stands before the first record.
    pub const FIRST: Self = Self([0; 32]);

    /// Seals a record behind another seal.
    #[must_use]
    pub fn over(self, record: &Value) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(self.to_string().as_bytes());
        context.update(b"\n");
        context.update(canonical(record).as_bytes());
        let mut seal = [0; 32];
        for (byte, from) in seal.iter_mut().zip(context.finish().as_ref()) {
            *byte = *from;
        }
        Self(seal)
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Seal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a seal is 64 hexadecimal digits".to_owned();
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut seal = [0; 32];
        for (byte, digits) in seal.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = str::from_utf8(digits).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self(seal))
    }
}

impl Serialize for Seal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Seal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A record's number with its seal, to be kept where the store's writers cannot change it. Written `42:9f3c...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Which record; 0: before the first one.
    pub sequence: u64,
    /// Its seal.
    pub seal: Seal,
}

impl fmt::Display for Anchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.sequence, self.seal)
    }
}

impl FromStr for Anchor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no anchor; use the record's number, a colon and its seal");
        let (sequence, seal) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Self {
            sequence: sequence.parse().map_err(|_| wrong())?,
            seal: seal.parse()?,
        })
    }
}

/// A record with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SealedRecord {
    /// The seal of the record before it.
    pub previous: Seal,
    /// Its own; `None`: it has none, which is a finding of `audit --verify`.
    pub seal: Option<Seal>,
    /// The record as it is stored, also with what only a newer version knows.
    pub record: Value,
}

impl SealedRecord {
    /// The record as this version reads it.
    #[must_use]
    pub fn read(&self) -> Option<AuditRecord> {
        AuditRecord::deserialize(&self.record).ok()
    }

    /// Its number.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.record["sequence"].as_u64().unwrap_or(0)
    }
}

/// A JSON value as RFC 8785 writes it.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    put(&mut out, value);
    out
}

fn put(out: &mut String, value: &Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{value}");
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                put(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
            out.push('{');
            for (index, (name, field)) in fields.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                let _ = write!(out, "{}:", Value::from(name.as_str()));
                put(out, field);
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_canonical_form_is_that_of_the_standard() {
        for (case, value, wanted) in [
            (
                "keys are sorted",
                json!({"b": 1, "a": null, "": true}),
                r#"{"":true,"a":null,"b":1}"#,
            ),
            (
                "nested",
                json!({"z": [{"y": 1, "x": []}], "a": {}}),
                r#"{"a":{},"z":[{"x":[],"y":1}]}"#,
            ),
            // RFC 8785, section 3.2.2.2: short escapes where they exist, lower-case \u for the rest of C0,
            // everything else as it is.
            (
                "text",
                json!(
                    "\u{20ac}$\u{f}\u{a}A'\u{42}\u{22}\u{5c}\u{5c}\u{22}/\u{8}\u{9}\u{c}\u{d}\u{7f}\u{9b}"
                ),
                "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\\b\\t\\f\\r\u{7f}\u{9b}\"",
            ),
            // UTF-16 order: the surrogates of an emoji stand before U+FB33.
            (
                "order of keys",
                json!({"\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "1": 4}),
                "{\"1\":4,\"\u{20ac}\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}",
            ),
        ] {
            assert_eq!(canonical(&value), wanted, "{case}");
        }
    }

    /// Computed with `printf '%s\n%s' ... | sha256sum`.
    #[test]
    fn a_seal_is_what_other_tools_compute() {
        let first = Seal::FIRST.over(&json!({"b": 1, "a": "x"}));
        assert_eq!(first.to_string(), FIRST);
        let second = first.over(&json!({"a": "y"}));
        assert_eq!(second.to_string(), SECOND);
        assert_eq!(second.to_string().parse(), Ok(second));
    }

    const FIRST: &str = "015c8665bb0be3533484757d30dfd1d637d68c36b48ce8736421d3b56b9f0cd1";
    const SECOND: &str = "20b43ca982ba6e1e1631b2cebfc593475cb1d45bca8793c7cedf227973d38fe5";

    #[test]
    fn an_anchor_is_read_back() {
        let anchor = Anchor {
            sequence: 42,
            seal: Seal::FIRST.over(&json!({})),
        };
        assert_eq!(anchor.to_string().parse(), Ok(anchor));
        for wrong in ["", "42", "42:", "x:00", "42:zz", "-1:00"] {
            assert!(wrong.parse::<Anchor>().is_err(), "{wrong}");
        }
    }
}

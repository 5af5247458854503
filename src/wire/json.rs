//! A reader of JSON text that builds nothing: it walks a value front to back, finds fields and their places,
//! and skips the rest at the speed of memory.
//!
//! Used on the relay path for requests, answers and stream events. The structure is checked (brackets,
//! commas, literals, numbers, at most [`MAX_DEPTH`] levels); the inside of strings is not, as it is the
//! other side's to judge. No recursion, and no allocation but for a key that is written with escapes.

mod text;

use std::ops::Range;

pub use text::{Text, escaped};

use text::quote_or_escape;

/// The deepest nesting that [`Reader::skip`] follows; the limit of `serde_json` as well.
pub const MAX_DEPTH: u32 = 128;

/// The byte order mark that some clients put in front; JSON parsers of providers refuse or skip it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Not JSON, or not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where reading stopped.
    pub at: usize,
    /// The text ended in the middle of a value: what was there so far was right.
    pub cut: bool,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    String,
    /// `-` or a digit
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// Walks one JSON text.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the start of a text; a byte order mark is skipped.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        let at = if text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        Self { text, at }
    }

    /// What the next value is. Reads nothing but white space before it.
    pub fn kind(&mut self) -> Result<Kind, Malformed> {
        self.space();
        match self.byte()? {
            b'{' => Ok(Kind::Object),
            b'[' => Ok(Kind::Array),
            b'"' => Ok(Kind::String),
            b'-' | b'0'..=b'9' => Ok(Kind::Number),
            b't' => Ok(Kind::True),
            b'f' => Ok(Kind::False),
            b'n' => Ok(Kind::Null),
            _ => Err(self.wrong()),
        }
    }

    /// Reads an object; `each` gets every key and must read its value. Anything else is skipped: `false`.
    pub fn fields(
        &mut self,
        mut each: impl FnMut(&mut Self, Text<'a>) -> Result<(), Malformed>,
    ) -> Result<bool, Malformed> {
        if self.kind()? != Kind::Object {
            return self.skip().map(|_| false);
        }
        self.at += 1;
        self.space();
        if self.byte()? == b'}' {
            self.at += 1;
            return Ok(true);
        }
        loop {
            let key = self.key()?;
            each(self, key)?;
            self.space();
            match self.byte()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(true);
                }
                _ => return Err(self.wrong()),
            }
        }
    }

    /// Reads an array; `each` must read every item. Anything else is skipped: `false`.
    pub fn items(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<bool, Malformed> {
        if self.kind()? != Kind::Array {
            return self.skip().map(|_| false);
        }
        self.at += 1;
        self.space();
        if self.byte()? == b']' {
            self.at += 1;
            return Ok(true);
        }
        loop {
            each(self)?;
            self.space();
            match self.byte()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(true);
                }
                _ => return Err(self.wrong()),
            }
        }
    }

    /// Reads a string. Anything else is skipped: `None`.
    pub fn string(&mut self) -> Result<Option<Text<'a>>, Malformed> {
        if self.kind()? == Kind::String {
            self.quoted().map(Some)
        } else {
            self.skip().map(|_| None)
        }
    }

    /// Reads a small whole number. Anything else is skipped: `None`.
    pub fn number(&mut self) -> Result<Option<u32>, Malformed> {
        let place = self.skip()?;
        let text = std::str::from_utf8(self.slice(place)).ok();
        Ok(text.and_then(|text| text.parse().ok()))
    }

    /// Skips a value and says whether it was `true`.
    pub fn is_true(&mut self) -> Result<bool, Malformed> {
        let kind = self.kind()?;
        self.skip().map(|_| kind == Kind::True)
    }

    /// Skips a value and says whether it holds anything: not `null`, `false`, `""`, `[]` or `{}`.
    pub fn is_filled(&mut self) -> Result<bool, Malformed> {
        self.filled().map(|place| place.is_some())
    }

    /// Skips a value and says where it stood, if it holds anything.
    pub fn filled(&mut self) -> Result<Option<Range<usize>>, Malformed> {
        let kind = self.kind()?;
        let place = self.skip()?;
        let inside = self
            .text
            .get(place.start + 1..place.end - 1)
            .unwrap_or_default();
        let filled = match kind {
            Kind::Null | Kind::False => false,
            Kind::Number | Kind::True => true,
            Kind::String => !inside.is_empty(),
            Kind::Array | Kind::Object => !inside.iter().all(u8::is_ascii_whitespace),
        };
        Ok(filled.then_some(place))
    }

    /// The text of a place that this reader has given.
    #[must_use]
    pub fn slice(&self, place: Range<usize>) -> &'a [u8] {
        self.text.get(place).unwrap_or_default()
    }

    /// Skips one value and says where it stood.
    pub fn skip(&mut self) -> Result<Range<usize>, Malformed> {
        self.space();
        let start = self.at;
        // One bit for each open bracket, the innermost lowest: set for an object.
        let mut open: u128 = 0;
        let mut depth: u32 = 0;
        loop {
            self.space();
            let first = self.byte()?;
            match first {
                b'{' | b'[' => {
                    if depth == MAX_DEPTH {
                        return Err(self.wrong());
                    }
                    self.at += 1;
                    self.space();
                    let object = first == b'{';
                    if self.byte()? == first + 2 {
                        // `}` and `]` stand two after `{` and `[`: nothing inside.
                        self.at += 1;
                    } else {
                        open = open << 1 | u128::from(object);
                        depth += 1;
                        if object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b'"' => {
                    self.quoted()?;
                }
                b'-' | b'0'..=b'9' => self.numeral()?,
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                b'n' => self.literal(b"null")?,
                _ => return Err(self.wrong()),
            }
            // A value has ended: close brackets until a comma asks for the next one.
            loop {
                if depth == 0 {
                    return Ok(start..self.at);
                }
                self.space();
                let object = open & 1 == 1;
                match self.byte()? {
                    b',' => {
                        self.at += 1;
                        if object {
                            self.key()?;
                        }
                        break;
                    }
                    b'}' if object => {}
                    b']' if !object => {}
                    _ => return Err(self.wrong()),
                }
                self.at += 1;
                open >>= 1;
                depth -= 1;
            }
        }
    }

    /// Checks that nothing but white space is left.
    pub fn end(&mut self) -> Result<(), Malformed> {
        self.space();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(self.wrong())
        }
    }

    /// A key with its colon.
    fn key(&mut self) -> Result<Text<'a>, Malformed> {
        self.space();
        if self.byte()? != b'"' {
            return Err(self.wrong());
        }
        let key = self.quoted()?;
        self.space();
        if self.byte()? != b':' {
            return Err(self.wrong());
        }
        self.at += 1;
        Ok(key)
    }

    /// A string, the reader standing on its quote.
    fn quoted(&mut self) -> Result<Text<'a>, Malformed> {
        let start = self.at;
        let mut escaped = false;
        let mut at = start + 1;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let Some(found) = quote_or_escape(rest) else {
                return Err(self.cut());
            };
            at += found + 1;
            if rest.get(found) == Some(&b'"') {
                break;
            }
            escaped = true;
            at += 1;
        }
        self.at = at;
        Ok(Text {
            quoted: self.text.get(start..at).unwrap_or_default(),
            start,
            escaped,
        })
    }

    /// A number by the grammar of RFC 8259.
    fn numeral(&mut self) -> Result<(), Malformed> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), Malformed> {
        if !self.byte()?.is_ascii_digit() {
            return Err(self.wrong());
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Malformed> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(())
        } else if word.starts_with(rest) {
            Err(self.cut())
        } else {
            Err(self.wrong())
        }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn byte(&self) -> Result<u8, Malformed> {
        self.peek().ok_or_else(|| self.cut())
    }

    fn cut(&self) -> Malformed {
        Malformed {
            at: self.text.len(),
            cut: true,
        }
    }

    fn wrong(&self) -> Malformed {
        Malformed {
            at: self.at,
            cut: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{Kind, MAX_DEPTH, Malformed, Reader, escaped};

    fn whole(text: &[u8]) -> Result<(), Malformed> {
        let mut reader = Reader::new(text);
        reader.skip()?;
        reader.end()
    }

    #[test]
    fn texts_are_judged_as_by_serde() {
        for text in [
            "{}",
            "[]",
            " [ ] ",
            "{ }",
            "null",
            "true",
            "false",
            "0",
            "-0",
            "-1.5e+10",
            "1E9",
            "\"\"",
            r#""a\"b\\""#,
            r#"{"a":{"b":[1,2,{"c":null}]},"d":""}"#,
            "\t{\r\n\"a\" : 1 }\n",
            "",
            " ",
            "{",
            "[1,]",
            "[,1]",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            "{a:1}",
            r#"{"a":1]"#,
            r#"["a":1]"#,
            "[1}",
            "[1 2]",
            "]",
            "01",
            "1.",
            ".5",
            "-",
            "+1",
            "1e",
            "1e+",
            "tru",
            "truex",
            "nul",
            "\"a",
            "\"a\\\"",
            "{}{}",
            "{} x",
            "{malformed json: <<<chaos>>>",
            "<html></html>",
            "'a'",
            "NaN",
            "[[[[]]]",
        ] {
            assert_eq!(
                whole(text.as_bytes()).is_ok(),
                serde_json::from_str::<Value>(text).is_ok(),
                "{text}"
            );
        }
    }

    #[test]
    fn every_prefix_of_a_text_is_cut_and_never_wrong() {
        let text = br#"{"a":[1,-2.5e3,true,false,null,"x\"y"],"b":{"c":{}}}"#;
        for end in 0..text.len() {
            let Malformed { cut, .. } = whole(&text[..end]).unwrap_err();
            assert!(cut, "{}", String::from_utf8_lossy(&text[..end]));
        }
        assert!(!whole(b"{malformed json: <<<chaos>>>").unwrap_err().cut);
    }

    #[test]
    fn depth_is_bounded_and_costs_no_stack() {
        let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
        assert!(whole(&nested(MAX_DEPTH as usize)).is_ok());
        assert!(whole(&nested(MAX_DEPTH as usize + 2)).is_err());
        assert!(whole(&b"[".repeat(10_000_000)).is_err());
        assert!(whole(&br#"{"a":"#.repeat(1_000_000)).is_err());
    }

    #[test]
    fn fields_and_places_are_found() {
        let text =
            b"\xef\xbb\xbf {\"a\" : \"x\" , \"mod\\u0065l\":\"g\\u0070t\", \"l\":[1,\"two\"]}";
        let mut found = Vec::new();
        let object = Reader::new(text).fields(|reader, key| {
            let kind = reader.kind()?;
            let place = reader.skip()?;
            found.push((key.text().unwrap().into_owned(), kind, place));
            Ok(())
        });
        assert_eq!(object, Ok(true));
        let shown: Vec<_> = found
            .iter()
            .map(|(key, kind, place)| (key.as_str(), *kind, &text[place.clone()]))
            .collect();
        assert_eq!(
            shown,
            [
                ("a", Kind::String, &b"\"x\""[..]),
                ("model", Kind::String, b"\"g\\u0070t\""),
                ("l", Kind::Array, b"[1,\"two\"]"),
            ]
        );
    }

    #[test]
    fn filled_means_something_is_there() {
        for (text, filled) in [
            ("null", false),
            ("false", false),
            ("\"\"", false),
            ("[]", false),
            ("[ ]", false),
            ("{\n}", false),
            ("true", true),
            ("0", true),
            ("\" \"", true),
            ("[0]", true),
            ("{\"a\":1}", true),
        ] {
            assert_eq!(
                Reader::new(text.as_bytes()).is_filled(),
                Ok(filled),
                "{text}"
            );
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..8)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_read_to_its_end_and_its_fields_agree(value in json(), pretty: bool) {
            let text = if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            // As serde reads it back: the last digit of a float is not what is tested here.
            let value: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(whole(text.as_bytes()), Ok(()));
            let mut fields = serde_json::Map::new();
            let object = Reader::new(text.as_bytes()).fields(|reader, key| {
                let place = reader.skip()?;
                let field = serde_json::from_slice(&text.as_bytes()[place]).unwrap();
                fields.insert(key.text().unwrap().into_owned(), field);
                Ok(())
            });
            prop_assert_eq!(object, Ok(value.is_object()));
            if let Value::Object(expected) = value {
                prop_assert_eq!(fields, expected);
            }
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let serde = serde_json::from_slice::<Value>(&bytes).is_ok();
            // Looser only inside strings: what serde accepts is accepted.
            prop_assert!(!serde || whole(&bytes).is_ok());
        }

        #[test]
        fn nearly_json_is_judged_as_by_serde(
            text in r#"[\[\]{},:"a0-2eE.+\-ntrufalse \n]{0,24}"#
        ) {
            // No escapes and no control characters inside strings here, so the verdicts must be equal.
            prop_assume!(!text.contains('\n') || !text.contains('"'));
            prop_assert_eq!(
                whole(text.as_bytes()).is_ok(),
                serde_json::from_str::<Value>(&text).is_ok()
                    || serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok()
            );
        }

        #[test]
        fn escaped_text_reads_back(text: String) {
            let quoted = format!("\"{}\"", escaped(&text));
            let read = Reader::new(quoted.as_bytes()).string().unwrap().unwrap();
            prop_assert_eq!(read.text().unwrap(), text);
        }
    }
}

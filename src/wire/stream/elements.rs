//! A JSON array that comes as a stream: where one of its elements ends, and what a piece of it holds.
//!
//! Used for Gemini's streams without `alt=sse`. A piece is everything from the end of the one before to the
//! end of its element, so that pieces in a row are the bytes as they came: `[{...}`, `,\r\n{...}`, `\n]`.

use memchr::memchr2;

use super::super::sse::Event;

/// Finds the ends of elements in bytes that may be split anywhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Elements {
    place: Place,
    /// Open brackets of the current element.
    depth: u32,
    /// Elements that have ended.
    ended: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before the array.
    #[default]
    Before,
    /// Between elements.
    Between,
    Inside,
    InString,
    /// Behind a backslash in a string.
    Escaped,
    /// Behind the array.
    Closed,
    /// Something came that belongs in no list of answers; nothing behind it is looked at.
    Lost,
}

impl Elements {
    /// Reads on. `Some`: a piece ends after this many of the bytes; go on with the rest. `None`: all bytes
    /// were read and the piece goes on.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at += 1;
            match self.place {
                Place::Before => match byte {
                    // A byte order mark.
                    b' ' | b'\n' | b'\r' | b'\t' | 0xef | 0xbb | 0xbf => {}
                    b'[' => self.place = Place::Between,
                    // One answer, or an error, that is in no array.
                    b'{' => self.enter(),
                    _ => return self.lose(at),
                },
                Place::Between => match byte {
                    b' ' | b'\n' | b'\r' | b'\t' | b',' => {}
                    b'{' => self.enter(),
                    b']' => {
                        self.place = Place::Closed;
                        return Some(at);
                    }
                    _ => return self.lose(at),
                },
                Place::Inside => match byte {
                    b'"' => self.place = Place::InString,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => {
                        self.depth -= 1;
                        if self.depth == 0 {
                            self.place = Place::Between;
                            self.ended += 1;
                            return Some(at);
                        }
                    }
                    _ => {}
                },
                Place::InString => {
                    // Images are long strings.
                    let rest = bytes.get(at - 1..).unwrap_or_default();
                    let found = memchr2(b'"', b'\\', rest)?;
                    at += found;
                    self.place = if rest.get(found) == Some(&b'"') {
                        Place::Inside
                    } else {
                        Place::Escaped
                    };
                }
                Place::Escaped => self.place = Place::InString,
                Place::Closed | Place::Lost => return None,
            }
        }
        None
    }

    /// The array has ended.
    pub(super) fn closed(&self) -> bool {
        self.place == Place::Closed
    }

    /// Whether an element has ended.
    pub(super) const fn any(&self) -> bool {
        self.ended > 0
    }

    fn enter(&mut self) {
        self.place = Place::Inside;
        self.depth = 1;
    }

    #[expect(clippy::unnecessary_wraps, reason = "what `next` returns")]
    fn lose(&mut self, at: usize) -> Option<usize> {
        self.place = Place::Lost;
        Some(at)
    }
}

/// What a piece holds, in the words of events: an element is data, the end of the array is nothing, and
/// everything else is stray. `first`: nothing came before it.
pub(super) fn read(raw: &[u8], first: bool) -> Event<'_> {
    let stray = |stray| Event {
        stray: Some(stray),
        ..Event::default()
    };
    let text = raw.trim_ascii();
    let element = match (text.split_first(), first) {
        (None, _) | (Some((b']', [])), false) => return Event::default(),
        (Some((b'[', rest)), true) | (Some((b',', rest)), false) => rest.trim_ascii(),
        (Some(_), _) => return stray(text),
    };
    match element {
        [] | [b']'] if first => Event::default(),
        [b'{', ..] => Event {
            data_at: Some(raw.trim_ascii_end().len() - element.len()),
            data: Some(element.into()),
            ..Event::default()
        },
        _ => stray(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Elements, read};

    fn ends(pieces: &[&[u8]]) -> (Vec<usize>, bool) {
        let mut elements = Elements::default();
        let (mut ends, mut before) = (Vec::new(), 0);
        for piece in pieces {
            let mut at = 0;
            while let Some(length) = elements.next(&piece[at..]) {
                at += length;
                ends.push(before + at);
            }
            before += piece.len();
        }
        (ends, elements.closed())
    }

    #[test]
    fn elements_end_with_their_bracket() {
        for (case, stream, expected, closed) in [
            ("nothing", "", vec![], false),
            ("empty", "[]", vec![2], true),
            ("one", "[{}]", vec![3, 4], true),
            (
                "as google writes it",
                "[{\"a\": 1}\n,\r\n{\"a\": 2}\n]\n",
                vec![9, 21, 23],
                true,
            ),
            (
                "brackets in strings",
                r#"[{"a":"}]\"}"},{"#,
                vec![14],
                false,
            ),
            (
                "backslash at the end",
                r#"[{"a":"\\"},{}]"#,
                vec![11, 14, 15],
                true,
            ),
            ("nested", r#"[{"a":[{"b":[]}]}"#, vec![17], false),
            ("not ended", "[{\"a\":", vec![], false),
            ("no array", "{\"error\":{}} ", vec![12], false),
            ("html", "<html>", vec![1], false),
            ("a number", "[1,2]", vec![2], false),
            ("a list in the list", "[[]]", vec![2], false),
            ("behind the end", "[]{}", vec![2], true),
            ("byte order mark", "\u{feff}[{}", vec![6], false),
        ] {
            assert_eq!(ends(&[stream.as_bytes()]), (expected, closed), "{case}");
        }
    }

    #[test]
    fn pieces_say_what_they_hold() {
        for (case, raw, first, data, stray) in [
            ("the first", "[{\"a\":1}", true, Some("{\"a\":1}"), None),
            ("spaces", " [ \n{} ", true, Some("{}"), None),
            (
                "another",
                "\n,\r\n{\"a\":1}",
                false,
                Some("{\"a\":1}"),
                None,
            ),
            ("the end", "\n]", false, None, None),
            ("an empty array", "[ ]", true, None, None),
            ("only its beginning", "[", true, None, None),
            ("nothing", " \n", true, None, None),
            (
                "no array",
                "{\"error\":{}}",
                true,
                None,
                Some("{\"error\":{}}"),
            ),
            ("no comma", "{}", false, None, Some("{}")),
            ("two commas", ",,{}", false, None, Some(",,{}")),
            ("comma first", "[,{}", true, None, Some("[,{}")),
            ("comma at the end", ",]", false, None, Some(",]")),
            ("html", "<html>", true, None, Some("<html>")),
            ("a number", "[1", true, None, Some("[1")),
        ] {
            let event = read(raw.as_bytes(), first);
            assert_eq!(event.data.as_deref(), data.map(str::as_bytes), "{case}");
            assert_eq!(event.stray, stray.map(str::as_bytes), "{case}");
            if let (Some(at), Some(data)) = (event.data_at, data) {
                assert_eq!(
                    &raw.as_bytes()[at..at + data.len()],
                    data.as_bytes(),
                    "{case}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn splits_do_not_move_the_ends(
            stream in r#"[\[\]{},:a"\\ ]{0,40}"#,
            cut in any::<prop::sample::Index>(),
            cut_again in any::<prop::sample::Index>(),
        ) {
            let bytes = stream.as_bytes();
            let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
            let (middle, tail) = tail.split_at(cut_again.index(tail.len() + 1));
            prop_assert_eq!(ends(&[bytes]), ends(&[head, middle, tail]));
        }

        #[test]
        fn an_array_of_anything_falls_into_its_elements(
            texts in prop::collection::vec(".{0,20}", 0..6),
        ) {
            let elements: Vec<_> = texts.iter().map(|text| serde_json::json!({"a": [text]})).collect();
            let stream = serde_json::Value::from(elements.clone()).to_string();
            let (ends, closed) = ends(&[stream.as_bytes()]);
            prop_assert!(closed);
            let mut found = Vec::new();
            let mut start = 0;
            for end in ends {
                if let Some(data) = read(&stream.as_bytes()[start..end], start == 0).data {
                    found.push(serde_json::from_slice::<serde_json::Value>(&data).unwrap());
                }
                start = end;
            }
            prop_assert_eq!(found, elements);
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200), first: bool) {
            let _ = ends(&[&bytes]);
            let _ = read(&bytes, first);
        }
    }
}

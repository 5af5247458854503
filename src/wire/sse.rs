//! Server-sent events: where one ends, and what it says.
//!
//! Used by [`super::stream`]. Two steps, so that nothing is copied when an event arrives whole: a
//! [`Boundary`] finds ends in bytes that may be split anywhere, and [`Event::read`] reads one whole event.
//! Lines end as the standard says: with a line feed, a carriage return, or both. After a carriage return the next
//! byte must be seen before anybody knows whether the line has ended with it.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// Finds the ends of events in a stream.
#[derive(Clone, Debug, Default)]
pub struct Boundary {
    /// Bytes of the current line so far.
    line: usize,
    /// Its first byte.
    first: u8,
    /// Whether the current event already has a line.
    inside: bool,
    /// The last byte was a carriage return: a line feed that follows belongs to the same line end.
    returned: bool,
}

impl Boundary {
    /// Reads on. `Some`: an event ends after this many of the bytes; go on with the rest. `None`: all bytes
    /// were read and the event goes on. 0: the event has ended with the byte before.
    ///
    /// A comment line on its own is an event too, so that keep-alives are never held back.
    pub fn next(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let next = rest.first().copied();
            if self.returned {
                at += usize::from(next? == b'\n');
                self.returned = false;
                if self.line_ended() {
                    return Some(at);
                }
                continue;
            }
            if self.line == 0 {
                self.first = next.unwrap_or_default();
            }
            let Some(length) = memchr2(b'\n', b'\r', rest) else {
                self.line += rest.len();
                return None;
            };
            self.line += length;
            at += length + 1;
            self.returned = rest.get(length) == Some(&b'\r');
            if !self.returned && self.line_ended() {
                return Some(at);
            }
        }
    }

    /// Takes in the end of a line; says whether an event has ended with it.
    fn line_ended(&mut self) -> bool {
        let blank = std::mem::take(&mut self.line) == 0;
        let comment = self.first == b':' && !self.inside;
        self.inside = !(blank || comment);
        !self.inside
    }
}

/// One event, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its `event:` line.
    pub name: Option<&'a [u8]>,
    /// Its data, trimmed; several lines are joined by line feeds. `None`: a comment or an empty event.
    pub data: Option<Cow<'a, [u8]>>,
    /// Where the data stands in the event, when it is in one piece.
    pub data_at: Option<usize>,
    /// The first line that can be no line of an event stream.
    pub stray: Option<&'a [u8]>,
}

impl<'a> Event<'a> {
    /// Reads the bytes of one event, its blank line included or not.
    #[must_use]
    pub fn read(raw: &'a [u8]) -> Self {
        let mut event = Self::default();
        let mut at = 0;
        while at < raw.len() {
            let rest = raw.get(at..).unwrap_or_default();
            // Of both, the empty line between them says nothing.
            let length = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            event.line(rest.get(..length).unwrap_or_default(), at);
            at += length + 1;
        }
        event
    }

    /// Takes in one line that stands at an offset.
    fn line(&mut self, line: &'a [u8], at: usize) {
        if line.is_empty() || line.first() == Some(&b':') {
            return;
        }
        // Nearly every line is data: it is asked for first.
        if let Some(value) = line.strip_prefix(b"data:") {
            let skipped = line.len() - value.trim_ascii_start().len();
            self.add_data(value.trim_ascii(), at + skipped);
        } else if let Some(value) = line.strip_prefix(b"event:") {
            self.name = Some(value.trim_ascii());
        } else if !is_field(line) {
            self.stray.get_or_insert(line);
        }
    }

    fn add_data(&mut self, value: &'a [u8], at: usize) {
        match &mut self.data {
            None if value.is_empty() => {}
            None => {
                self.data = Some(Cow::Borrowed(value));
                self.data_at = Some(at);
            }
            Some(data) => {
                let joined = data.to_mut();
                joined.push(b'\n');
                joined.extend_from_slice(value);
                self.data_at = None;
            }
        }
    }
}

/// Whether a line is a field of the standard, or one by its form (`name:`), which the standard says to ignore.
fn is_field(line: &[u8]) -> bool {
    match memchr(b':', line) {
        Some(colon) => line
            .get(..colon)
            .unwrap_or_default()
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')),
        None => matches!(line, b"data" | b"event" | b"id" | b"retry"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Boundary, Event};

    fn ends(pieces: &[&[u8]]) -> Vec<usize> {
        let mut boundary = Boundary::default();
        let (mut ends, mut before) = (Vec::new(), 0);
        for piece in pieces {
            let mut at = 0;
            while let Some(length) = boundary.next(&piece[at..]) {
                at += length;
                ends.push(before + at);
            }
            before += piece.len();
        }
        ends
    }

    #[test]
    fn events_end_where_the_standard_says() {
        for (case, stream, expected) in [
            ("nothing", "", vec![]),
            ("one", "data: a\n\n", vec![9]),
            ("two", "data: a\n\ndata: b\n\n", vec![9, 18]),
            ("carriage returns", "data: a\r\n\r\n", vec![11]),
            ("mixed", "data: a\r\n\ndata: b\n\r\n", vec![10, 20]),
            (
                "carriage returns alone",
                "data: a\r\rdata: b\r\r\n",
                vec![9, 19],
            ),
            (
                "every line end",
                "event: e\rdata: a\r\n\ndata: b\n\r\r\n",
                vec![19, 28, 30],
            ),
            ("perhaps not ended", "data: a\r\r", vec![]),
            ("comment and return", ": ping\rdata: a\n\n", vec![7, 16]),
            ("not ended", "data: a\n", vec![]),
            ("blank lines between", "data: a\n\n\n", vec![9, 10]),
            ("comment alone", ": ping\n", vec![7]),
            ("comment and blank line", ": ping\n\n", vec![7, 8]),
            (
                "comment inside an event",
                "event: e\n: x\ndata: a\n\n",
                vec![22],
            ),
        ] {
            assert_eq!(ends(&[stream.as_bytes()]), expected, "{case}");
        }
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        for (case, raw, name, data, data_at, stray) in [
            ("data", "data: {}\n\n", None, Some("{}"), Some(6), None),
            ("no space", "data:{}\n\n", None, Some("{}"), Some(5), None),
            (
                "carriage return",
                "data: {}\r\n\r\n",
                None,
                Some("{}"),
                Some(6),
                None,
            ),
            (
                "carriage returns alone",
                "event: e\rdata: {}\r\r",
                Some("e"),
                Some("{}"),
                Some(15),
                None,
            ),
            (
                "named",
                "event: error\ndata: {}\n\n",
                Some("error"),
                Some("{}"),
                Some(19),
                None,
            ),
            (
                "data first",
                "data: {}\nevent: e\n\n",
                Some("e"),
                Some("{}"),
                Some(6),
                None,
            ),
            (
                "two lines",
                "data: a\ndata: b\n\n",
                None,
                Some("a\nb"),
                None,
                None,
            ),
            ("empty data", "data:\n\n", None, None, None, None),
            ("data without a colon", "data\n\n", None, None, None, None),
            (
                "comment",
                ": OPENROUTER PROCESSING\n",
                None,
                None,
                None,
                None,
            ),
            (
                "other fields",
                "id: 1\nretry: 5\nx-new: 1\ndata: a\n\n",
                None,
                Some("a"),
                Some(30),
                None,
            ),
            (
                "not ended",
                "data: [DONE]",
                None,
                Some("[DONE]"),
                Some(6),
                None,
            ),
            (
                "bare json",
                "{\"error\":{}}\n",
                None,
                None,
                None,
                Some("{\"error\":{}}"),
            ),
            ("html", "<html>\n<body>\n", None, None, None, Some("<html>")),
            (
                "prose",
                "upstream connect error\n",
                None,
                None,
                None,
                Some("upstream connect error"),
            ),
        ] {
            let event = Event::read(raw.as_bytes());
            assert_eq!(event.name, name.map(str::as_bytes), "{case}");
            assert_eq!(event.data.as_deref(), data.map(str::as_bytes), "{case}");
            assert_eq!(event.data_at, data_at, "{case}");
            assert_eq!(event.stray, stray.map(str::as_bytes), "{case}");
        }
    }

    proptest! {
        #[test]
        fn splits_do_not_move_the_ends(
            stream in "(data: a\r?\n|data: a\r|event: b\n|: c\n|: c\r|\r?\n|\r|x){0,20}",
            cut in any::<prop::sample::Index>(),
            cut_again in any::<prop::sample::Index>(),
        ) {
            let bytes = stream.as_bytes();
            let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
            let (middle, tail) = tail.split_at(cut_again.index(tail.len() + 1));
            prop_assert_eq!(ends(&[bytes]), ends(&[head, middle, tail]));
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let event = Event::read(&bytes);
            if let (Some(at), Some(data)) = (event.data_at, &event.data) {
                prop_assert_eq!(&bytes[at..at + data.len()], &data[..]);
            }
        }
    }
}

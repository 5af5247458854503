//! Event streams: however they are split, the same comes out, unchanged, and in whole events.

use backstop::wire::{
    Shape,
    error_body::{GatewayError, stream_event},
    sse::{Boundary, Event},
    stream::{Seen, Watch},
};
use bytes::Bytes;
use serde_json::Value;

const NOTICE: &str = "Served by a \"fallback\".";
const NOTICE_INSIDE: &[u8] = br#"Served by a \"fallback\".\n\n"#;

/// Checks one stream.
pub fn check(data: &[u8]) {
    events_are_those_of_the_standard(data);
    for shape in Shape::ALL {
        for notice in [None, Some(NOTICE)] {
            let whole = Passed::of(shape, notice, &[data]);
            for pieces in splits(data) {
                let split = Passed::of(shape, notice, &pieces);
                assert_eq!(split, whole, "{shape}: split into {}", pieces.len());
            }
            whole.is_what_came(data, notice);
            whole.can_be_broken_off(shape);
        }
    }
}

/// The stream byte by byte, and in pieces of uneven lengths that depend on it.
fn splits(data: &[u8]) -> [Vec<&[u8]>; 2] {
    let mut state = data
        .iter()
        .fold(1_u32, |state, byte| state.rotate_left(5) ^ u32::from(*byte));
    let (mut uneven, mut rest) = (Vec::new(), data);
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = 1 + (state >> 16) as usize % 48;
        let (piece, after) = rest.split_at(length.min(rest.len()));
        uneven.push(piece);
        rest = after;
    }
    [data.chunks(1).collect(), uneven]
}

/// What has become of a stream.
#[derive(Debug, PartialEq)]
struct Passed {
    /// Before the end of the upstream was told, and after.
    before_end: Vec<u8>,
    after_end: Vec<u8>,
    seen_before_end: Seen,
    seen: Seen,
    evidence: String,
    notice: bool,
    closing_before_end: Vec<u8>,
    closing: Vec<u8>,
}

impl Passed {
    fn of(shape: Shape, notice: Option<&str>, pieces: &[&[u8]]) -> Self {
        let mut watch = match notice {
            Some(notice) => Watch::with_notice(shape, notice),
            None => Watch::new(shape),
        };
        let mut out = Vec::new();
        let mut last = Seen::default();
        for piece in pieces {
            let seen = watch.push(Bytes::copy_from_slice(piece), &mut out);
            assert!(seen.output || !last.output, "output was unseen");
            assert!(seen.end || !last.end, "the end was unseen");
            assert!(seen.error.is_some() || last.error.is_none());
            last = seen.clone();
        }
        let before_end = out.concat();
        let seen_before_end = watch.seen().clone();
        let closing_before_end = watch.closing().unwrap_or_default().to_vec();
        out.clear();
        watch.finish(&mut out);
        Self {
            before_end,
            after_end: out.concat(),
            seen_before_end,
            seen: watch.seen().clone(),
            evidence: format!("{:?}", watch.evidence_at_end()),
            notice: watch.notice_given(),
            closing_before_end,
            closing: watch.closing().unwrap_or_default().to_vec(),
        }
    }

    /// No byte is changed, lost or added but the notice.
    fn is_what_came(&self, data: &[u8], notice: Option<&str>) {
        let mut out = [&self.before_end[..], &self.after_end].concat();
        assert!(notice.is_some() || !self.notice);
        if self.notice {
            let at = out
                .windows(NOTICE_INSIDE.len())
                .position(|window| window == NOTICE_INSIDE)
                .expect("a given notice is there");
            out.drain(at..at + NOTICE_INSIDE.len());
        }
        if self.seen.malformed {
            assert!(data.starts_with(&out), "not what came");
        } else {
            assert_eq!(out, data, "not what came");
        }
    }

    /// After whole events, an error event of ours is one that a client can read.
    fn can_be_broken_off(&self, shape: Shape) {
        let error = GatewayError {
            status: 502,
            code: "backstop_upstream_broke",
            message: "the stream broke".to_owned(),
        };
        let event = stream_event(shape, &error);
        let ours: Value = {
            let event = Event::read(&event);
            serde_json::from_slice(event.data.as_deref().unwrap()).unwrap()
        };
        let all = [&self.before_end[..], &self.after_end].concat();
        for (case, before, closing, seen) in [
            (
                "cut",
                &self.before_end,
                &self.closing_before_end,
                &self.seen_before_end,
            ),
            ("ended", &all, &self.closing, &self.seen),
        ] {
            if seen.end || seen.error.is_some() {
                continue;
            }
            let stream = [&before[..], closing, &event].concat();
            let last = standard(&stream).pop().expect("an event");
            let data = serde_json::from_slice::<Value>(&last.data).ok();
            assert_eq!(data.as_ref(), Some(&ours), "{case}: our error is not read");
        }
    }
}

/// An event as a client reads it.
#[derive(Debug, Default, PartialEq)]
struct Read {
    name: Vec<u8>,
    data: Vec<u8>,
}

/// The algorithm of the standard, written down line by line. A carriage return at the very end may be half a
/// line end, and ends no line yet. What is not closed by a blank line is no event.
fn standard(stream: &[u8]) -> Vec<Read> {
    let mut events = Vec::new();
    let mut event = Read::default();
    let mut lines = 0;
    let stream = stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream);
    let mut rest = stream;
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = &rest[..end];
        let both = rest[end..].starts_with(b"\r\n");
        if &rest[end..] == b"\r" {
            break;
        }
        rest = &rest[end + 1 + usize::from(both)..];
        if line.is_empty() {
            let ended = std::mem::take(&mut event);
            if std::mem::take(&mut lines) > 0 {
                events.push(ended);
            }
            continue;
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if lines > 0 {
                    event.data.push(b'\n');
                }
                event.data.extend_from_slice(value);
                lines += 1;
            }
            b"event" => event.name = value.to_vec(),
            _ => {}
        }
    }
    events
}

/// The two steps of `sse` find the events that the standard says; only white space around data may differ.
fn events_are_those_of_the_standard(data: &[u8]) {
    // A byte order mark is the watch's to skip.
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let lines = |data: &[u8]| -> Vec<Vec<u8>> {
        data.split(|byte| *byte == b'\n')
            .map(|line| line.trim_ascii().to_vec())
            .filter(|line| !line.is_empty())
            .collect()
    };
    let (mut found, mut rest, mut boundary) = (Vec::new(), data, Boundary::default());
    while let Some(length) = boundary.next(rest) {
        let (raw, after) = rest.split_at(length);
        rest = after;
        let event = Event::read(raw);
        if let Some(data) = &event.data {
            if let Some(at) = event.data_at {
                assert_eq!(&raw[at..at + data.len()], &data[..]);
            }
            found.push((event.name.unwrap_or_default().to_vec(), lines(data)));
        }
    }
    found.retain(|(_, data)| !data.is_empty());
    let mut expected: Vec<_> = standard(data)
        .into_iter()
        .map(|event| (event.name.trim_ascii().to_vec(), lines(&event.data)))
        .collect();
    expected.retain(|(_, data)| !data.is_empty());
    if found.len() == expected.len()
        && data
            .split(|byte| matches!(byte, b'\n' | b'\r'))
            .any(|line| line == b"event")
    {
        // `event` without a colon takes a name back; here it does not, and nobody sends it.
        for ((ours, _), (theirs, _)) in found.iter_mut().zip(&expected) {
            ours.clone_from(theirs);
        }
    }
    assert_eq!(found, expected);
}

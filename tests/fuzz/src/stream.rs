//! Event streams: however they are split, the same comes out, unchanged, and in whole events.

use backstop::wire::{
    Framing, Shape,
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
    let framed = Shape::ALL.map(|shape| (shape, Framing::Events));
    for (shape, framing) in framed
        .into_iter()
        .chain([(Shape::GeminiGenerate, Framing::Array)])
    {
        for notice in [None, Some(NOTICE)] {
            let watch = || match notice {
                Some(notice) => Watch::with_notice(shape, notice).framed(framing),
                None => Watch::new(shape).framed(framing),
            };
            let whole = Passed::of(watch(), &[data]);
            for pieces in splits(data) {
                let split = Passed::of(watch(), &pieces);
                let count = pieces.len();
                assert_eq!(split, whole, "{shape}, {framing:?}: split into {count}");
            }
            whole.is_what_came(data, framing, notice);
            whole.can_be_broken_off(shape, framing);
        }
    }
}

/// A stream of this length is also looked at byte by byte; of a longer one that would take too long.
const SHORT: usize = 512;

/// The stream in pieces of uneven lengths that depend on it, and byte by byte.
fn splits(data: &[u8]) -> Vec<Vec<&[u8]>> {
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
    let mut splits = vec![uneven];
    if data.len() <= SHORT {
        splits.push(data.chunks(1).collect());
    }
    splits
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
    /// What would end it at either time.
    ending_before_end: Option<Vec<u8>>,
    ending: Option<Vec<u8>>,
}

impl Passed {
    fn of(mut watch: Watch, pieces: &[&[u8]]) -> Self {
        let ending = |watch: &Watch| watch.ending(&error()).map(|pieces| pieces.concat());
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
        let ending_before_end = ending(&watch);
        out.clear();
        watch.finish(&mut out);
        Self {
            before_end,
            after_end: out.concat(),
            seen_before_end,
            seen: watch.seen().clone(),
            evidence: format!("{:?}", watch.evidence_at_end()),
            notice: watch.notice_given(),
            ending_before_end,
            ending: ending(&watch),
        }
    }

    /// No byte is changed, lost or added but the notice.
    fn is_what_came(&self, data: &[u8], framing: Framing, notice: Option<&str>) {
        let mut out = [&self.before_end[..], &self.after_end].concat();
        assert!(notice.is_some() || !self.notice);
        if self.notice {
            let at = out
                .windows(NOTICE_INSIDE.len())
                .position(|window| window == NOTICE_INSIDE)
                .expect("a given notice is there");
            out.drain(at..at + NOTICE_INSIDE.len());
        }
        // Of an array that never ends, half an element or what comes behind it is in the way of ours.
        let unended = framing == Framing::Array && !self.seen.end;
        if self.seen.malformed || unended {
            assert!(data.starts_with(&out), "not what came");
        } else {
            assert_eq!(out, data, "not what came");
        }
    }

    /// Wherever a stream breaks, our error is the last thing that a client reads.
    fn can_be_broken_off(&self, shape: Shape, framing: Framing) {
        let event = stream_event(shape, &error());
        let event = Event::read(&event);
        let ours: Value = serde_json::from_slice(event.data.as_deref().unwrap()).unwrap();
        let all = [&self.before_end[..], &self.after_end].concat();
        for (case, before, ending, seen) in [
            (
                "cut",
                &self.before_end,
                &self.ending_before_end,
                &self.seen_before_end,
            ),
            ("ended", &all, &self.ending, &self.seen),
        ] {
            let Some(ending) = ending else {
                assert_eq!(framing, Framing::Array, "{case}: events can be ended");
                continue;
            };
            if seen.end || seen.error.is_some() {
                continue;
            }
            let stream = [&before[..], ending].concat();
            let last = match framing {
                Framing::Events => standard(&stream).pop().expect("an event").data,
                Framing::Array => {
                    let stream = stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&stream);
                    let Ok(Value::Array(list)) = serde_json::from_slice(stream) else {
                        // Broken by what the provider has sent, and not by ours.
                        assert_was_broken(before);
                        continue;
                    };
                    list.last().expect("an element").to_string().into_bytes()
                }
            };
            let last = serde_json::from_slice::<Value>(&last).ok();
            assert_eq!(last.as_ref(), Some(&ours), "{case}: our error is not read");
        }
    }
}

fn error() -> GatewayError {
    GatewayError {
        status: 502,
        code: "backstop_upstream_broke",
        message: "the stream broke".to_owned(),
    }
}

/// The list that a client has so far is one that it cannot read, however it ends.
fn assert_was_broken(before: &[u8]) {
    let before = before.strip_prefix(b"\xef\xbb\xbf").unwrap_or(before);
    let closed = [before, b"]"].concat();
    assert!(
        serde_json::from_slice::<Value>(&closed).is_err() || before.is_empty(),
        "our end broke the list"
    );
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

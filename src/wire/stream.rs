//! Streams as they pass, as server-sent events or as one JSON array: finds the commit point, errors and the end marker, and passes on only
//! whole events. Changes no byte, except for an inline notice that is asked for.
//!
//! The gateway pushes what comes from upstream and sends what comes out. It holds that back itself until
//! [`Seen::output`] (or the end) and so decides what is still a fallback.

mod chunk;
mod elements;
mod frames;
mod turns;
mod verdict;

use std::time::Duration;

use bytes::Bytes;
use memchr::memmem;

use super::{
    Framing, Shape,
    anthropic::EventKind,
    json::{Malformed, Reader},
    openai, openai_responses, provider_error,
    response::{notice_text, spliced},
    served::Served,
    sse::Event,
};
use crate::policy::ProviderError;

pub(super) use chunk::Chunk;
pub(super) use turns::Turns;

use chunk::{bare_error, mark_length, read};
use frames::Frames;

/// The largest event that is read. A larger one is an image or audio, which is output; it goes on as it comes.
const EVENT_LIMIT: usize = 1024 * 1024;

/// What a watched stream has shown so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The first semantic output has passed: the commit point.
    pub output: bool,
    /// The family's end marker has passed. Nothing after it is read.
    pub end: bool,
    /// An error event has passed. It is among what came out, as the client can read it.
    pub error: Option<ProviderError>,
    /// Something that is not an event stream, or an event whose data is not JSON, has come. Neither it nor
    /// anything after it comes out. After the first output only the form of data is looked at.
    pub malformed: bool,
}

/// Watches one stream of a shape. Bytes may be split anywhere.
#[derive(Debug)]
pub struct Watch {
    shape: Shape,
    seen: Seen,
    frames: Frames,
    turns: Turns,
    /// The array has closed before the answer in it had ended: its bracket stays here.
    closed_early: bool,
    /// The beginning of an event whose end has not come: as pushed, and in one piece.
    held: Vec<Bytes>,
    part: Vec<u8>,
    /// Any event has come.
    started: bool,
    /// A part of the current event has gone on: it is beyond the limit, or the stream ended in it. `true`: it
    /// is the end marker, which counts when all of it has come.
    part_gone: Option<bool>,
    /// The answer has said why it ended. A server that then leaves out the end marker has still said
    /// everything; one that goes away before has not.
    finished: bool,
    served: Served,
    notice: Notice,
    /// The delay that the error asks for.
    retry_delay: Option<Duration>,
}

#[derive(Debug)]
enum Notice {
    None,
    /// As it stands inside a JSON string.
    Wanted(String),
    Given,
}

impl Watch {
    /// A watch at the start of a stream.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            seen: Seen::default(),
            frames: Frames::new(Framing::Events),
            turns: Turns::default(),
            closed_early: false,
            held: Vec::new(),
            part: Vec::new(),
            started: false,
            part_gone: None,
            finished: false,
            served: Served::default(),
            notice: Notice::None,
            retry_delay: None,
        }
    }

    /// A watch that also puts a notice in front of the first text.
    #[must_use]
    pub fn with_notice(shape: Shape, notice: &str) -> Self {
        Self {
            notice: Notice::Wanted(notice_text(notice)),
            ..Self::new(shape)
        }
    }

    /// The same watch for a stream that is framed so.
    #[must_use]
    pub fn framed(mut self, framing: Framing) -> Self {
        self.frames = Frames::new(framing);
        self
    }

    /// Looks at the next bytes; appends to `out` what may go on: whole events, as slices of what was pushed.
    ///
    /// The beginning of an event stays here until its end comes, so that a stream that is cut can be ended
    /// with an error event that the client can read ([`super::error_body::stream_event`]).
    pub fn push(&mut self, bytes: Bytes, out: &mut Vec<Bytes>) -> &Seen {
        if self.stopped() {
            return &self.seen;
        }
        // Up to `sent` the bytes have gone on or are replaced; up to `at` they are read.
        let (mut sent, mut at) = (0, 0);
        while let Some(length) = self.frames.next(bytes.get(at..).unwrap_or_default()) {
            let start = at;
            at += length;
            if let Some(end) = self.part_gone.take() {
                self.seen.end |= end;
                continue;
            }
            let piece = bytes.get(start..at).unwrap_or_default();
            let text = if self.part.is_empty() {
                self.look(piece, false)
            } else {
                self.part.extend_from_slice(piece);
                let part = std::mem::take(&mut self.part);
                let text = self.look(&part, false);
                self.part = part;
                text
            };
            self.close();
            if self.stopped() {
                if start > sent {
                    out.push(bytes.slice(sent..start));
                }
                self.drop_part();
                return &self.seen;
            }
            if let Some(text) = text
                && let Some(notice) = self.take_notice()
            {
                if start > sent {
                    out.push(bytes.slice(sent..start));
                }
                let event = if self.part.is_empty() {
                    piece
                } else {
                    &self.part
                };
                out.extend(spliced(event, text, &notice).map(Bytes::from));
                self.held.clear();
                sent = at;
            }
            out.append(&mut self.held);
            self.part.clear();
        }
        if sent == 0 && at == bytes.len() && !bytes.is_empty() {
            // Whole events as they came: the usual case.
            out.push(bytes);
            return &self.seen;
        }
        if at > sent {
            out.push(bytes.slice(sent..at));
        }
        self.hold(bytes.slice(at..), out);
        &self.seen
    }

    /// The upstream ended without a fault of the connection: what is still here counts and goes on, unless
    /// it is malformed.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> &Seen {
        if !self.part.is_empty() {
            let part = std::mem::take(&mut self.part);
            self.look(&part, false);
            // Before the end of an array it is no element, and only in the way of what must end the array.
            let in_the_way = self.frames.is_array() && !self.seen.end;
            if !self.stopped() && !in_the_way {
                out.append(&mut self.held);
                self.part_gone = Some(false);
            }
            self.held.clear();
        }
        &self.seen
    }

    /// What must come out before an event of our own when a part of an event has gone on: without a blank
    /// line both would be read as one.
    #[must_use]
    pub fn closing(&self) -> Option<Bytes> {
        self.part_gone.map(|_| Bytes::from_static(b"\n\n"))
    }

    /// What was seen so far.
    #[must_use]
    pub const fn seen(&self) -> &Seen {
        &self.seen
    }

    /// What the answer has said of its model so far.
    #[must_use]
    pub const fn served(&self) -> &Served {
        &self.served
    }

    /// Whether the notice stands in what has come out.
    #[must_use]
    pub const fn notice_given(&self) -> bool {
        matches!(self.notice, Notice::Given)
    }

    /// Nothing more comes out.
    const fn stopped(&self) -> bool {
        self.seen.malformed || self.closed_early
    }

    /// The end of an array is an end marker only when the answer in it had ended.
    fn close(&mut self) {
        if self.frames.closed() && !self.seen.end {
            self.seen.end = self.turns.done() || self.turns.unread();
            self.closed_early = !self.seen.end;
        }
    }

    /// Keeps the beginning of an event, unless it has become too large to keep.
    fn hold(&mut self, bytes: Bytes, out: &mut Vec<Bytes>) {
        if bytes.is_empty() {
            return;
        }
        if self.part_gone.is_some() {
            out.push(bytes);
            return;
        }
        self.part.extend_from_slice(&bytes);
        self.held.push(bytes);
        if self.part.len() > EVENT_LIMIT {
            let part = std::mem::take(&mut self.part);
            self.look(&part, true);
            if self.seen.malformed {
                self.drop_part();
            } else {
                self.part_gone.get_or_insert(false);
                out.append(&mut self.held);
            }
        }
    }

    fn drop_part(&mut self) {
        self.part.clear();
        self.held.clear();
    }

    /// The notice, if it is still to be given; from now on it is.
    fn take_notice(&mut self) -> Option<String> {
        match std::mem::replace(&mut self.notice, Notice::Given) {
            Notice::Wanted(notice) => Some(notice),
            before @ (Notice::None | Notice::Given) => {
                self.notice = before;
                None
            }
        }
    }

    /// Reads one event, or the beginning of one that is beyond the limit. `Some`: text begins there in it, and
    /// a notice is wanted.
    fn look(&mut self, raw: &[u8], partial: bool) -> Option<usize> {
        let first = !self.started;
        let raw_start = if first { mark_length(raw) } else { 0 };
        let raw = raw.get(raw_start..).unwrap_or_default();
        if self.seen.end && self.shape != Shape::GeminiGenerate {
            return None;
        }
        if raw.len() > EVENT_LIMIT {
            // Only its beginning: enough to see that it is an event.
            let line = raw.get(..64).unwrap_or_default();
            self.started = true;
            self.seen.output = true;
            self.turns.skip();
            self.seen.malformed |= self.frames.read(line, first).stray.is_some();
            // A whole response with its images, at the end, is of that size.
            let end = self.shape == Shape::OpenaiResponses && openai_responses::opens_end(line);
            self.part_gone = partial.then_some(end);
            self.seen.end |= end && !partial;
            return None;
        }
        let event = self.frames.read(raw, first);
        self.started |= event.data.is_some() || event.stray.is_some();
        // Behind output a stray line of events is ignored; an array that is none is of no use to anybody.
        let matters = !self.seen.output || self.frames.is_array();
        if let Some(stray) = event.stray.filter(|_| matters) {
            // An error that forgot to be an event is still the best reason there is.
            self.seen.malformed = true;
            if stray.starts_with(b"{") && self.seen.error.is_none() {
                self.seen.error = bare_error(self.shape, stray);
            }
            return None;
        }
        let data = event.data.as_deref()?;
        self.served
            .event(self.shape, event.name, data, self.seen.output);
        if self.passes_unread(&event, data) {
            return None;
        }
        let mut reader = Reader::new(data);
        let chunk = read(self.shape, &mut reader).and_then(|chunk| reader.end().map(|()| chunk));
        self.note(&event, data, chunk)
            .filter(|_| matches!(self.notice, Notice::Wanted(_)))
            .zip(event.data_at)
            .map(|(text, data_at)| raw_start + data_at + text)
    }

    /// What can be said without reading the data as JSON. After the first output that is nearly everything.
    fn passes_unread(&mut self, event: &Event<'_>, data: &[u8]) -> bool {
        let kind = event.name.map(EventKind::of);
        let done = data == b"[DONE]";
        let object = data.starts_with(b"{") && data.ends_with(b"}");
        let response_event = event.name.map(openai_responses::EventKind::of);
        let end = match self.shape {
            Shape::OpenaiChat | Shape::OpenaiEmbeddings => done,
            // Before any output it may be all there is, and is read.
            Shape::OpenaiResponses => {
                self.seen.output
                    && object
                    && response_event == Some(openai_responses::EventKind::End)
            }
            Shape::AnthropicMessages => kind == Some(EventKind::Stop),
            // Its end is a word in the data: everything is read, but for what proxies put behind it.
            Shape::GeminiGenerate => return self.seen.end && !object,
        };
        self.seen.end |= end;
        // Proxies put the end marker of chats behind responses, too; there it means nothing.
        let meaningless = done && self.shape == Shape::OpenaiResponses;
        if end || meaningless || !self.seen.output || matches!(self.notice, Notice::Wanted(_)) {
            return end || meaningless;
        }
        if !object {
            // Reading it says that it is malformed, or that it is an error all the same.
            return false;
        }
        match (self.shape, kind) {
            (Shape::OpenaiChat | Shape::OpenaiEmbeddings, Some(EventKind::Error))
            | (Shape::AnthropicMessages, Some(EventKind::Error | EventKind::Stop) | None)
            | (Shape::GeminiGenerate, _) => false,
            // A quote inside a string is escaped, so this word is a key or a whole string.
            (Shape::OpenaiChat | Shape::OpenaiEmbeddings, _) => {
                !self.finished
                    && memmem::find(data, b"\"error\"").is_none()
                    && !openai::finishes(data)
            }
            // Whole responses have an `error` that is null: here the name of the event tells.
            (Shape::OpenaiResponses, _) => response_event.is_some_and(|kind| !kind.is_verdict()),
            (
                Shape::AnthropicMessages,
                Some(EventKind::Delta | EventKind::BlockStart | EventKind::Other),
            ) => true,
        }
    }

    /// Takes in what reading an event has found. `Some`: where its text begins in the data.
    fn note(
        &mut self,
        event: &Event<'_>,
        data: &[u8],
        chunk: Result<Chunk, Malformed>,
    ) -> Option<usize> {
        let named_error = event.name.map(EventKind::of) == Some(EventKind::Error);
        let error = match &chunk {
            Ok(Chunk {
                error: Some(place), ..
            }) => data.get(place.clone()),
            Ok(Chunk { bare_error, .. }) if *bare_error || named_error => Some(data),
            Err(_) if named_error => Some(data),
            Ok(_) | Err(_) => None,
        };
        if let Some(error) = error {
            if self.seen.error.is_none() {
                self.seen.error = Some(provider_error::read(error));
                self.retry_delay = provider_error::retry_delay(error);
            }
            return None;
        }
        let Ok(chunk) = chunk else {
            self.seen.malformed = true;
            return None;
        };
        self.seen.output |= chunk.output;
        self.seen.end |= chunk.end;
        self.finished = chunk.finished.unwrap_or(self.finished);
        self.turns.add(chunk.turns);
        if self.shape == Shape::GeminiGenerate {
            // An array must close as well; and another candidate may begin behind the end of one.
            self.seen.end = self.turns.done() && !self.frames.is_array();
        }
        chunk.text
    }
}

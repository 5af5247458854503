//! Entries as messages: which of them go together, what their headers say, and how they are read back.
//!
//! Used by the writer, the import and every reader. Nothing here talks to a server.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    fmt::Write as _,
};

use compression_codecs::{
    DecodeV2 as _, EncodeV2 as _, ZstdDecoder, ZstdEncoder,
    core::util::{PartialBuffer, WriteBuffer},
};
use tokio::sync::oneshot;

use crate::{
    model::{Entry, ErrorClass, EventDecision, EventId, Seq, WorkloadName},
    store::{
        StoreError,
        nats::layout::token,
        queue::{Job, Verdict},
    },
};

/// How many entries a message holds at most: twelve bits of a place.
pub(super) const ENTRIES: usize = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 12;
/// How large the text of a message grows; servers take a megabyte unless they are told otherwise.
const TEXT: usize = 512 * 1024;
/// So many workloads of one flush get messages of their own.
const LANES: usize = 32;
/// Text below it is not worth to be compressed.
const COMPRESSED_FROM: usize = 256;
/// What events look like, so that a lone one becomes small, too: most are on their way to somebody who follows. It
/// never changes; another one would get another name in the header.
pub(super) const DICTIONARY: &[u8] = include_bytes!("dictionary.jsonl");
/// What a message unfolds to at most: whoever may write into the cluster may not fill a reader's memory.
const UNFOLDED: usize = 16 * 1024 * 1024;
/// Decisions whose workload is remembered until their outcome comes.
const OPEN: usize = 65_536;

/// The word in the place of a workload for messages with entries of many; no escaped name is like it.
pub(super) const MANY: &str = "=many";
/// The same for messages that were kept on a host for a while: they stand far behind their time.
pub(super) const LATE: &str = "=late";

/// How many entries and decisions a message holds, and when the oldest and the newest were (microseconds).
pub(super) const ENTRIES_HEADER: &str = "Backstop-Entries";
/// How many of its decisions each workload, minute and class has.
pub(super) const TALLY_HEADER: &str = "Backstop-Tally";
/// How its text is compressed; none: not.
pub(super) const CODING_HEADER: &str = "Backstop-Coding";
const ZSTD: &str = "zstd-1";

/// The place of an entry: the sequence of its message, and which of it.
pub(super) fn place(sequence: u64, index: usize) -> Seq {
    let index = u64::try_from(index).unwrap_or(u64::MAX);
    Seq((sequence << PLACE_BITS) | (index & (ENTRIES as u64 - 1)))
}

/// The sequence of the message that a place is in.
pub(super) const fn message_of(place: Seq) -> u64 {
    place.0 >> PLACE_BITS
}

/// No entry of this message or of one before it has a higher place.
pub(super) fn last_place(sequence: u64) -> Seq {
    if sequence == 0 {
        Seq(0)
    } else {
        place(sequence, ENTRIES - 1)
    }
}

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Counted {
    /// The workload, as a token.
    pub(super) workload: String,
    /// Minutes since 1970.
    pub(super) minute: i64,
    pub(super) class: Option<ErrorClass>,
}

/// What the headers of a message say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) entries: usize,
    pub(super) decisions: u64,
    /// Microseconds since 1970.
    pub(super) oldest: i64,
    /// The same.
    pub(super) newest: i64,
    pub(super) tally: BTreeMap<Counted, u64>,
}

impl Summary {
    fn add(&mut self, entry: &Entry) {
        let at = match entry {
            Entry::Decision(event) => {
                self.decisions += 1;
                if event.decision != EventDecision::Readiness {
                    let counted = Counted {
                        workload: token(event.workload.as_str()),
                        minute: event.at.as_second().div_euclid(60),
                        class: event.class,
                    };
                    *self.tally.entry(counted).or_default() += 1;
                }
                event.at
            }
            Entry::Outcome(outcome) => outcome.at,
        };
        self.span(at.as_microsecond(), at.as_microsecond());
        self.entries += 1;
    }

    fn span(&mut self, oldest: i64, newest: i64) {
        let empty = self.entries == 0;
        self.oldest = if empty {
            oldest
        } else {
            self.oldest.min(oldest)
        };
        self.newest = if empty {
            newest
        } else {
            self.newest.max(newest)
        };
    }

    fn merge(&mut self, other: Self) {
        self.span(other.oldest, other.newest);
        self.entries += other.entries;
        self.decisions += other.decisions;
        for (counted, count) in other.tally {
            *self.tally.entry(counted).or_default() += count;
        }
    }

    /// As the two headers.
    pub(super) fn texts(&self) -> (String, String) {
        let numbers = format!(
            "{} {} {} {}",
            self.entries, self.decisions, self.oldest, self.newest
        );
        let mut tally = String::new();
        for (counted, count) in &self.tally {
            let class = counted.class.map_or("-", ErrorClass::as_str);
            // Writing into a text does not fail.
            let _ = write!(
                tally,
                "{}{} {} {class} {count}",
                if tally.is_empty() { "" } else { "," },
                counted.workload,
                counted.minute,
            );
        }
        (numbers, tally)
    }

    /// From the two headers; `None`: they are not ours.
    pub(super) fn read(numbers: &str, tally: &str) -> Option<Self> {
        let mut parts = numbers.split(' ');
        let mut summary = Self {
            entries: parts.next()?.parse().ok()?,
            decisions: parts.next()?.parse().ok()?,
            oldest: parts.next()?.parse().ok()?,
            newest: parts.next()?.parse().ok()?,
            tally: BTreeMap::new(),
        };
        for item in tally.split(',').filter(|item| !item.is_empty()) {
            let mut parts = item.split(' ');
            let workload = parts.next()?.to_owned();
            let minute = parts.next()?.parse().ok()?;
            // A class that only a newer version knows is counted as none.
            let class = parts.next()?.parse().ok();
            let counted = Counted {
                workload,
                minute,
                class,
            };
            *summary.tally.entry(counted).or_default() += parts.next()?.parse::<u64>().ok()?;
        }
        Some(summary)
    }
}

/// A message that is not yet in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// Its number among those of its writer; with the writer's name it is its id.
    pub(super) number: u64,
    /// The token in the place of the workload.
    pub(super) lane: String,
    pub(super) summary: Summary,
    /// The entries as text, each in a line.
    pub(super) text: Vec<u8>,
    /// When it was first sent, in microseconds since 1970; `None`: it never was, and nobody knows its id.
    pub(super) sent: Option<i64>,
}

impl Letter {
    pub(super) fn new(number: u64, lane: &str) -> Self {
        Self {
            number,
            lane: lane.to_owned(),
            summary: Summary::default(),
            text: Vec::new(),
            sent: None,
        }
    }

    /// Adds an entry and its line.
    pub(super) fn push(&mut self, entry: &Entry, line: &[u8]) {
        self.summary.add(entry);
        self.text.extend_from_slice(line);
    }

    /// Whether there is room for so many entries of so much text.
    pub(super) fn fits(&self, entries: usize, text: usize) -> bool {
        self.summary.entries + entries <= ENTRIES && self.text.len() + text <= TEXT
    }

    /// Takes in one that comes right behind it.
    pub(super) fn merge(&mut self, other: Self) {
        self.summary.merge(other.summary);
        self.text.extend_from_slice(&other.text);
    }

    /// Headers and payload.
    pub(super) fn seal(&self) -> (Vec<(&'static str, String)>, Vec<u8>) {
        let (numbers, tally) = self.summary.texts();
        let mut headers = vec![(ENTRIES_HEADER, numbers)];
        if !tally.is_empty() {
            headers.push((TALLY_HEADER, tally));
        }
        let (payload, coding) = fold(self.text.clone());
        headers.extend(coding);
        (headers, payload)
    }
}

/// A letter and those who wait for its entries, in their order.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) letter: Letter,
    pub(super) answers: Vec<Option<oneshot::Sender<Verdict>>>,
}

impl Parcel {
    /// Tells everybody; what is left is the letter.
    pub(super) fn answer(self, verdict: impl Fn(usize) -> Verdict) -> Letter {
        for (index, answer) in self.answers.into_iter().enumerate() {
            if let Some(answer) = answer {
                // Nobody may be waiting any more; the entry's fate does not depend on it.
                let _ = answer.send(verdict(index));
            }
        }
        self.letter
    }
}

/// Makes messages of entries.
#[derive(Debug, Default)]
pub(super) struct Packer {
    /// The number of the next message.
    next: u64,
    open: HashMap<EventId, WorkloadName>,
    order: VecDeque<EventId>,
}

impl Packer {
    /// Groups entries by workload. No two messages of one wave are of the same one: waves one after the other keep
    /// the order. Entries that cannot be written are answered here; how many is told.
    pub(super) fn pack(&mut self, jobs: Vec<Job>) -> (Vec<Vec<Parcel>>, usize) {
        let lanes: Vec<String> = jobs.iter().map(|job| self.lane(&job.entry)).collect();
        let mixed = lanes.iter().collect::<HashSet<_>>().len() > LANES;
        let mut waves: Vec<Vec<Parcel>> = Vec::new();
        let mut last: HashMap<String, (usize, usize)> = HashMap::new();
        let (mut text, mut refused) = (Vec::new(), 0);
        for (job, lane) in jobs.into_iter().zip(lanes) {
            text.clear();
            if let Err(error) = write_line(&mut text, &job.entry) {
                refused += 1;
                job.answer(Err(StoreError::Failed {
                    place: "an event".to_owned(),
                    cause: error.to_string(),
                }));
                continue;
            }
            let lane = if mixed { MANY.to_owned() } else { lane };
            let found = last.get(&lane).copied();
            let parcel = found
                .and_then(|(wave, index)| waves.get_mut(wave)?.get_mut(index))
                .filter(|parcel| parcel.letter.fits(1, text.len()));
            if let Some(parcel) = parcel {
                parcel.letter.push(&job.entry, &text);
                parcel.answers.push(job.answer);
                continue;
            }
            let wave = found.map_or(0, |(wave, _)| wave + 1);
            if waves.len() <= wave {
                waves.push(Vec::new());
            }
            let mut parcel = Parcel {
                letter: Letter::new(self.number(), &lane),
                answers: vec![job.answer],
            };
            parcel.letter.push(&job.entry, &text);
            if let Some(wave_of) = waves.get_mut(wave) {
                last.insert(lane, (wave, wave_of.len()));
                wave_of.push(parcel);
            }
        }
        (waves, refused)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Where an entry goes: an outcome to where its decision went.
    fn lane(&mut self, entry: &Entry) -> String {
        match entry {
            Entry::Decision(event) => {
                if self.open.insert(event.id, event.workload.clone()).is_none() {
                    self.order.push_back(event.id);
                }
                while self.order.len() > OPEN {
                    if let Some(oldest) = self.order.pop_front() {
                        self.open.remove(&oldest);
                    }
                }
                token(event.workload.as_str())
            }
            Entry::Outcome(outcome) => self
                .open
                .remove(&outcome.event)
                .map_or_else(|| MANY.to_owned(), |workload| token(workload.as_str())),
        }
    }
}

fn write_line(line: &mut Vec<u8>, entry: &Entry) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *line, entry)?;
    line.push(b'\n');
    Ok(())
}

/// The entries of a message with their indexes. What only a newer version can read is left out.
pub(super) fn unpack(payload: &[u8], coding: Option<&str>) -> Result<Vec<(usize, Entry)>, String> {
    let text = unfold(payload, coding)?;
    let lines = text.split(|byte| *byte == b'\n').take(ENTRIES);
    Ok(lines
        .enumerate()
        .filter_map(|(index, line)| Some((index, serde_json::from_slice(line).ok()?)))
        .collect())
}

/// A text as a payload, and how it is coded.
pub(super) fn fold(text: Vec<u8>) -> (Vec<u8>, Option<(&'static str, String)>) {
    if text.len() >= COMPRESSED_FROM
        && let Some(packed) = compress(&text)
    {
        return (packed, Some((CODING_HEADER, ZSTD.to_owned())));
    }
    (text, None)
}

/// The text of a payload.
pub(super) fn unfold<'a>(payload: &'a [u8], coding: Option<&str>) -> Result<Cow<'a, [u8]>, String> {
    match coding {
        None => Ok(payload.into()),
        Some(ZSTD) => decompress(payload).map(Cow::Owned),
        Some(other) => Err(format!("its coding `{other}` is not known")),
    }
}

fn compress(text: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZstdEncoder::new_with_dict(1, DICTIONARY).ok()?;
    let mut packed = vec![0; text.len()];
    let mut input = PartialBuffer::new(text);
    let mut output = WriteBuffer::new_initialized(&mut packed);
    while !input.unwritten().is_empty() {
        // When it does not become smaller, it stays as it is.
        if output.has_no_spare_space() || encoder.encode(&mut input, &mut output).is_err() {
            return None;
        }
    }
    let ended = encoder.finish(&mut output).ok()?;
    let length = output.written_len();
    packed.truncate(length);
    ended.then_some(packed)
}

fn decompress(packed: &[u8]) -> Result<Vec<u8>, String> {
    let decoder = ZstdDecoder::new_with_dict(DICTIONARY);
    let mut decoder = decoder.map_err(|error| error.to_string())?;
    let mut text = Vec::new();
    let mut scratch = vec![0; 64 * 1024];
    let mut input = PartialBuffer::new(packed);
    loop {
        let mut output = WriteBuffer::new_initialized(&mut scratch);
        let ended = decoder
            .decode(&mut input, &mut output)
            .map_err(|error| error.to_string())?;
        text.extend_from_slice(output.written());
        if ended {
            return Ok(text);
        }
        if text.len() > UNFOLDED {
            return Err("it is too large".to_owned());
        }
        if input.unwritten().is_empty() && !output.has_no_spare_space() {
            return Err("it is cut short".to_owned());
        }
    }
}

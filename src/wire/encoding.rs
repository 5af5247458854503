//! Content codings: reads gzip, br and zstd in steps of bounded size, so that what is small on the wire is
//! never large in memory.
//!
//! Used for answers that come encoded although `identity` was asked ([`super::upstream::Answer`] reads them
//! before anybody looks) and for encoded requests. Nothing is ever encoded here.

use std::fmt;

use bytes::{Buf as _, Bytes};
use compression_codecs::{
    BrotliDecoder, DecodeV2 as _, GzipDecoder, ZstdDecoder,
    core::util::{PartialBuffer, WriteBuffer},
    zstd::params::DParameter,
};
use http::{HeaderMap, header};

/// The most that one step gives.
const STEP: usize = 16 * 1024;
/// The largest window of zstd, as a power of two: 8 MB, what RFC 9659 allows for content.
const ZSTD_WINDOW: u32 = 23;

/// A coding that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `gzip`, `x-gzip`
    Gzip,
    /// `br`
    Brotli,
    /// `zstd`
    Zstd,
}

/// Another coding, or more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this content-encoding cannot be read; use gzip, br, zstd or none")]
pub struct Unreadable;

/// The bytes are not what the coding says, or not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not what content-encoding says, or not all of it")]
pub struct Damaged;

impl Coding {
    /// What can be read, as a header value.
    pub const READABLE: &str = "gzip, br, zstd";

    /// The coding of a message; `None`: as it is.
    ///
    /// # Errors
    /// When it is in a coding that cannot be read.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Unreadable> {
        let mut found = None;
        for value in headers.get_all(header::CONTENT_ENCODING) {
            for name in value.to_str().map_err(|_| Unreadable)?.split(',') {
                let name = name.trim();
                if name.is_empty() || name.eq_ignore_ascii_case("identity") {
                    continue;
                }
                let known = [
                    ("gzip", Self::Gzip),
                    ("x-gzip", Self::Gzip),
                    ("br", Self::Brotli),
                    ("zstd", Self::Zstd),
                ];
                let coding = known
                    .into_iter()
                    .find(|(known, _)| name.eq_ignore_ascii_case(known));
                match (found, coding) {
                    (None, Some((_, coding))) => found = Some(coding),
                    (Some(_), _) | (None, None) => return Err(Unreadable),
                }
            }
        }
        Ok(found)
    }
}

/// Reads one message. Bytes may be split anywhere.
pub struct Decoder {
    codec: Codec,
    input: Bytes,
    /// A step was full: there may be more without further input.
    full: bool,
    /// Anything has been read.
    begun: bool,
    /// The end of the coding has been read.
    ended: bool,
}

enum Codec {
    Gzip(Box<GzipDecoder>),
    Brotli(Box<BrotliDecoder>),
    Zstd(Box<ZstdDecoder>),
}

impl fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Decoder").finish_non_exhaustive()
    }
}

impl Decoder {
    /// At the start of a message.
    #[must_use]
    pub fn new(coding: Coding) -> Self {
        let codec = match coding {
            Coding::Gzip => Codec::Gzip(Box::default()),
            Coding::Brotli => Codec::Brotli(Box::default()),
            Coding::Zstd => {
                let limit = [DParameter::window_log_max(ZSTD_WINDOW)];
                Codec::Zstd(Box::new(ZstdDecoder::new_with_params(&limit)))
            }
        };
        Self {
            codec,
            input: Bytes::new(),
            full: false,
            begun: false,
            ended: false,
        }
    }

    /// Takes the next encoded bytes, when [`Decoder::step`] has asked for them.
    pub fn push(&mut self, bytes: Bytes) {
        self.input = bytes;
    }

    /// Gives the next decoded bytes, at most 16 kB of them; `None`: more is needed.
    ///
    /// # Errors
    /// When the bytes are not what the coding says.
    pub fn step(&mut self) -> Result<Option<Bytes>, Damaged> {
        let mut scratch = [0; STEP];
        loop {
            if self.input.is_empty() && !self.full {
                return Ok(None);
            }
            if self.ended && !self.input.is_empty() {
                self.again()?;
            }
            let mut input = PartialBuffer::new(&self.input[..]);
            let mut output = WriteBuffer::new_initialized(&mut scratch);
            let ended = match &mut self.codec {
                // It takes having nothing to read for an error.
                Codec::Gzip(codec) if self.input.is_empty() => {
                    codec.flush(&mut output).map(|_| false)
                }
                Codec::Gzip(codec) => codec.decode(&mut input, &mut output),
                Codec::Brotli(codec) => codec.decode(&mut input, &mut output),
                Codec::Zstd(codec) => codec.decode(&mut input, &mut output),
            };
            let ended = ended.map_err(|_| Damaged)?;
            let (read, wrote) = (input.written_len(), output.written_len());
            self.full = wrote == STEP && !ended;
            self.begun |= read > 0;
            self.ended |= ended;
            self.input.advance(read);
            if wrote > 0 {
                let bytes = scratch.get(..wrote).unwrap_or_default();
                return Ok(Some(Bytes::copy_from_slice(bytes)));
            }
            if read == 0 && !ended && !self.input.is_empty() {
                return Err(Damaged);
            }
        }
    }

    /// Whether the message may end here: at the end of its coding, or before anything has come.
    #[must_use]
    pub fn may_end(&self) -> bool {
        self.input.is_empty() && !self.full && (self.ended || !self.begun)
    }

    /// gzip and zstd may be several, one after the other.
    fn again(&mut self) -> Result<(), Damaged> {
        self.ended = false;
        match &mut self.codec {
            Codec::Gzip(codec) => codec.reinit().map_err(|_| Damaged),
            Codec::Zstd(codec) => codec.reinit().map_err(|_| Damaged),
            Codec::Brotli(_) => Err(Damaged),
        }
    }
}

//! Where a body ends: by length, by chunks, or with the connection. Bytes in, bytes out, no I/O.
//!
//! Data is given on as slices of what was read, without a copy.

use bytes::{Buf, Bytes, BytesMut};

/// The longest line of a chunk's size with its extensions, and all trailers together.
const LONGEST_LINE: usize = 8 * 1024;

/// How the end of a body is told, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire::upstream) enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// Until the connection ends.
    UntilClose,
}

/// Where in a chunked body one stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire::upstream) enum Chunked {
    /// Before a line with a size.
    Size,
    /// So many bytes are left of a chunk.
    Data(u64),
    /// Before the line end after a chunk.
    DataEnd,
    /// Among the trailers, so many bytes of which were read.
    Trailers(usize),
    /// After the last.
    Done,
}

/// What the next bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::wire::upstream) enum Decoded {
    /// A piece of the body, not empty.
    Data(Bytes),
    /// Nothing yet.
    NeedMore,
    /// The body is over.
    End,
}

/// The chunks are not chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire::upstream) struct BadChunk;

impl Framing {
    /// Takes the next piece of the body out of what was read.
    pub(in crate::wire::upstream) fn decode(
        &mut self,
        buffer: &mut BytesMut,
    ) -> Result<Decoded, BadChunk> {
        match self {
            Self::Length(0) => Ok(Decoded::End),
            Self::Length(left) => Ok(piece(buffer, left)),
            Self::UntilClose if buffer.is_empty() => Ok(Decoded::NeedMore),
            Self::UntilClose => Ok(Decoded::Data(buffer.split().freeze())),
            Self::Chunked(state) => state.decode(buffer),
        }
    }

    /// Nothing more of the body is to be read.
    pub(in crate::wire::upstream) const fn at_end(self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunked::Done))
    }

    /// Whether the end of the connection is the end of the body.
    pub(in crate::wire::upstream) const fn ends_with_connection(self) -> bool {
        matches!(self, Self::UntilClose)
    }

    /// Whether at least so much of the body is known to come.
    pub(in crate::wire::upstream) fn expects_at_least(self, size: usize) -> bool {
        match self {
            Self::Length(left) | Self::Chunked(Chunked::Data(left)) => left >= size as u64,
            Self::Chunked(_) | Self::UntilClose => false,
        }
    }
}

/// Up to `left` bytes.
fn piece(buffer: &mut BytesMut, left: &mut u64) -> Decoded {
    if buffer.is_empty() {
        return Decoded::NeedMore;
    }
    let most = usize::try_from(*left).unwrap_or(usize::MAX);
    let data = buffer.split_to(buffer.len().min(most)).freeze();
    *left -= data.len() as u64;
    Decoded::Data(data)
}

impl Chunked {
    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, BadChunk> {
        loop {
            match self {
                Self::Size => {
                    let Some(line) = line(buffer)? else {
                        return Ok(Decoded::NeedMore);
                    };
                    *self = match size(&line)? {
                        0 => Self::Trailers(0),
                        size => Self::Data(size),
                    };
                }
                Self::Data(left) => {
                    let decoded = piece(buffer, left);
                    if *left == 0 {
                        *self = Self::DataEnd;
                    }
                    return Ok(decoded);
                }
                Self::DataEnd => match line(buffer)? {
                    None => return Ok(Decoded::NeedMore),
                    Some(line) if line.is_empty() => *self = Self::Size,
                    Some(_) => return Err(BadChunk),
                },
                Self::Trailers(read) => {
                    let Some(line) = line(buffer)? else {
                        return Ok(Decoded::NeedMore);
                    };
                    *read += line.len();
                    if *read > LONGEST_LINE {
                        return Err(BadChunk);
                    }
                    if line.is_empty() {
                        *self = Self::Done;
                    }
                }
                Self::Done => return Ok(Decoded::End),
            }
        }
    }
}

/// Takes a line, without its end. `None`: its end is not there yet.
fn line(buffer: &mut BytesMut) -> Result<Option<BytesMut>, BadChunk> {
    let Some(end) = memchr::memchr(b'\n', buffer) else {
        return if buffer.len() > LONGEST_LINE {
            Err(BadChunk)
        } else {
            Ok(None)
        };
    };
    let mut line = buffer.split_to(end);
    buffer.advance(1);
    // A bare line feed is no line end here: two readings of one body must not differ.
    if line.last() != Some(&b'\r') {
        return Err(BadChunk);
    }
    line.truncate(line.len() - 1);
    Ok(Some(line))
}

/// The size that a chunk's line tells; extensions are passed over.
fn size(line: &[u8]) -> Result<u64, BadChunk> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or(line);
    let digits = digits.trim_ascii_end();
    // Sixteen digits would be the largest number there is.
    if digits.is_empty() || digits.len() > 15 {
        return Err(BadChunk);
    }
    digits.iter().try_fold(0, |size: u64, byte| {
        let digit = char::from(*byte).to_digit(16).ok_or(BadChunk)?;
        Ok(size * 16 + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Decodes what comes in pieces; answers the body and whether it ended.
    fn decode(framing: Framing, pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), BadChunk> {
        let (mut framing, mut buffer, mut body) = (framing, BytesMut::new(), Vec::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            loop {
                match framing.decode(&mut buffer)? {
                    Decoded::Data(data) => {
                        assert!(!data.is_empty());
                        body.extend_from_slice(&data);
                    }
                    Decoded::NeedMore => break,
                    Decoded::End => return Ok((body, true)),
                }
            }
        }
        Ok((body, framing.at_end()))
    }

    #[test]
    fn chunks_are_read_and_bad_ones_are_not() {
        let chunked = Framing::Chunked(Chunked::Size);
        for (case, text, body) in [
            (
                "two chunks",
                "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                Some(("abcde", true)),
            ),
            (
                "capital and small digits",
                "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
                Some(("01234567890123456789", true)),
            ),
            (
                "extension",
                "3;a=b \r\nabc\r\n0\r\n\r\n",
                Some(("abc", true)),
            ),
            (
                "trailers",
                "1\r\na\r\n0\r\nx: 1\r\ny: 2\r\n\r\n",
                Some(("a", true)),
            ),
            (
                "leading zeros",
                "0003\r\nabc\r\n0\r\n\r\n",
                Some(("abc", true)),
            ),
            ("cut in a chunk", "5\r\nabc", Some(("abc", false))),
            (
                "cut before the last line",
                "1\r\na\r\n0\r\n",
                Some(("a", false)),
            ),
            ("nothing", "", Some(("", false))),
            ("no size", "\r\nabc", None),
            ("no number", "xyz\r\n", None),
            ("negative", "-1\r\na", None),
            ("too large a number", "1000000000000000\r\n", None),
            ("no line end after a chunk", "1\r\nab\r\n", None),
            ("bare line feed", "1\na\r\n0\r\n\r\n", None),
            ("space before the size", " 1\r\na\r\n", None),
        ] {
            let found = decode(chunked, &[text.as_bytes()]).ok();
            let wanted = body.map(|(body, end)| (body.as_bytes().to_vec(), end));
            assert_eq!(found, wanted, "{case}");
        }
    }

    #[test]
    fn endless_lines_and_trailers_are_refused() {
        let chunked = Framing::Chunked(Chunked::Size);
        let long = "1".repeat(LONGEST_LINE + 1);
        assert!(decode(chunked, &[long.as_bytes()]).is_err());
        let trailers = format!("0\r\n{}", "x: 1\r\n".repeat(LONGEST_LINE));
        assert!(decode(chunked, &[trailers.as_bytes()]).is_err());
    }

    #[test]
    fn a_length_ends_where_it_ends() {
        let mut buffer = BytesMut::from("abcdef");
        let mut framing = Framing::Length(4);
        let data = Decoded::Data(Bytes::from_static(b"abcd"));
        assert_eq!(framing.decode(&mut buffer), Ok(data));
        assert!(framing.at_end());
        assert_eq!(framing.decode(&mut buffer), Ok(Decoded::End));
        assert_eq!(buffer, "ef");
    }

    proptest! {
        /// However a chunked body is cut into reads, the same bytes come out.
        #[test]
        fn any_split_gives_the_same(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut wire = Vec::new();
            for part in &parts {
                wire.extend(format!("{:x}\r\n", part.len()).into_bytes());
                wire.extend(part);
                wire.extend(b"\r\n");
            }
            wire.extend(b"0\r\n\r\n");
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len())).collect();
            places.extend([0, wire.len()]);
            places.sort_unstable();
            let pieces: Vec<&[u8]> = places.windows(2).map(|two| &wire[two[0]..two[1]]).collect();
            let (body, ended) = decode(Framing::Chunked(Chunked::Size), &pieces).unwrap();
            prop_assert_eq!(body, parts.concat());
            prop_assert!(ended);
        }

        #[test]
        fn no_bytes_make_it_panic_or_grow(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok((body, _)) = decode(Framing::Chunked(Chunked::Size), &[&bytes]) {
                prop_assert!(body.len() <= bytes.len());
            }
        }
    }
}

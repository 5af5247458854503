//! Just enough of HTTP/2 to misbehave in it: frames as bytes, no state machine to keep one honest.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::provider::{Act, Shared};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// A frame on the stream of the request that is answered.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    /// A field section: the head (with `:status`), or trailers (`end`).
    Head {
        /// Names in lower case.
        fields: Vec<(String, String)>,
        /// Nothing follows.
        end: bool,
    },
    /// A piece of the body.
    Data {
        /// Its bytes, at most 16 kB.
        bytes: Vec<u8>,
        /// Nothing follows.
        end: bool,
    },
    /// Resets the stream with this code.
    Reset(u32),
    /// Ends the connection: the last stream that was worked on is this one, or none.
    GoAway {
        /// This stream counts as worked on.
        this: bool,
        /// 0: in good order.
        code: u32,
    },
}

/// Codes of RFC 9113, section 7.
pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const REFUSED_STREAM: u32 = 7;

impl Frame {
    /// A head with a status.
    pub(crate) fn head(status: u16, fields: &[(&str, &str)]) -> Self {
        let mut all = vec![(":status".to_owned(), status.to_string())];
        all.extend(
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        Self::Head {
            fields: all,
            end: false,
        }
    }

    fn bytes(&self, stream: u32) -> Vec<u8> {
        match self {
            Self::Head { fields, end } => section(stream, fields, *end),
            Self::Data { bytes, end } => frame(DATA, u8::from(*end) * END_STREAM, stream, bytes),
            Self::Reset(code) => frame(RST_STREAM, 0, stream, &code.to_be_bytes()),
            Self::GoAway { this, code } => {
                let last = if *this { stream } else { 0 };
                let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
                frame(GOAWAY, 0, 0, &payload)
            }
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Literal fields without indexing, in as many frames as it takes.
fn section(stream: u32, fields: &[(String, String)], end: bool) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        text(&mut block, name);
        text(&mut block, value);
    }
    let mut pieces = block.chunks(16 * 1024).peekable();
    let mut bytes = Vec::new();
    let mut kind = HEADERS;
    while let Some(piece) = pieces.next() {
        let mut flags = 0;
        if kind == HEADERS && end {
            flags |= END_STREAM;
        }
        if pieces.peek().is_none() {
            flags |= END_HEADERS;
        }
        bytes.extend(frame(kind, flags, stream, piece));
        kind = CONTINUATION;
    }
    bytes
}

/// A length of HPACK (seven bits first) and the text, plain.
fn text(block: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128 + 128).unwrap());
            length /= 128;
        }
        block.push(u8::try_from(length).unwrap());
    }
    block.extend(text.as_bytes());
}

/// A frame that came: kind, flags, stream.
struct Came {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

async fn next<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> Option<Came> {
    loop {
        if let Some(header) = buffer.first_chunk::<9>() {
            let length =
                usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
            if buffer.len() >= 9 + length {
                let came = Came {
                    kind: header[3],
                    flags: header[4],
                    stream: u32::from_be_bytes([header[5] & 127, header[6], header[7], header[8]]),
                    payload: buffer[9..9 + length].to_vec(),
                };
                buffer.drain(..9 + length);
                return Some(came);
            }
        }
        match stream.read_buf(buffer).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return None,
        }
    }
}

/// What the client allows to be sent on the stream that is answered. The window of the connection is large.
#[derive(Default)]
struct Window {
    initial: i64,
    left: i64,
}

impl Window {
    fn note(&mut self, came: &Came) {
        let number = |at: usize| {
            let bytes = came.payload.get(at..at + 4).and_then(<[u8]>::first_chunk);
            i64::from(u32::from_be_bytes(*bytes.unwrap()))
        };
        if came.kind == WINDOW_UPDATE && came.stream != 0 {
            self.left += number(0);
        } else if came.kind == SETTINGS && came.flags & ACK == 0 {
            let initial = (0..came.payload.len()).step_by(6).find_map(|at| {
                let name = came.payload.get(at..at + 2)?;
                (name == [0, 4]).then(|| number(at + 2))
            });
            self.initial = initial.unwrap_or(65_535);
        }
    }
}

/// Answers what the protocol wants answered.
async fn courtesy<S: AsyncWrite + Unpin>(stream: &mut S, came: &Came) {
    let answer = match came.kind {
        SETTINGS if came.flags & ACK == 0 => frame(SETTINGS, ACK, 0, &[]),
        PING if came.flags & ACK == 0 => frame(PING, ACK, 0, &came.payload),
        DATA if !came.payload.is_empty() => {
            let size = u32::try_from(came.payload.len()).unwrap().to_be_bytes();
            [
                frame(WINDOW_UPDATE, 0, 0, &size),
                frame(WINDOW_UPDATE, 0, came.stream, &size),
            ]
            .concat()
        }
        _ => return,
    };
    let _ = stream.write_all(&answer).await;
    let _ = stream.flush().await;
}

/// Serves one request after the other; `true`: the connection is to be reset.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    shared: &Shared,
) -> bool {
    let mut buffer = Vec::new();
    while buffer.len() < PREFACE.len() {
        if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
            return false;
        }
    }
    assert!(buffer.starts_with(PREFACE));
    buffer.drain(..PREFACE.len());
    let _ = stream.write_all(&frame(SETTINGS, 0, 0, &[])).await;
    let _ = stream.flush().await;
    let mut window = Window::default();
    loop {
        let asked = loop {
            let Some(came) = next(stream, &mut buffer).await else {
                return false;
            };
            window.note(&came);
            courtesy(stream, &came).await;
            if came.kind == DATA {
                let size = came.payload.len();
                shared.news.send_modify(|seen| seen.body += size);
            }
            if matches!(came.kind, HEADERS | DATA) && came.flags & END_STREAM != 0 {
                break came.stream;
            }
        };
        window.left = window.initial;
        let script = shared.script();
        shared
            .news
            .send_modify(|seen| seen.requests.push("h2".to_owned()));
        for act in script {
            let going = match act {
                Act::Frame(frame) => {
                    if let Frame::Data { bytes, .. } = &frame {
                        window.left -= i64::try_from(bytes.len()).unwrap();
                    }
                    let mut reset = false;
                    while window.left < 0 && !reset {
                        let Some(came) = next(stream, &mut buffer).await else {
                            return false;
                        };
                        reset = came.kind == RST_STREAM && came.stream == asked;
                        window.note(&came);
                        courtesy(stream, &came).await;
                    }
                    !reset
                        && stream.write_all(&frame.bytes(asked)).await.is_ok()
                        && stream.flush().await.is_ok()
                }
                Act::Send(bytes) => {
                    stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok()
                }
                Act::Gate(gate) => {
                    tokio::select! {
                        permit = gate.acquire() => { permit.unwrap().forget(); true }
                        () = given_up(stream, &mut buffer, &mut window, asked) => false,
                    }
                }
                Act::Hang => {
                    given_up(stream, &mut buffer, &mut window, asked).await;
                    false
                }
                Act::Close => {
                    let _ = stream.shutdown().await;
                    return false;
                }
                Act::Reset => return true,
                Act::Drip(_) | Act::Endless(_) => panic!("of HTTP/1.1"),
            };
            if !going {
                shared.given_up();
                break;
            }
        }
    }
}

/// Waits until the client closes or resets this stream.
async fn given_up<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    window: &mut Window,
    asked: u32,
) {
    while let Some(came) = next(stream, buffer).await {
        window.note(&came);
        courtesy(stream, &came).await;
        if came.kind == RST_STREAM && came.stream == asked {
            return;
        }
    }
}

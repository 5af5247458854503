//! The faults, and how a provider commits them.

use std::sync::Arc;

use backstop::wire::encoding::Coding;
use tokio::sync::Semaphore;

use super::family::{Fixture, Form};
use crate::support::{
    encoded::{encoded, encoded_pieces},
    frames::{self, Frame},
    provider::{
        Act::{self, Close, Drip, Endless, Gate, Hang, Reset, Send},
        Script, Transport,
    },
};

/// When it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before anything has reached the client.
    Before,
    /// After the first output has.
    After,
}

impl Phase {
    pub(crate) const ALL: [Self; 2] = [Self::Before, Self::After];
}

macro_rules! faults {
    ($($fault:ident: $text:literal,)*) => {
        /// What goes wrong, or is only unusual.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Fault {
            $(#[doc = $text] $fault,)*
        }

        impl Fault {
            /// Every fault.
            pub(crate) const ALL: &[Self] = &[$(Self::$fault,)*];

            /// In words.
            pub(crate) const fn text(self) -> &'static str {
                match self {
                    $(Self::$fault => $text,)*
                }
            }
        }
    };
}

faults! {
    Refused: "connection refused",
    NoSuchName: "the name does not resolve",
    WrongName: "TLS: a certificate for another name",
    UnknownIssuer: "TLS: a certificate that nobody vouches for",
    PlainTextForTls: "TLS: plain text instead",
    MuteTls: "TLS: no word",
    ResetBeforeHead: "reset before the head",
    CloseBeforeHead: "closed before the head",
    CloseInHead: "closed in the head",
    NotHttp: "not HTTP",
    StallBeforeHead: "stall before the head",
    StallInBody: "stall in the body",
    ResetInBody: "reset in the body",
    CloseInBody: "closed in the body",
    CutChunks: "chunked: no last chunk",
    ShortLength: "content-length: not all of it",
    BadChunk: "chunked: a size that is none",
    MissingEnd: "ends in good order, but too early",
    MalformedJson: "malformed JSON",
    HtmlSuccess: "HTML with 200",
    HtmlError: "HTML with 502",
    ErrorStatus: "the family's error with 503",
    Redirect: "a redirect",
    AbsurdRetryAfter: "429 with an absurd Retry-After",
    Continue: "100 before the answer",
    EarlyHints: "103 before the answer",
    LoneContinue: "a lone 100",
    LoneEarlyHints: "a lone 103",
    SwitchingProtocols: "101, switching protocols",
    Trailers: "trailers",
    ErrorInside: "an error inside a success",
    ErrorEvent: "an error event",
    EmptyBody: "an empty body",
    NoContent: "204",
    WrongType: "another content type",
    ManyHeaders: "a thousand headers",
    LargeHeaders: "a header of a megabyte",
    Endless: "endless, without a line break",
    LengthAndChunks: "content-length beside transfer-encoding",
    TwoLengths: "two lengths",
    Drip: "one byte at a time",
    OldHttp: "HTTP/1.0",
    UntilClose: "ends where the connection ends",
    Gzip: "gzip although nobody asked",
    Brotli: "br although nobody asked",
    Zstd: "zstd although nobody asked",
    EncodedError: "an error with 500, its body in gzip",
    CodingCut: "gzip: ends in good order, but too early",
    CodingFalse: "gzip: says so, and is not",
    CodingUnknown: "another content coding",
    StaleConnection: "pooled connection: closed while idle",
    RacingClose: "pooled connection: closed when the request was there",
    RacingReset: "pooled connection: reset when the request was there",
    Http2: "HTTP/2, all well",
    Http2Trailers: "HTTP/2: trailers",
    Http2LargeHeaders: "HTTP/2: a header of a megabyte",
    Http2Length: "HTTP/2: less than content-length",
    GoAwayUntouched: "HTTP/2: GOAWAY, the request was not worked on",
    GoAwayAlways: "HTTP/2: GOAWAY on every connection",
    GoAwayInOrder: "HTTP/2: GOAWAY in good order, the request is finished",
    GoAwayInError: "HTTP/2: GOAWAY with an error, then closed",
    StreamRefused: "HTTP/2: the stream is refused",
    StreamReset: "HTTP/2: the stream is reset",
    Http2Closed: "HTTP/2: the connection ends without a word",
    Http2Garbage: "HTTP/2: something else",
}

/// How large a whole answer is that the gateway relays before it has all of it.
const LARGE: usize = 700_000;
/// How much of it comes before the fault.
const FIRST: usize = 400_000;

/// How a provider commits a fault, where it is reached, and what of it the client must have got.
pub(crate) struct Committed {
    pub(crate) at: At,
    /// For the requests in their order; the last one stands.
    pub(crate) scripts: Vec<Script>,
    /// A request comes first, so that there is a pooled connection.
    pub(crate) warm: bool,
    /// How often the provider is asked, the first request not counted.
    pub(crate) asked: usize,
    /// The fault happens when the client has so many bytes.
    pub(crate) first: usize,
    /// What the client gets of the primary, before any cut.
    pub(crate) passes: Vec<u8>,
    /// Shorter limits, for stalls.
    pub(crate) hasty: bool,
}

/// Where the provider is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Listening(Transport),
    Nowhere,
    NoName,
}

/// What a fault is made of.
pub(crate) struct Making<'a> {
    pub(crate) fixture: &'a Fixture,
    pub(crate) form: Form,
    pub(crate) phase: Phase,
    /// Opened when the client has seen the first output.
    pub(crate) gate: &'a Arc<Semaphore>,
}

impl Making<'_> {
    /// The content type of a good answer.
    fn kind(&self) -> &'static str {
        match self.form {
            Form::Whole => "application/json",
            Form::Stream => "text/event-stream",
        }
    }

    /// A good answer.
    pub(crate) fn good(&self, text: &str) -> String {
        match self.form {
            Form::Whole => self.fixture.whole(text),
            Form::Stream => self.fixture.streamed().all(text),
        }
    }

    /// The answer that is cut in two where the fault happens.
    fn halves(&self) -> (String, String) {
        match (self.form, self.phase) {
            (Form::Whole, Phase::Before) => halves(&self.fixture.whole("whole"), 9),
            (Form::Whole, Phase::After) => halves(&self.fixture.whole(&"x".repeat(LARGE)), FIRST),
            (Form::Stream, phase) => {
                let stream = self.fixture.streamed();
                let output = stream.output("first");
                let rest = stream.output("second") + stream.end;
                match phase {
                    Phase::Before => (stream.begin.to_owned(), output + &rest),
                    Phase::After => (stream.begin.to_owned() + &output, rest),
                }
            }
        }
    }

    /// A head.
    fn head(&self, status: &str, fields: &str) -> Act {
        Send(
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: {}\r\n{fields}\r\n",
                self.kind()
            )
            .into(),
        )
    }

    /// A good answer with a length, after a head that begins like this.
    fn sized(&self, before: &str, body: &str) -> Act {
        let length = body.len();
        let kind = self.kind();
        Send(
            format!(
                "{before}HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
            )
            .into(),
        )
    }

    /// A chunked answer up to where the fault happens.
    fn chunked(&self) -> Script {
        let first = self.halves().0;
        let mut script = vec![
            self.head("200 OK", "transfer-encoding: chunked\r\n"),
            Send(chunk(&first)),
        ];
        self.pause(&mut script);
        script
    }

    /// The same with the length of all of it.
    fn with_length(&self) -> Script {
        let (first, rest) = self.halves();
        let length = first.len() + rest.len();
        let mut script = vec![
            self.head("200 OK", &format!("content-length: {length}\r\n")),
            Send(first.into()),
        ];
        self.pause(&mut script);
        script
    }

    fn pause(&self, script: &mut Script) {
        if self.phase == Phase::After {
            script.push(Gate(Arc::clone(self.gate)));
        }
    }

    /// An HTTP/2 answer up to where the fault happens; before it, nothing.
    fn http2_begun(&self, first: &str) -> Script {
        let mut script = Vec::new();
        if self.phase == Phase::After {
            script.push(Act::Frame(Frame::head(
                200,
                &[("content-type", self.kind())],
            )));
            data(&mut script, first);
            self.pause(&mut script);
        }
        script
    }

    /// An HTTP/2 answer but for its end.
    fn http2_open(&self, first: &str, rest: &str) -> Script {
        let mut script = vec![Act::Frame(Frame::head(
            200,
            &[("content-type", self.kind())],
        ))];
        data(&mut script, first);
        self.pause(&mut script);
        data(&mut script, rest);
        script
    }

    /// A good HTTP/2 answer.
    fn http2(&self, first: &str, rest: &str) -> Script {
        let bytes = Vec::new();
        then(
            self.http2_open(first, rest),
            [Act::Frame(Frame::Data { bytes, end: true })],
        )
    }

    /// How the fault is committed.
    #[expect(clippy::too_many_lines, reason = "one arm for each fault")]
    pub(crate) fn commit(&self, fault: Fault) -> Committed {
        let plain = At::Listening(Transport::Plain);
        let (first, rest) = self.halves();
        let both = first.clone() + &rest;
        let good = self.good("good");
        let begun = first.len();
        let mut hasty = false;
        let (mut before, mut asked) = (Vec::new(), 1);
        let mut warm = false;
        let mut passes = match self.phase {
            Phase::Before => good.clone(),
            Phase::After => first.clone(),
        };
        let mut at = plain;
        let answer = || vec![self.sized("", &good)];
        let script = match fault {
            Fault::Refused => {
                at = At::Nowhere;
                answer()
            }
            Fault::NoSuchName => {
                at = At::NoName;
                answer()
            }
            Fault::WrongName => {
                at = At::Listening(Transport::OtherName);
                answer()
            }
            Fault::UnknownIssuer => {
                at = At::Listening(Transport::Stranger);
                answer()
            }
            Fault::PlainTextForTls => {
                at = At::Listening(Transport::PlainForTls);
                answer()
            }
            Fault::MuteTls => {
                at = At::Listening(Transport::Mute);
                hasty = true;
                answer()
            }
            Fault::ResetBeforeHead => vec![Reset],
            Fault::CloseBeforeHead => vec![Close],
            Fault::CloseInHead => vec![Send(b"HTTP/1.1 200 OK\r\ncontent-ty".to_vec()), Close],
            Fault::NotHttp => vec![Send(b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()), Close],
            Fault::StallBeforeHead => {
                hasty = true;
                vec![Hang]
            }
            Fault::StallInBody => {
                hasty = true;
                then(self.chunked(), [Hang])
            }
            Fault::ResetInBody => then(self.chunked(), [Reset]),
            Fault::CloseInBody => then(self.chunked(), [Send(b"20\r\n".to_vec()), Close]),
            Fault::CutChunks => then(self.chunked(), [Close]),
            Fault::ShortLength => then(self.with_length(), [Close]),
            Fault::BadChunk => then(self.chunked(), [Send(b"zz\r\n{}\r\n".to_vec()), Close]),
            Fault::MissingEnd => then(self.chunked(), [Send(b"0\r\n\r\n".to_vec())]),
            Fault::MalformedJson => match self.form {
                Form::Whole => vec![self.sized("", "{\"id\":oops}")],
                Form::Stream => then(
                    self.chunked(),
                    [Send(chunk("data: {oops\n\n")), Send(b"0\r\n\r\n".to_vec())],
                ),
            },
            Fault::HtmlSuccess => vec![other("200 OK", "text/html", "<html>hello</html>")],
            Fault::HtmlError => vec![other("502 Bad Gateway", "text/html", "<html>502</html>")],
            Fault::ErrorStatus => vec![other(
                "503 Service Unavailable",
                "application/json",
                self.fixture.overloaded,
            )],
            Fault::Redirect => vec![Send(
                b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
                    .to_vec(),
            )],
            Fault::AbsurdRetryAfter => {
                let body = self.fixture.limited;
                body.clone_into(&mut passes);
                vec![Send(
                    format!(
                        "HTTP/1.1 429 Slow\r\nretry-after: 99999999999999999999\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    )
                    .into(),
                )]
            }
            Fault::Continue => vec![self.sized("HTTP/1.1 100 Continue\r\n\r\n", &good)],
            Fault::EarlyHints => vec![self.sized(
                "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
                &good,
            )],
            Fault::LoneContinue => vec![Send(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()), Close],
            Fault::LoneEarlyHints => {
                vec![
                    Send(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".to_vec()),
                    Close,
                ]
            }
            Fault::SwitchingProtocols => vec![
                Send(
                    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n{}"
                        .to_vec(),
                ),
                Close,
            ],
            Fault::Trailers => {
                passes = both;
                let end = b"0\r\nx-checksum: 1\r\nx-backstop-event: forged\r\n\r\n".to_vec();
                then(self.chunked(), [Send(chunk(&rest)), Send(end)])
            }
            Fault::ErrorInside => match (self.form, self.phase) {
                (Form::Whole, _) => vec![self.sized("", self.fixture.overloaded)],
                // JSON where a stream was asked.
                (Form::Stream, Phase::Before) => {
                    vec![other("200 OK", "application/json", self.fixture.overloaded)]
                }
                (Form::Stream, Phase::After) => {
                    // An error object that is no event of its own kind, but a line of data.
                    let event = format!("data: {}\n\n", self.fixture.overloaded);
                    passes = first + &event;
                    then(
                        self.chunked(),
                        [Send(chunk(&event)), Send(b"0\r\n\r\n".to_vec())],
                    )
                }
            },
            Fault::ErrorEvent => match self.form {
                Form::Whole => Vec::new(),
                Form::Stream => {
                    let event = self.fixture.streamed().error;
                    passes = first + event;
                    then(
                        self.chunked(),
                        [Send(chunk(event)), Send(b"0\r\n\r\n".to_vec())],
                    )
                }
            },
            Fault::EmptyBody => vec![self.sized("", "")],
            Fault::NoContent => vec![Send(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())],
            Fault::WrongType => vec![match self.form {
                Form::Whole => other("200 OK", "text/event-stream", "data: {}\n\n"),
                Form::Stream => other("200 OK", "application/json", &self.fixture.whole("x")),
            }],
            Fault::ManyHeaders => vec![self.head("200 OK", &"x-many: 1\r\n".repeat(1000)), Close],
            Fault::LargeHeaders => {
                let bomb = format!("x-bomb: {}\r\n", "x".repeat(1024 * 1024));
                vec![self.head("200 OK", &bomb), Close]
            }
            Fault::Endless => {
                hasty = self.form == Form::Whole;
                let mut script = vec![self.head("200 OK", "")];
                if self.phase == Phase::After {
                    script.push(Send(first.into()));
                }
                self.pause(&mut script);
                then(script, [Endless(vec![b'x'; 64 * 1024])])
            }
            Fault::LengthAndChunks => {
                let body = String::from_utf8(chunk(&good)).unwrap() + "0\r\n\r\n";
                vec![
                    self.head(
                        "200 OK",
                        &format!(
                            "content-length: {}\r\ntransfer-encoding: chunked\r\n",
                            good.len() - 4
                        ),
                    ),
                    Send(body.into()),
                ]
            }
            Fault::TwoLengths => vec![
                self.head(
                    "200 OK",
                    &format!("content-length: {}\r\ncontent-length: 3\r\n", good.len()),
                ),
                Send(good.clone().into()),
            ],
            Fault::Drip => match self.phase {
                Phase::Before => {
                    let Send(bytes) = self.sized("", &good) else {
                        unreachable!()
                    };
                    vec![Drip(bytes)]
                }
                Phase::After => {
                    passes = both;
                    then(self.with_length(), [Drip(rest.into())])
                }
            },
            Fault::OldHttp => {
                let kind = self.kind();
                let head = format!("HTTP/1.0 200 OK\r\ncontent-type: {kind}\r\n\r\n");
                vec![Send((head + &good).into()), Close]
            }
            Fault::UntilClose => {
                passes = both;
                let mut script = vec![self.head("200 OK", "connection: close\r\n")];
                script.push(Send(first.into()));
                self.pause(&mut script);
                then(script, [Send(rest.into()), Close])
            }
            Fault::Gzip | Fault::Brotli | Fault::Zstd | Fault::CodingCut => {
                let coding = match fault {
                    Fault::Brotli => Coding::Brotli,
                    Fault::Zstd => Coding::Zstd,
                    _ => Coding::Gzip,
                };
                let mut pieces = encoded_pieces(coding, &[&first, &rest]).into_iter();
                let (first, mut rest) = (pieces.next().unwrap(), pieces.next().unwrap());
                if fault == Fault::CodingCut {
                    rest.clear();
                } else {
                    passes = both;
                }
                let name = match coding {
                    Coding::Gzip => "gzip",
                    Coding::Brotli => "br",
                    Coding::Zstd => "zstd",
                };
                let length = first.len() + rest.len();
                let mut script = vec![self.head(
                    "200 OK",
                    &format!("content-encoding: {name}\r\ncontent-length: {length}\r\n"),
                )];
                if length > first.len() {
                    script.push(Send(first));
                    self.pause(&mut script);
                    then(script, [Send(rest)])
                } else {
                    // The last byte comes after the pause, so that the answer is not over before it.
                    let (most, last) = first.split_at(length - 1);
                    script.push(Send(most.to_vec()));
                    self.pause(&mut script);
                    then(script, [Send(last.to_vec())])
                }
            }
            Fault::EncodedError => {
                let body = encoded(Coding::Gzip, self.fixture.overloaded.as_bytes());
                let head = format!(
                    "HTTP/1.1 500 Sorry\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                vec![Send([head.into_bytes(), body].concat())]
            }
            Fault::CodingFalse => {
                let length = good.len();
                let fields = format!("content-encoding: gzip\r\ncontent-length: {length}\r\n");
                vec![self.head("200 OK", &fields), Send(good.clone().into())]
            }
            Fault::CodingUnknown => {
                let length = good.len();
                let fields = format!("content-encoding: compress\r\ncontent-length: {length}\r\n");
                vec![self.head("200 OK", &fields), Send(good.clone().into())]
            }
            Fault::StaleConnection => {
                warm = true;
                before.push(then(answer(), [Close]));
                answer()
            }
            Fault::RacingClose => {
                warm = true;
                before.push(answer());
                vec![Close]
            }
            Fault::RacingReset => {
                warm = true;
                before.push(answer());
                vec![Reset]
            }
            Fault::Http2
            | Fault::Http2Trailers
            | Fault::Http2LargeHeaders
            | Fault::Http2Length
            | Fault::GoAwayUntouched
            | Fault::GoAwayAlways
            | Fault::GoAwayInOrder
            | Fault::GoAwayInError
            | Fault::StreamRefused
            | Fault::StreamReset
            | Fault::Http2Closed
            | Fault::Http2Garbage => {
                at = At::Listening(Transport::Http2);
                let well = self.http2(&first, &rest);
                if matches!(
                    fault,
                    Fault::GoAwayUntouched | Fault::GoAwayAlways | Fault::StreamRefused
                ) {
                    asked = 2;
                }
                match fault {
                    Fault::Http2Trailers => {
                        passes = both;
                        let fields = vec![("x-checksum".to_owned(), "1".to_owned())];
                        then(self.http2_open(&first, &rest), [Act::Frame(Frame::Head { fields, end: true })])
                    }
                    Fault::Http2LargeHeaders => {
                        let bomb = "x".repeat(1024 * 1024);
                        vec![Act::Frame(Frame::head(200, &[("content-type", self.kind()), ("x-bomb", &bomb)]))]
                    }
                    Fault::Http2Length => {
                        let length = (both.len() + 1).to_string();
                        let fields = [("content-type", self.kind()), ("content-length", length.as_str())];
                        let mut script = vec![Act::Frame(Frame::head(200, &fields))];
                        data(&mut script, &first);
                        self.pause(&mut script);
                        then(script, [Act::Frame(Frame::Data { bytes: Vec::new(), end: true })])
                    }
                    Fault::GoAwayUntouched => {
                        before.push(vec![Act::Frame(GONE), Close]);
                        passes = both;
                        well
                    }
                    Fault::GoAwayAlways => vec![Act::Frame(GONE), Close],
                    Fault::StreamRefused => {
                        before.push(vec![Act::Frame(Frame::Reset(frames::REFUSED_STREAM))]);
                        passes = both;
                        well
                    }
                    Fault::GoAwayInOrder => {
                        passes = both;
                        let mut script = self.http2_begun(&first);
                        script.push(Act::Frame(Frame::GoAway {
                            this: true,
                            code: frames::NO_ERROR,
                        }));
                        if self.phase == Phase::Before {
                            let head = Frame::head(200, &[("content-type", self.kind())]);
                            script.push(Act::Frame(head));
                            data(&mut script, &first);
                        }
                        data(&mut script, &rest);
                        then(script, [Act::Frame(Frame::Data { bytes: Vec::new(), end: true }), Close])
                    }
                    Fault::GoAwayInError => {
                        let last = Frame::GoAway { this: true, code: frames::INTERNAL_ERROR };
                        then(self.http2_begun(&first), [Act::Frame(last), Close])
                    }
                    Fault::StreamReset => then(
                        self.http2_begun(&first),
                        [Act::Frame(Frame::Reset(frames::INTERNAL_ERROR))],
                    ),
                    Fault::Http2Closed => then(self.http2_begun(&first), [Close]),
                    Fault::Http2Garbage => then(
                        self.http2_begun(&first),
                        [Send(b"HTTP/1.1 400 Bad Request\r\n\r\n".repeat(20)), Close],
                    ),
                    _ => {
                        passes = both;
                        well
                    }
                }
            }
        };
        if at != plain && at != At::Listening(Transport::Http2) {
            asked = 0;
        }
        before.push(script);
        Committed {
            at,
            scripts: before,
            warm,
            asked,
            first: begun,
            passes: passes.into(),
            hasty,
        }
    }
}

/// The same script with more acts.
fn then<const N: usize>(mut script: Script, acts: [Act; N]) -> Script {
    script.extend(acts);
    script
}

fn halves(text: &str, at: usize) -> (String, String) {
    let (first, rest) = text.split_at(at);
    (first.to_owned(), rest.to_owned())
}

/// The connection ends, and this stream was not worked on.
const GONE: Frame = Frame::GoAway {
    this: false,
    code: frames::NO_ERROR,
};

/// A body in frames.
fn data(script: &mut Script, text: &str) {
    for piece in text.as_bytes().chunks(16 * 1024) {
        script.push(Act::Frame(Frame::Data {
            bytes: piece.to_vec(),
            end: false,
        }));
    }
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into()
}

fn other(status: &str, kind: &str, body: &str) -> Act {
    let length = body.len();
    Send(
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into(),
    )
}

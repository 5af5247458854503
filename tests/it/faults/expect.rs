//! What must come of every cell of the table: no cell is left to chance, and none is empty.

use backstop::{
    model::ErrorClass::{
        self, BrokenResponse, Overloaded, RateLimited, ServerError, Timeout, Unreachable,
    },
    wire::Shape,
};

use super::{
    family::{self, Form},
    fault::{Fault, Phase},
};

/// What comes of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// The primary's answer, whole and unchanged; no event.
    Served,
    /// The fallback's answer and one event of this class.
    Fallback(ErrorClass),
    /// The primary's own error answer with this status, and one event: refused.
    Returned(u16, ErrorClass),
    /// What came, then an error event of the gateway's with this code and no end marker; one event: broken.
    ErrorEvent(&'static str, ErrorClass),
    /// What came, the provider's own error event among it, and nothing of the gateway's; one event: broken.
    PassedError(ErrorClass),
    /// What came, then a cut that no client takes for the end; one event: broken.
    Cut(ErrorClass),
    /// There is no such cell, because of this.
    Impossible(&'static str),
}

use Expect::{Cut, ErrorEvent, Fallback, Impossible, PassedError, Returned, Served};

const HEAD: &str = "it is over before there is any output";
const NO_STREAM: &str = "the family has no streams";
const ONLY_STREAM: &str = "only a stream has events";
const LIMITED: &str =
    "the length or the chunks say where the body ends, and the gateway relays it unread";
const BROKEN: &str = "backstop_broken_response";
const SLOW: &str = "backstop_upstream_timeout";

/// The one place that says it.
pub(crate) fn expect(shape: Shape, form: Form, fault: Fault, phase: Phase) -> Expect {
    if form == Form::Stream && family::of(shape).stream.is_none() {
        return Impossible(NO_STREAM);
    }
    match phase {
        Phase::Before => before(form, fault),
        Phase::After => after(form, fault),
    }
}

fn before(form: Form, fault: Fault) -> Expect {
    match fault {
        Fault::Refused
        | Fault::NoSuchName
        | Fault::WrongName
        | Fault::UnknownIssuer
        | Fault::PlainTextForTls
        | Fault::MuteTls
        | Fault::ResetBeforeHead
        | Fault::CloseBeforeHead
        | Fault::CloseInHead
        | Fault::LoneContinue
        | Fault::LoneEarlyHints
        | Fault::RacingClose
        | Fault::RacingReset
        | Fault::GoAwayAlways
        | Fault::GoAwayInError
        | Fault::StreamReset
        | Fault::Http2Closed => Fallback(Unreachable),
        Fault::NotHttp
        | Fault::HtmlSuccess
        | Fault::Redirect
        | Fault::SwitchingProtocols
        | Fault::NoContent
        | Fault::EmptyBody
        | Fault::WrongType
        | Fault::ManyHeaders
        | Fault::LargeHeaders
        | Fault::LengthAndChunks
        | Fault::TwoLengths
        | Fault::ResetInBody
        | Fault::CloseInBody
        | Fault::CutChunks
        | Fault::ShortLength
        | Fault::BadChunk
        | Fault::MissingEnd
        | Fault::MalformedJson
        | Fault::ErrorInside
        | Fault::Endless
        | Fault::CodingCut
        | Fault::CodingFalse
        | Fault::CodingUnknown
        | Fault::Http2LargeHeaders
        | Fault::Http2Garbage
        | Fault::Http2Length => Fallback(BrokenResponse),
        Fault::HtmlError => Fallback(ServerError),
        Fault::ErrorStatus | Fault::EncodedError => Fallback(Overloaded),
        Fault::AbsurdRetryAfter => Returned(429, RateLimited),
        Fault::StallBeforeHead | Fault::StallInBody => Fallback(Timeout),
        Fault::ErrorEvent => match form {
            Form::Whole => Impossible(ONLY_STREAM),
            Form::Stream => Fallback(BrokenResponse),
        },
        Fault::Continue
        | Fault::EarlyHints
        | Fault::Trailers
        | Fault::Drip
        | Fault::OldHttp
        | Fault::UntilClose
        | Fault::Gzip
        | Fault::Brotli
        | Fault::Zstd
        | Fault::StaleConnection
        | Fault::Http2
        | Fault::Http2Trailers
        | Fault::GoAwayUntouched
        | Fault::GoAwayInOrder
        | Fault::StreamRefused => Served,
    }
}

fn after(form: Form, fault: Fault) -> Expect {
    match fault {
        Fault::Refused
        | Fault::NoSuchName
        | Fault::WrongName
        | Fault::UnknownIssuer
        | Fault::PlainTextForTls
        | Fault::MuteTls
        | Fault::ResetBeforeHead
        | Fault::CloseBeforeHead
        | Fault::CloseInHead
        | Fault::LoneContinue
        | Fault::LoneEarlyHints
        | Fault::NotHttp
        | Fault::HtmlSuccess
        | Fault::HtmlError
        | Fault::ErrorStatus
        | Fault::Redirect
        | Fault::SwitchingProtocols
        | Fault::NoContent
        | Fault::EmptyBody
        | Fault::WrongType
        | Fault::ManyHeaders
        | Fault::LargeHeaders
        | Fault::LengthAndChunks
        | Fault::TwoLengths
        | Fault::AbsurdRetryAfter
        | Fault::StallBeforeHead
        | Fault::Continue
        | Fault::EarlyHints
        | Fault::OldHttp
        | Fault::EncodedError
        | Fault::CodingFalse
        | Fault::CodingUnknown
        | Fault::StaleConnection
        | Fault::RacingClose
        | Fault::RacingReset
        | Fault::Http2LargeHeaders
        | Fault::GoAwayUntouched
        | Fault::GoAwayAlways
        | Fault::StreamRefused => Impossible(HEAD),
        Fault::ResetInBody
        | Fault::CloseInBody
        | Fault::CutChunks
        | Fault::ShortLength
        | Fault::BadChunk
        | Fault::CodingCut
        | Fault::Http2Length
        | Fault::GoAwayInError
        | Fault::StreamReset
        | Fault::Http2Closed
        | Fault::Http2Garbage => match form {
            Form::Whole => Cut(BrokenResponse),
            Form::Stream => ErrorEvent(BROKEN, BrokenResponse),
        },
        Fault::StallInBody => match form {
            Form::Whole => Cut(Timeout),
            Form::Stream => ErrorEvent(SLOW, Timeout),
        },
        Fault::MissingEnd | Fault::MalformedJson => match form {
            Form::Whole => Impossible(LIMITED),
            Form::Stream => ErrorEvent(BROKEN, BrokenResponse),
        },
        Fault::ErrorInside | Fault::ErrorEvent => match form {
            Form::Whole => Impossible(LIMITED),
            Form::Stream => PassedError(BrokenResponse),
        },
        Fault::Endless => match form {
            Form::Whole => Cut(Timeout),
            Form::Stream => ErrorEvent(BROKEN, BrokenResponse),
        },
        Fault::Trailers
        | Fault::Drip
        | Fault::UntilClose
        | Fault::Gzip
        | Fault::Brotli
        | Fault::Zstd
        | Fault::Http2
        | Fault::Http2Trailers
        | Fault::GoAwayInOrder => Served,
    }
}

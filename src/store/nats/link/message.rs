//! What is to be published, and what may become of it.
//!
//! Used by the link and by everybody who publishes through it. Nothing here talks to a server.

use async_nats::jetstream::{
    self, ErrorCode,
    context::{PublishError, PublishErrorKind},
};
use bytes::Bytes;

/// What a server says again when it is asked again a moment later.
const LASTING: [ErrorCode; 7] = [
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::JETSTREAM_NOT_ENABLED,
    ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM,
    ErrorCode::STREAM_SEALED,
];

/// What is to be published.
#[derive(Debug)]
pub(in crate::store) struct Outgoing {
    /// Where to.
    pub(in crate::store) subject: String,
    /// Under which name it is known: the same one is stored once. Empty: each time it is sent.
    pub(in crate::store) id: String,
    /// What must be true for it to be stored.
    pub(in crate::store) expect: Expect,
    /// Further headers.
    pub(in crate::store) headers: Vec<(&'static str, String)>,
    /// What it says.
    pub(in crate::store) payload: Bytes,
}

/// What must be true for a message to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Expect {
    /// Nothing.
    Anything,
    /// The stream's newest message is this one.
    Newest(u64),
    /// The newest message of this subject is this one; 0: there is none.
    NewestOfSubject(u64),
}

/// A message that more than half of the servers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Stored {
    /// Its place in the stream.
    pub(in crate::store) sequence: u64,
    /// It was stored before, under the same name.
    pub(in crate::store) duplicate: bool,
}

/// What became of a message that was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::store) enum NotStored {
    /// What it expected is not so. It was not stored.
    #[error("something else was stored before")]
    Unexpected,
    /// The cluster refused it, in words. It was not stored; a moment later it may be.
    #[error("{0}")]
    Refused(String),
    /// The cluster refused it, in words, and would again. It was not stored.
    #[error("{0}")]
    Never(String),
    /// Whoever one is to the cluster may not publish to this subject. It was not stored.
    #[error("this login may not publish to `{0}`")]
    Forbidden(String),
    /// There is no connection. It was not sent.
    #[error("no server of the cluster can be reached")]
    Away,
    /// It was sent and nobody answered: it may be stored, now or later.
    #[error("{0}")]
    Unknown(String),
}

pub(super) fn why(error: &PublishError) -> NotStored {
    match error.kind() {
        PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => {
            NotStored::Unexpected
        }
        PublishErrorKind::StreamNotFound => NotStored::Refused(
            "no leader answers for the stream; `backstop store status` says whether it was ever made".to_owned(),
        ),
        PublishErrorKind::MaxPayloadExceeded => NotStored::Never(error.to_string()),
        PublishErrorKind::MaxAckPending => NotStored::Refused(error.to_string()),
        // A server that refuses a message has not stored it; what fails on the way here may have been. A cluster says
        // this one while another message with the same expectation is on its way to be stored.
        PublishErrorKind::Other
            if answered(error) == Some(ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT) =>
        {
            NotStored::Unexpected
        }
        // The one that answers could not write it; the others may have.
        PublishErrorKind::Other if answered(error) == Some(ErrorCode::STREAM_STORE_FAILED) => {
            NotStored::Unknown(error.to_string())
        }
        PublishErrorKind::Other if answered(error).is_some_and(|code| LASTING.contains(&code)) => {
            NotStored::Never(error.to_string())
        }
        PublishErrorKind::Other if answered(error).is_some() => {
            NotStored::Refused(error.to_string())
        }
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe | PublishErrorKind::Other => {
            NotStored::Unknown(error.to_string())
        }
    }
}

/// The server's own number for its answer.
fn answered(error: &PublishError) -> Option<ErrorCode> {
    let source = std::error::Error::source(error)?;
    let answer = source.downcast_ref::<jetstream::Error>()?;
    Some(answer.error_code())
}

/// Whether a server has looked at a message of which this became, so that it may be published: whoever may not gets no
/// answer. What never left this process counts as looked at.
pub(super) fn looked_at(error: &PublishError) -> bool {
    match error.kind() {
        PublishErrorKind::StreamNotFound
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::MaxPayloadExceeded
        | PublishErrorKind::MaxAckPending => true,
        PublishErrorKind::Other => answered(error).is_some(),
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => false,
    }
}

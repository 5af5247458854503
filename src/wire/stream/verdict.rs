//! What a watched stream comes to: evidence that it is no answer, and how a broken one is ended.

use bytes::Bytes;

use super::{
    super::error_body::{self, GatewayError},
    Watch,
    frames::Frames,
};
use crate::policy::{BrokenKind, Evidence, ProviderError};

impl Watch {
    /// Why this is no answer, from what was seen so far: an error event, malformed, or an array that closed
    /// before its answer had ended. `None`: go on.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        if let Some(error) = &self.seen.error {
            return Some(Evidence::Broken {
                kind: BrokenKind::StreamError,
                error: error.clone(),
                status: Some(200),
                retry_after: self.retry_delay,
            });
        }
        let kind = match (self.seen.malformed, self.closed_early, self.started) {
            (true, ..) => BrokenKind::Malformed,
            (false, true, true) => BrokenKind::MissingEnd,
            (false, true, false) => BrokenKind::Empty,
            (false, false, _) => return None,
        };
        Some(broken(kind, ProviderError::default()))
    }

    /// Why this was no answer, after [`Watch::finish`]: the above, or empty, or no end marker.
    #[must_use]
    pub fn evidence_at_end(&self) -> Option<Evidence> {
        self.evidence().or_else(|| {
            let kind = if self.started {
                BrokenKind::MissingEnd
            } else {
                BrokenKind::Empty
            };
            let ended = self.seen.end || self.finished || self.may_have_ended();
            (!ended).then(|| broken(kind, ProviderError::default()))
        })
    }

    /// What ends a broken stream for the client: an error of our own, unless the provider's has just gone by,
    /// and what must stand before and behind it. `None`: an element of an array is half-way through, and
    /// nothing behind it could be read.
    #[must_use]
    pub fn ending(&self, error: &GatewayError) -> Option<Vec<Bytes>> {
        let own = self.seen.error.is_none().then_some(error);
        match &self.frames {
            Frames::Events(_) => {
                let event = own.map(|error| error_body::stream_event(self.shape, error));
                Some(self.closing().into_iter().chain(event).collect())
            }
            // Whatever went wrong came behind the end.
            Frames::Array(elements) if elements.closed() && !self.closed_early => Some(Vec::new()),
            Frames::Array(elements) => {
                let whole = self.part_gone.is_none();
                whole.then(|| vec![error_body::array_end(self.shape, elements.any(), own)])
            }
        }
    }

    /// An event that passed unread may have held the end marker: its beginning had gone before its end came, so
    /// nothing can be read of it in one piece. Taking it for an end lets a cut pass, in the one case that a family
    /// has no other marker behind it; taking it for none would break every image that is the last event.
    fn may_have_ended(&self) -> bool {
        self.turns.unread() && !self.frames.is_array()
    }
}

/// Evidence of a stream; streams have status 200.
fn broken(kind: BrokenKind, error: ProviderError) -> Evidence {
    Evidence::Broken {
        kind,
        error,
        status: Some(200),
        retry_after: None,
    }
}

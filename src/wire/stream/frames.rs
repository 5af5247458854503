//! What tells the pieces of a stream apart.

use super::{
    super::{
        Framing,
        sse::{Boundary, Event},
    },
    elements::{self, Elements},
};

/// Where the current piece stands.
#[derive(Clone, Debug)]
pub(super) enum Frames {
    Events(Boundary),
    Array(Elements),
}

impl Frames {
    /// At the start of a stream.
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Events => Self::Events(Boundary::default()),
            Framing::Array => Self::Array(Elements::default()),
        }
    }

    /// Reads on. `Some`: a piece ends after this many of the bytes. `None`: it goes on.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Events(boundary) => boundary.next(bytes),
            Self::Array(elements) => elements.next(bytes),
        }
    }

    /// Reads one piece. `first`: nothing came before it.
    pub(super) fn read<'a>(&self, raw: &'a [u8], first: bool) -> Event<'a> {
        match self {
            Self::Events(_) => Event::read(raw),
            Self::Array(_) => elements::read(raw, first),
        }
    }

    /// An array has ended.
    pub(super) fn closed(&self) -> bool {
        match self {
            Self::Events(_) => false,
            Self::Array(elements) => elements.closed(),
        }
    }

    pub(super) const fn is_array(&self) -> bool {
        matches!(self, Self::Array(_))
    }
}

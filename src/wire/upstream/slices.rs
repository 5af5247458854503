//! A request body in up to three slices, so that replacing the model copies nothing else.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};

/// A body that is sent slice by slice. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Slices([Bytes; 3]);

impl From<[Bytes; 3]> for Slices {
    fn from(slices: [Bytes; 3]) -> Self {
        Self(slices)
    }
}

impl From<Bytes> for Slices {
    fn from(whole: Bytes) -> Self {
        Self([whole, Bytes::new(), Bytes::new()])
    }
}

impl Slices {
    /// What is left, in order.
    pub(super) fn left(&self) -> [&[u8]; 3] {
        let [first, second, third] = &self.0;
        [first, second, third]
    }

    /// How much is left.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// So much of it has been sent.
    pub(super) fn advance(&mut self, mut count: usize) {
        for slice in &mut self.0 {
            let of_this = count.min(slice.len());
            slice.advance(of_this);
            count -= of_this;
        }
    }
}

/// For HTTP/2, which is sent by its own connection task.
impl Body for Slices {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let slices = &mut self.get_mut().0;
        let next = slices.iter_mut().find(|slice| !slice.is_empty());
        Poll::Ready(next.map(|slice| Ok(Frame::data(std::mem::take(slice)))))
    }

    fn is_end_stream(&self) -> bool {
        self.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}

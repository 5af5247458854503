//! A request body in up to three slices, so that replacing the model copies nothing else.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// A body that is sent slice by slice. Cheap to make again from the same bytes.
#[derive(Clone, Debug, Default)]
pub struct Slices {
    slices: [Bytes; 3],
    next: usize,
}

impl From<[Bytes; 3]> for Slices {
    fn from(slices: [Bytes; 3]) -> Self {
        Self { slices, next: 0 }
    }
}

impl From<Bytes> for Slices {
    fn from(whole: Bytes) -> Self {
        Self {
            slices: [whole, Bytes::new(), Bytes::new()],
            next: 0,
        }
    }
}

impl Body for Slices {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        while let Some(slice) = this.slices.get_mut(this.next) {
            this.next += 1;
            let slice = std::mem::take(slice);
            if !slice.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(slice))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.slices.iter().all(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.slices.iter().map(|slice| slice.len() as u64).sum())
    }
}

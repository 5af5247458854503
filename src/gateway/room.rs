//! What all requests of a gateway may take together: places, and memory for their bodies.
//!
//! Nothing waits here: who finds no room is told at once, before its body is read, and may come again. So who
//! was let in is served as fast as ever, and memory has an end. The limits are those of the configuration in
//! force; what is taken outlives a reload.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use crate::wire::error_body::GatewayError;

/// The code of every refusal for want of room.
pub(super) const FULL: &str = "backstop_overloaded";

/// What is taken.
#[derive(Debug, Default)]
pub(super) struct Room {
    requests: AtomicUsize,
    bytes: AtomicUsize,
    refused: [AtomicU64; Full::ALL.len()],
}

/// Why there was no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    /// `gateway.max_requests`.
    #[error("too many requests are running on this gateway; come again soon")]
    Requests,
    /// `gateway.max_body_memory`.
    #[error(
        "the bodies of running requests take all the memory that this gateway has for them; come again soon"
    )]
    Bodies,
}

impl Full {
    /// Every reason.
    pub(super) const ALL: [Self; 2] = [Self::Requests, Self::Bodies];

    /// The name used in labels.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Bodies => "body-memory",
        }
    }

    /// What a client is told.
    pub(super) fn error(self) -> GatewayError {
        GatewayError {
            status: 503,
            code: FULL,
            message: self.to_string(),
        }
    }
}

/// A running request's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Stay(Arc<Room>);

/// The memory of one request's body, given back when dropped.
#[derive(Debug)]
pub(super) struct Held {
    room: Arc<Room>,
    limit: usize,
    bytes: usize,
}

impl Room {
    /// A place for one more request.
    pub(super) fn enter(self: &Arc<Self>, limit: usize) -> Result<Stay, Full> {
        self.counted(Full::Requests, take(&self.requests, 1, limit))
            .map(|()| Stay(Arc::clone(self)))
    }

    /// Memory for a body, none of it taken yet. `announced`: what would be no room for is refused now, and not
    /// when most of it has come.
    pub(super) fn hold(self: &Arc<Self>, announced: usize, limit: usize) -> Result<Held, Full> {
        let free = limit.saturating_sub(self.bytes.load(Ordering::Relaxed));
        self.counted(Full::Bodies, announced <= free)?;
        Ok(Held {
            room: Arc::clone(self),
            limit,
            bytes: 0,
        })
    }

    fn counted(&self, why: Full, there: bool) -> Result<(), Full> {
        if there {
            return Ok(());
        }
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
        Err(why)
    }

    /// Requests that run.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes of bodies that are held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many found no room, in the order of [`Full::ALL`].
    pub(super) fn refused(&self) -> [u64; Full::ALL.len()] {
        self.refused
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed))
    }
}

impl Held {
    /// Takes so many bytes more.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Full> {
        let taken = take(&self.room.bytes, bytes, self.limit);
        self.room.counted(Full::Bodies, taken)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Gives so many back.
    pub(super) fn give(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.room.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Whether so much could be taken.
fn take(taken: &AtomicUsize, more: usize, limit: usize) -> bool {
    let with = |taken: usize| taken.checked_add(more).filter(|with| *with <= limit);
    taken
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, with)
        .is_ok()
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_taken_is_given_back_and_who_finds_none_is_counted() {
        let room = Arc::new(Room::default());
        let first = room.enter(1).unwrap();
        assert_eq!(room.enter(1).unwrap_err(), Full::Requests);
        assert!(room.enter(2).is_ok(), "the limit of now counts");
        drop(first);
        assert_eq!(room.requests(), 0);
        let mut held = room.hold(8, 10).unwrap();
        held.take(6).unwrap();
        assert_eq!(room.hold(5, 10).unwrap_err(), Full::Bodies);
        let mut other = room.hold(4, 10).unwrap();
        other.take(4).unwrap();
        assert_eq!(other.take(1), Err(Full::Bodies));
        held.give(2);
        other.take(2).unwrap();
        drop((held, other));
        assert_eq!(room.bytes(), 0);
        assert_eq!(room.refused(), [1, 2]);
    }

    proptest! {
        #[test]
        fn it_is_never_more_than_the_limit_and_never_lost(
            limit in 0_usize..100, steps in prop::collection::vec((0_usize..6, 0_usize..60), 0..80),
        ) {
            let room = Arc::new(Room::default());
            let mut held: Vec<Held> = Vec::new();
            for (which, bytes) in steps {
                match held.get_mut(which) {
                    Some(one) if bytes % 3 == 0 => one.give(bytes),
                    Some(one) if bytes % 3 == 1 => { let _ = one.take(bytes); }
                    Some(_) => drop(held.remove(which)),
                    None => held.extend(room.hold(bytes, limit)),
                }
                prop_assert!(room.bytes() <= limit);
                prop_assert_eq!(room.bytes(), held.iter().map(|one| one.bytes).sum::<usize>());
            }
            drop(held);
            prop_assert_eq!(room.bytes(), 0);
        }
    }
}

//! What the backend plays when a test wants to see what happens without a cluster.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::Memory;
use crate::store::{Pretence, StoreError, Touch};

/// The part that is played.
#[derive(Default)]
pub(super) struct Stage {
    touch: watch::Sender<Touch>,
    /// The next change ends unknown: whether it is made.
    unknown: Mutex<Option<bool>>,
}

impl Stage {
    /// Nothing is written by who is apart.
    pub(super) fn may_write(&self) -> Result<(), StoreError> {
        match &*self.touch.borrow() {
            Touch::Current => Ok(()),
            Touch::Apart { cause, .. } => Err(StoreError::Failed {
                place: "memory".to_owned(),
                cause: cause.clone(),
            }),
        }
    }

    /// Whether this change is made, and what is answered of it; once.
    pub(super) fn lost(&self) -> Option<(bool, StoreError)> {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        let error = StoreError::Unknown {
            place: "memory".to_owned(),
            cause: "no answer came".to_owned(),
        };
        unknown.take().map(|made| (made, error))
    }
}

impl Memory {
    pub(in crate::store) fn touch(&self) -> watch::Receiver<Touch> {
        self.shared.stage.touch.subscribe()
    }

    pub(in crate::store) fn pretend(&self, pretence: Pretence) {
        let stage = &self.shared.stage;
        match pretence {
            Pretence::Touch(touch) => {
                stage.touch.send_replace(touch);
            }
            Pretence::Unknown { made } => {
                *stage.unknown.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
            }
        }
    }
}

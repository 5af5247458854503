//! Whether this door is in touch with the store's cluster. While it is not, nothing is planned and nothing changed.

use super::{Control, ControlError};
use crate::store::Touch;

impl Control {
    /// How current what this door sees is.
    #[must_use]
    pub fn touch(&self) -> Touch {
        self.inner.store.touch().borrow().clone()
    }

    /// Refuses while apart: what would be decided rests on what may have changed since.
    pub(super) fn in_touch(&self) -> Result<(), ControlError> {
        match self.touch() {
            Touch::Current => Ok(()),
            Touch::Apart { since, cause } => Err(ControlError::Apart { since, cause }),
        }
    }
}

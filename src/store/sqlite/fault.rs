//! What went wrong inside the backend, before it is told to the outside as a `StoreError`.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::store::StoreError;

/// A failed piece of work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The database.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A record that is no longer, or not yet, understood.
    #[error("a record in it cannot be read: {0}")]
    Record(#[from] serde_json::Error),
    /// Another text that is not understood.
    #[error("{0}")]
    Words(String),
    /// The file under our connection is not the file at its path.
    #[error("its file was removed or replaced while it was in use")]
    Replaced,
}

impl Fault {
    /// Whether the connection should not be used again. One that was opened while nothing could be written stays
    /// so, even when the file system has become writable again.
    pub(super) fn breaks(&self) -> bool {
        match self {
            Self::Sqlite(error) => !matches!(
                error.sqlite_error_code(),
                None | Some(
                    ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::ConstraintViolation
                )
            ),
            Self::Record(_) | Self::Words(_) => false,
            Self::Replaced => true,
        }
    }

    /// Whether nothing may be written.
    pub(super) fn is_read_only(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::ReadOnly),
            Self::Record(_) | Self::Words(_) | Self::Replaced => false,
        }
    }

    /// The same for the outside.
    pub(super) fn at(self, path: &Path) -> StoreError {
        match &self {
            Self::Sqlite(_) | Self::Record(_) | Self::Words(_) | Self::Replaced => {
                StoreError::Failed {
                    place: path.display().to_string(),
                    cause: self.to_string(),
                }
            }
        }
    }
}

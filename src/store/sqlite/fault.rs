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
    /// Whether the connection should not be used again.
    pub(super) fn breaks(&self) -> bool {
        match self {
            Self::Sqlite(error) => !matches!(
                error.sqlite_error_code(),
                None | Some(
                    ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::ConstraintViolation
                        | ErrorCode::ReadOnly
                )
            ),
            Self::Record(_) | Self::Words(_) => false,
            Self::Replaced => true,
        }
    }

    /// The same for the outside.
    pub(super) fn at(self, path: &Path) -> StoreError {
        match &self {
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => {
                StoreError::ReadOnly
            }
            Self::Sqlite(_) | Self::Record(_) | Self::Words(_) | Self::Replaced => {
                StoreError::Failed {
                    place: path.display().to_string(),
                    cause: self.to_string(),
                }
            }
        }
    }
}

//! How storage fails.

use std::fmt;

/// A read or a command failed; the text says what and where, for people, without secrets.
#[derive(Debug, Clone)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}

/// Why a batch was not applied.
#[derive(Debug, Clone)]
pub enum ApplyError {
    /// Rolled back because of a row that can never be stored: halve the batch to find it.
    Refused(String),
    /// Whether it was committed is not known, or the database is away: the same batch may be tried again.
    Unknown(String),
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApplyError::Refused(why) => write!(f, "refused: {why}"),
            ApplyError::Unknown(why) => write!(f, "outcome unknown: {why}"),
        }
    }
}

impl std::error::Error for ApplyError {}

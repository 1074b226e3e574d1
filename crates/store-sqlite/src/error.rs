//! What SQLite's result codes mean to us (<https://www.sqlite.org/rescode.html>).

use waxwing_store::{ApplyError, StoreError};

const CORRUPT: i32 = 11;
const TOO_BIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;
const NOT_A_DATABASE: i32 = 26;

/// The primary result code, if SQLite itself said no.
fn code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Refused is what depends on the rows. All else (busy, disk full, I/O) may pass: its outcome counts as unknown.
pub(crate) fn apply_error(error: sqlx::Error) -> ApplyError {
    match code(&error) {
        Some(TOO_BIG | CONSTRAINT | MISMATCH) => ApplyError::Refused(error.to_string()),
        _ => ApplyError::Unknown(error.to_string()),
    }
}

pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    StoreError(format!("SQLite: {error}"))
}

/// Says how to mend it too.
pub(crate) fn open_error(error: &sqlx::Error) -> String {
    match code(error) {
        Some(NOT_A_DATABASE) => "it is not an SQLite database: choose another file in `storage`".to_owned(),
        Some(CORRUPT) => "it is damaged: restore a backup".to_owned(),
        _ => error.to_string(),
    }
}

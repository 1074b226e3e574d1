//! What Postgres's errors mean to us.

use std::error::Error as _;

use deadpool_postgres::PoolError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use waxwing_store::{ApplyError, StoreError};

/// One line, without the `detail` of a constraint, which may quote a row.
pub(crate) fn words(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(database), _) => format!("{} ({})", database.message(), database.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

/// Refused is what depends on the rows: data exceptions (class 22), constraints (23), a row or index entry beyond a
/// limit (54), a wrong type. All else (connection lost, disk full, deadlock, shut down) may pass: its outcome counts
/// as unknown.
pub(crate) fn apply_error(error: &Error) -> ApplyError {
    let code = error.code().map_or("", SqlState::code);
    if ["22", "23", "54"].iter().any(|class| code.starts_with(class))
        || code == SqlState::DATATYPE_MISMATCH.code()
    {
        ApplyError::Refused(words(error))
    } else {
        ApplyError::Unknown(words(error))
    }
}

pub(crate) fn store_error(error: &Error) -> StoreError {
    StoreError(format!("Postgres: {}", words(error)))
}

pub(crate) fn pool_error(error: &PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) => store_error(error),
        other => StoreError(format!("Postgres: {other}")),
    }
}

//! Taking the oldest off: archives, resend keys.

use sqlx::{Connection, SqliteConnection};
use waxwing_store::{OwnerId, UnixMillis};

use crate::rows::position;
use crate::search;

/// Takes the archived mark off at most `limit` of the owner's oldest archived entries while more than `keep` have
/// it; says how many.
pub(crate) async fn trim(
    conn: &mut SqliteConnection,
    owner: OwnerId,
    keep: u64,
    limit: u64,
) -> sqlx::Result<u64> {
    let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
    let archived: Option<i64> = sqlx::query_scalar("SELECT archived FROM log_heads WHERE owner = ?")
        .bind(owner)
        .fetch_optional(&mut *transaction)
        .await?;
    let excess = archived.unwrap_or(0).cast_unsigned().saturating_sub(keep).min(limit);
    if excess == 0 {
        return Ok(0);
    }
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT max(seq) FROM (SELECT seq FROM log WHERE owner = ? AND archived = 1 ORDER BY seq LIMIT ?)",
    )
    .bind(owner)
    .bind(position(excess))
    .fetch_one(&mut *transaction)
    .await?;
    search::forget(&mut transaction, owner, last.unwrap_or(0)).await?;
    let mut taken = 0;
    for sql in [
        "DELETE FROM log WHERE owner = ? AND seq <= ? AND archived = 1 AND pending = 0",
        "UPDATE log SET archived = 0 WHERE owner = ? AND seq <= ? AND archived = 1",
    ] {
        taken += sqlx::query(sql).bind(owner).bind(last).execute(&mut *transaction).await?.rows_affected();
    }
    sqlx::query("UPDATE log_heads SET archived = archived - ? WHERE owner = ?")
        .bind(position(taken))
        .bind(owner)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(taken)
}

/// Takes the archived mark off at most `limit` entries older than `before`; says how many.
pub(crate) async fn expire(conn: &mut SqliteConnection, before: UnixMillis, limit: u32) -> sqlx::Result<u64> {
    let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
    // The newest that goes. Its time alone would not do: many entries may share it.
    let newest: Option<(i64, i64)> = sqlx::query_as(
        "SELECT at, id FROM (SELECT at, id FROM log WHERE archived = 1 AND at < ? ORDER BY at, id LIMIT ?) \
         ORDER BY at DESC, id DESC LIMIT 1",
    )
    .bind(before)
    .bind(limit)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some((at, id)) = newest else {
        return Ok(0);
    };
    search::expire(&mut transaction, at, id).await?;
    let mut taken = 0;
    sqlx::query(
        "UPDATE log_heads SET archived = archived - gone.entries FROM \
         (SELECT owner, count(*) AS entries FROM log WHERE archived = 1 AND (at, id) <= (?, ?) GROUP BY owner) AS gone \
         WHERE log_heads.owner = gone.owner",
    )
    .bind(at)
    .bind(id)
    .execute(&mut *transaction)
    .await?;
    for sql in [
        "DELETE FROM log WHERE archived = 1 AND (at, id) <= (?, ?) AND pending = 0",
        "UPDATE log SET archived = 0 WHERE archived = 1 AND (at, id) <= (?, ?)",
    ] {
        taken += sqlx::query(sql).bind(at).bind(id).execute(&mut *transaction).await?.rows_affected();
    }
    transaction.commit().await?;
    Ok(taken)
}

/// Rows are in the order of appending, so the oldest are among the first.
pub(crate) async fn expire_resends(
    conn: &mut SqliteConnection,
    before: UnixMillis,
    limit: u32,
) -> sqlx::Result<u64> {
    sqlx::query("DELETE FROM resends WHERE id IN (SELECT id FROM resends ORDER BY id LIMIT ?) AND at < ?")
        .bind(limit)
        .bind(before)
        .execute(conn)
        .await
        .map(|done| done.rows_affected())
}

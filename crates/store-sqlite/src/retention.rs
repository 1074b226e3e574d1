//! Taking the oldest off: archives, resend keys.

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};
use waxwing_store::{ArchiveHead, OwnerId, Seq, UnixMillis};

use crate::archive::bound;
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
        "SELECT max(seq) FROM (SELECT seq FROM log WHERE owner = ? AND archived = 1 ORDER BY seq LIMIT +?)",
    )
    .bind(owner)
    .bind(position(excess))
    .fetch_one(&mut *transaction)
    .await?;
    let taken = take_off(&mut transaction, owner, last.unwrap_or(0)).await?;
    transaction.commit().await?;
    Ok(taken)
}

/// Takes the archived mark off at most `limit` of the owner's oldest archived entries that lie before `before`; says
/// how many.
pub(crate) async fn expire(
    conn: &mut SqliteConnection,
    owner: OwnerId,
    before: Seq,
    limit: u64,
) -> sqlx::Result<u64> {
    let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT max(seq) FROM \
         (SELECT seq FROM log WHERE owner = ? AND seq < ? AND archived = 1 ORDER BY seq LIMIT +?)",
    )
    .bind(owner)
    .bind(bound(before))
    .bind(position(limit))
    .fetch_one(&mut *transaction)
    .await?;
    let Some(last) = last else { return Ok(0) };
    let taken = take_off(&mut transaction, owner, last).await?;
    transaction.commit().await?;
    Ok(taken)
}

/// Takes the archived mark off the owner's entries up to a position.
async fn take_off(conn: &mut SqliteConnection, owner: OwnerId, last: i64) -> sqlx::Result<u64> {
    search::forget(&mut *conn, owner, last).await?;
    let mut taken = 0;
    for sql in [
        "DELETE FROM log WHERE owner = ? AND seq <= ? AND archived = 1 AND pending = 0",
        "UPDATE log SET archived = 0 WHERE owner = ? AND seq <= ? AND archived = 1",
    ] {
        taken += sqlx::query(sql).bind(owner).bind(last).execute(&mut *conn).await?.rows_affected();
    }
    sqlx::query("UPDATE log_heads SET archived = archived - ? WHERE owner = ?")
        .bind(position(taken))
        .bind(owner)
        .execute(&mut *conn)
        .await?;
    Ok(taken)
}

/// Archives with something in them, for [`Store::archives`](waxwing_store::Store::archives).
pub(crate) async fn archives(
    reader: &mut SqliteConnection,
    after: OwnerId,
    kind: &str,
    key: &str,
    limit: u32,
) -> sqlx::Result<Vec<ArchiveHead>> {
    sqlx::query(
        "SELECT owner, jid, oldest, doc FROM (\
            SELECT head.owner, accounts.jid, docs.value AS doc, \
                (SELECT seq FROM log WHERE log.owner = head.owner AND archived = 1 ORDER BY seq LIMIT 1) AS oldest \
            FROM log_heads AS head JOIN accounts ON accounts.id = head.owner \
            LEFT JOIN docs ON docs.owner = head.owner AND docs.kind = ? AND docs.key = ? \
            WHERE head.owner > ? AND head.archived > 0 ORDER BY head.owner LIMIT +?) \
         WHERE oldest IS NOT NULL ORDER BY owner",
    )
    .bind(kind)
    .bind(key)
    .bind(after)
    .bind(limit)
    .try_map(|row: SqliteRow| {
        let oldest: i64 = row.try_get(2)?;
        let (owner, jid, doc) = (row.try_get(0)?, row.try_get(1)?, row.try_get(3)?);
        Ok(ArchiveHead { owner, jid, oldest: oldest.cast_unsigned(), doc })
    })
    .fetch_all(reader)
    .await
}

/// Rows are in the order of appending, so the oldest are among the first.
pub(crate) async fn expire_resends(
    conn: &mut SqliteConnection,
    before: UnixMillis,
    limit: u32,
) -> sqlx::Result<u64> {
    sqlx::query("DELETE FROM resends WHERE id IN (SELECT id FROM resends ORDER BY id LIMIT +?) AND at < ?")
        .bind(limit)
        .bind(before)
        .execute(conn)
        .await
        .map(|done| done.rows_affected())
}

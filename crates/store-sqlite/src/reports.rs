//! What users reported.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use waxwing_store::{Report, ReportHead, ReportQuery, UnixMillis, report_id};

use crate::rows::position;

pub(crate) async fn add(conn: &mut SqliteConnection, report: &Report, keep: u32) -> sqlx::Result<()> {
    let (bare, domain) = report.parties();
    sqlx::query(
        "INSERT INTO reports (id, owner, host, reported, bare, domain, reason, messages, content) \
         SELECT ?2, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM accounts WHERE id = ?1 ON CONFLICT DO NOTHING",
    )
    .bind(report.owner)
    .bind(position(report.id))
    .bind(report.host.as_str())
    .bind(report.reported.as_str())
    .bind(bare)
    .bind(domain)
    .bind(report.reason.as_str())
    .bind(report.messages)
    .bind(report.content.as_slice())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "DELETE FROM reports WHERE owner = ?1 AND id NOT IN \
         (SELECT id FROM reports WHERE owner = ?1 ORDER BY id DESC LIMIT +?2)",
    )
    .bind(report.owner)
    .bind(keep)
    .execute(conn)
    .await
    .map(drop)
}

pub(crate) async fn page(
    reader: &mut SqliteConnection,
    query: &ReportQuery,
    limit: u32,
) -> sqlx::Result<Vec<ReportHead>> {
    sqlx::query(
        "SELECT reports.id, jid, reported, reason, messages FROM reports JOIN accounts ON accounts.id = owner \
         WHERE reports.id > ?1 AND (?2 IS NULL OR host = ?2) AND (?3 IS NULL OR ?3 IN (reported, bare, domain)) \
         ORDER BY reports.id LIMIT +?4",
    )
    .bind(position(query.after.min(i64::MAX.unsigned_abs())))
    .bind(query.host.as_deref())
    .bind(query.reported.as_deref())
    .bind(limit)
    .try_map(head)
    .fetch_all(reader)
    .await
}

pub(crate) async fn one(
    reader: &mut SqliteConnection,
    id: u64,
) -> sqlx::Result<Option<(ReportHead, Vec<u8>)>> {
    sqlx::query(
        "SELECT reports.id, jid, reported, reason, messages, content FROM reports \
         JOIN accounts ON accounts.id = owner WHERE reports.id = ?",
    )
    .bind(position(id))
    .try_map(|row: SqliteRow| {
        let content = row.try_get(5)?;
        Ok((head(row)?, content))
    })
    .fetch_optional(reader)
    .await
}

pub(crate) async fn remove(conn: &mut SqliteConnection, id: u64) -> sqlx::Result<bool> {
    let done = sqlx::query("DELETE FROM reports WHERE id = ?").bind(position(id)).execute(conn).await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn expire(conn: &mut SqliteConnection, before: UnixMillis, limit: u32) -> sqlx::Result<u64> {
    sqlx::query("DELETE FROM reports WHERE id IN (SELECT id FROM reports WHERE id < ? ORDER BY id LIMIT +?)")
        .bind(position(report_id(before, 0)))
        .bind(limit)
        .execute(conn)
        .await
        .map(|done| done.rows_affected())
}

fn head(row: SqliteRow) -> sqlx::Result<ReportHead> {
    Ok(ReportHead {
        id: row.try_get::<i64, _>(0)?.cast_unsigned(),
        reporter: row.try_get(1)?,
        reported: row.try_get(2)?,
        reason: row.try_get(3)?,
        messages: row.try_get(4)?,
    })
}

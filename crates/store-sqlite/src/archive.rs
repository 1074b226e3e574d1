//! Reading the log's archived entries.

use std::collections::BTreeSet;

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};
use waxwing_store::{LogQuery, LogRow, Marks, OwnerId, Seq};

use crate::rows::position;

/// One after the other of the positions asked for: a join in this order is no walk through the log.
const AMONG: &str = "json_each(?7) AS asked CROSS JOIN log ON seq = asked.value";

/// A statement for each combination of filters, all of them short texts of our own.
pub(crate) async fn page(
    reader: &mut SqliteConnection,
    owner: OwnerId,
    query: &LogQuery,
) -> sqlx::Result<Vec<LogRow>> {
    let from = if query.among.is_some() { AMONG } else { "log" };
    let mut sql = format!(
        "SELECT owner, seq, at, archived, pending, peer, resource, stanza FROM {from} \
         WHERE owner = ?1 AND archived = 1 AND seq > ?2 AND seq < ?3"
    );
    if query.peer.is_some() {
        sql.push_str(" AND peer = ?5");
    }
    if query.resource.is_some() {
        sql.push_str(" AND resource = ?6");
    }
    // The sign: see `load`.
    sql.push_str(if query.backwards { " ORDER BY seq DESC LIMIT +?4" } else { " ORDER BY seq LIMIT +?4" });
    sqlx::query(AssertSqlSafe(sql))
        .bind(owner)
        .bind(bound(query.after))
        .bind(bound(query.before))
        .bind(query.limit)
        .bind(query.peer.as_deref())
        .bind(query.resource.as_deref())
        .bind(query.among.as_deref().map(list))
        .try_map(log_row)
        .fetch_all(reader)
        .await
}

/// Where the newest begin is looked for only if there are more.
pub(crate) async fn pending(
    reader: &mut SqliteConnection,
    owner: OwnerId,
    after: Seq,
    before: Seq,
    newest: u64,
) -> sqlx::Result<Vec<Seq>> {
    let seqs: Vec<i64> = sqlx::query_scalar(
        "SELECT seq FROM log WHERE owner = ?1 AND pending = 1 AND archived = 1 AND seq > ?2 AND seq < ?3 \
         AND seq > coalesce(CASE WHEN (SELECT archived FROM log_heads WHERE owner = ?1) > ?4 THEN \
         (SELECT seq FROM log WHERE owner = ?1 AND archived = 1 ORDER BY seq DESC LIMIT 1 OFFSET ?4) END, 0) \
         ORDER BY seq",
    )
    .bind(owner)
    .bind(bound(after))
    .bind(bound(before))
    .bind(bound(newest))
    .fetch_all(reader)
    .await?;
    Ok(seqs.into_iter().map(i64::cast_unsigned).collect())
}

pub(crate) async fn count_at(
    reader: &mut SqliteConnection,
    owner: OwnerId,
    seqs: &[Seq],
) -> sqlx::Result<u64> {
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM json_each(?) AS asked CROSS JOIN log ON seq = asked.value \
         WHERE owner = ? AND archived = 1",
    )
    .bind(list(seqs))
    .bind(owner)
    .fetch_one(reader)
    .await?;
    Ok(count.cast_unsigned())
}

/// A JSON array, each position once; what is above the database's numbers is none.
pub(crate) fn list(seqs: &[Seq]) -> String {
    let seqs: BTreeSet<i64> = seqs.iter().map(|seq| bound(*seq)).collect();
    let seqs: Vec<String> = seqs.iter().map(i64::to_string).collect();
    format!("[{}]", seqs.join(","))
}

pub(crate) fn bound(seq: Seq) -> i64 {
    position(seq.min(i64::MAX as u64))
}

pub(crate) fn log_row(row: SqliteRow) -> sqlx::Result<LogRow> {
    let (peer, resource): (&str, &str) = (row.try_get(5)?, row.try_get(6)?);
    let peer = if resource.is_empty() { peer.into() } else { format!("{peer}/{resource}").into() };
    Ok(LogRow {
        owner: row.try_get(0)?,
        seq: row.try_get::<i64, _>(1)?.cast_unsigned(),
        at: row.try_get(2)?,
        marks: Marks { archived: row.try_get(3)?, pending: row.try_get(4)? },
        peer,
        stanza: row.try_get::<&[u8], _>(7)?.into(),
    })
}

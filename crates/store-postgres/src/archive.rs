//! Reading the log's archived entries.

use deadpool_postgres::Object;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};
use waxwing_store::{LogQuery, LogRow, Marks, OwnerId, Seq};

use crate::rows::position;

/// The owner's (`$1`) entries at the positions `$2`, each looked up by itself: with `= ANY` Postgres reads all of the
/// owner's if that seemed cheap when the statement was planned. `OFFSET 0` keeps it from other indexes.
pub(crate) const AMONG: &str = "\
    (SELECT DISTINCT unnest($2::bigint[]) AS seq) AS wanted CROSS JOIN LATERAL \
    (SELECT * FROM log WHERE owner = $1 AND log.seq = wanted.seq OFFSET 0) AS entry";

/// A statement for each combination of filters, all of them short texts of our own.
pub(crate) async fn page(client: &Object, owner: OwnerId, query: &LogQuery) -> Result<Vec<LogRow>, Error> {
    let (after, before, limit) = (bound(query.after), bound(query.before), i64::from(query.limit));
    let among = query.among.as_deref().map(bounds);
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&owner];
    let from = match &among {
        Some(among) => {
            values.push(among);
            AMONG
        }
        None => "log AS entry",
    };
    let mut sql = format!(
        "SELECT owner, entry.seq, at, archived, pending, peer, resource, stanza FROM {from} \
         WHERE owner = $1 AND archived"
    );
    let mut filter = |column: &str, value| {
        values.push(value);
        sql.push_str(&format!(" AND {column} ${}", values.len()));
    };
    filter("entry.seq >", &after);
    filter("entry.seq <", &before);
    if let Some(peer) = &query.peer {
        filter("peer =", peer);
    }
    if let Some(resource) = &query.resource {
        filter("resource =", resource);
    }
    values.push(&limit);
    let order = if query.backwards { " DESC" } else { "" };
    sql.push_str(&format!(" ORDER BY entry.seq{order} LIMIT ${}", values.len()));
    let select = client.prepare_cached(&sql).await?;
    client.query(&select, &values).await?.iter().map(log_row).collect()
}

/// Where the newest begin is looked for only if there are more.
pub(crate) async fn pending(
    client: &Object,
    owner: OwnerId,
    after: Seq,
    before: Seq,
    newest: u64,
) -> Result<Vec<Seq>, Error> {
    let select = client
        .prepare_cached(
            "SELECT seq FROM log WHERE owner = $1 AND pending AND archived AND seq > $2 AND seq < $3 \
             AND seq > coalesce(CASE WHEN (SELECT archived FROM log_heads WHERE owner = $1) > $4 THEN \
             (SELECT seq FROM log WHERE owner = $1 AND archived ORDER BY seq DESC LIMIT 1 OFFSET $4) END, 0) \
             ORDER BY seq",
        )
        .await?;
    let rows = client.query(&select, &[&owner, &bound(after), &bound(before), &bound(newest)]).await?;
    rows.iter().map(|row| Ok(row.try_get::<_, i64>(0)?.cast_unsigned())).collect()
}

/// What is above the database's numbers is no position.
pub(crate) fn bounds(seqs: &[Seq]) -> Vec<i64> {
    seqs.iter().map(|seq| bound(*seq)).collect()
}

pub(crate) fn bound(seq: Seq) -> i64 {
    position(seq.min(i64::MAX as u64))
}

pub(crate) fn log_row(row: &Row) -> Result<LogRow, Error> {
    let (peer, resource): (&str, &str) = (row.try_get(5)?, row.try_get(6)?);
    let peer = if resource.is_empty() { peer.into() } else { format!("{peer}/{resource}").into() };
    Ok(LogRow {
        owner: row.try_get(0)?,
        seq: row.try_get::<_, i64>(1)?.cast_unsigned(),
        at: row.try_get(2)?,
        marks: Marks { archived: row.try_get(3)?, pending: row.try_get(4)? },
        peer,
        stanza: row.try_get::<_, &[u8]>(7)?.into(),
    })
}

//! Taking the oldest off: archives, resend keys. One statement each, so one transaction each.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::Error;
use waxwing_store::{OwnerId, UnixMillis};

use crate::rows::position;

/// Takes the archived mark off at most `limit` of the owner's oldest archived entries while more than `keep` have
/// it; says how many.
pub(crate) async fn trim(
    client: &ClientWrapper,
    owner: OwnerId,
    keep: u64,
    limit: u64,
) -> Result<u64, Error> {
    let statement = client
        .prepare_cached(
            "WITH old AS (\
                SELECT seq, pending FROM log WHERE owner = $1 AND archived ORDER BY seq \
                LIMIT (SELECT greatest(0, least(archived - $2, $3)) FROM log_heads WHERE owner = $1)), \
             forgotten AS (DELETE FROM search_entries USING old WHERE owner = $1 AND search_entries.seq = old.seq), \
             gone AS (DELETE FROM log USING old WHERE owner = $1 AND log.seq = old.seq AND NOT old.pending), \
             kept AS (UPDATE log SET archived = false FROM old \
                WHERE owner = $1 AND log.seq = old.seq AND old.pending) \
             UPDATE log_heads SET archived = archived - (SELECT count(*) FROM old) WHERE owner = $1 \
             RETURNING (SELECT count(*) FROM old)",
        )
        .await?;
    let keep = position(keep.min(i64::MAX as u64));
    let row = client.query_opt(&statement, &[&owner, &keep, &position(limit)]).await?;
    Ok(row.map(|row| row.try_get::<_, i64>(0)).transpose()?.unwrap_or(0).cast_unsigned())
}

/// Takes the archived mark off at most `limit` entries older than `before`; says how many.
pub(crate) async fn expire(client: &ClientWrapper, before: UnixMillis, limit: u32) -> Result<u64, Error> {
    let statement = client
        .prepare_cached(
            "WITH old AS (\
                SELECT owner, seq, pending FROM log WHERE archived AND at < $1 ORDER BY at LIMIT $2), \
             forgotten AS (DELETE FROM search_entries USING old \
                WHERE search_entries.owner = old.owner AND search_entries.seq = old.seq), \
             gone AS (DELETE FROM log USING old \
                WHERE log.owner = old.owner AND log.seq = old.seq AND NOT old.pending), \
             kept AS (UPDATE log SET archived = false FROM old \
                WHERE log.owner = old.owner AND log.seq = old.seq AND old.pending), \
             counted AS (UPDATE log_heads SET archived = archived - entries FROM \
                (SELECT owner, count(*) AS entries FROM old GROUP BY owner) AS by_owner \
                WHERE log_heads.owner = by_owner.owner) \
             SELECT count(*) FROM old",
        )
        .await?;
    let row = client.query_one(&statement, &[&before, &i64::from(limit)]).await?;
    Ok(row.try_get::<_, i64>(0)?.cast_unsigned())
}

pub(crate) async fn expire_resends(
    client: &ClientWrapper,
    before: UnixMillis,
    limit: u32,
) -> Result<u64, Error> {
    let statement = client
        .prepare_cached(
            "DELETE FROM resends WHERE ctid = ANY (ARRAY(SELECT ctid FROM resends WHERE at < $1 LIMIT $2))",
        )
        .await?;
    client.execute(&statement, &[&before, &i64::from(limit)]).await
}

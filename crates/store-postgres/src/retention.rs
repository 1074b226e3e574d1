//! Taking the oldest off: archives, resend keys. One statement each, so one transaction each.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Error, Row};
use waxwing_store::{OwnerId, Seq, UnixMillis};

use crate::archive::bound;
use crate::rows::position;

/// Takes the archived mark off at most `limit` of the owner's oldest archived entries while more than `keep` have
/// it; says how many.
pub(crate) async fn trim(
    client: &ClientWrapper,
    owner: OwnerId,
    keep: u64,
    limit: u64,
) -> Result<u64, Error> {
    let old = "SELECT seq, pending FROM log WHERE owner = $1 AND archived ORDER BY seq \
               LIMIT (SELECT greatest(0, least(archived - $2, $3)) FROM log_heads WHERE owner = $1)";
    let statement = client.prepare_cached(&take_off(old)).await?;
    let keep = position(keep.min(i64::MAX as u64));
    taken(client.query_opt(&statement, &[&owner, &keep, &position(limit)]).await?)
}

/// Takes the archived mark off at most `limit` of the owner's oldest archived entries that lie before `before`; says
/// how many.
pub(crate) async fn expire(
    client: &ClientWrapper,
    owner: OwnerId,
    before: Seq,
    limit: u64,
) -> Result<u64, Error> {
    let old = "SELECT seq, pending FROM log WHERE owner = $1 AND archived AND seq < $2 ORDER BY seq LIMIT $3";
    let statement = client.prepare_cached(&take_off(old)).await?;
    taken(client.query_opt(&statement, &[&owner, &bound(before), &position(limit)]).await?)
}

/// The statement that takes the archived mark off the owner's entries that `old` finds, and counts them.
fn take_off(old: &str) -> String {
    format!(
        "WITH old AS ({old}), \
         forgotten AS (DELETE FROM search_entries USING old WHERE owner = $1 AND search_entries.seq = old.seq), \
         gone AS (DELETE FROM log USING old WHERE owner = $1 AND log.seq = old.seq AND NOT old.pending), \
         kept AS (UPDATE log SET archived = false FROM old \
            WHERE owner = $1 AND log.seq = old.seq AND old.pending) \
         UPDATE log_heads SET archived = archived - (SELECT count(*) FROM old) WHERE owner = $1 \
         RETURNING (SELECT count(*) FROM old)"
    )
}

fn taken(row: Option<Row>) -> Result<u64, Error> {
    Ok(row.map(|row| row.try_get::<_, i64>(0)).transpose()?.unwrap_or(0).cast_unsigned())
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

//! Makes an archive large: what is in it is copied to later times by the database itself, which takes a fifth of
//! appending it.

use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};
use waxwing_store::OwnerId;

use super::{APART, position};
use crate::Fault;
use crate::bench::{Bench, Place};

/// Entries of one transaction.
const STEP: u64 = 500_000;

/// Makes `count` entries, numbered from 1, as many as `size`.
pub async fn fill(
    bench: &Bench,
    place: &Place,
    owner: OwnerId,
    mut count: u64,
    size: u64,
) -> Result<(), Fault> {
    while count < size {
        let copied = count.min(size - count).min(STEP);
        run(bench, place, &copy(owner, copied, count)).await?;
        count += copied;
    }
    Ok(())
}

/// SQL that copies the first `copied` behind the last of `count`. Both databases take it.
fn copy(owner: OwnerId, copied: u64, count: u64) -> String {
    let (from, to) = (position(1), position(copied));
    let (later, further) = (count.cast_signed() * APART, position(1 + count) - position(1));
    let all = count + copied;
    format!(
        "BEGIN; \
         INSERT INTO log (owner, seq, at, archived, pending, peer, resource, stanza) \
         SELECT owner, seq + {further}, at + {later}, archived, pending, peer, resource, stanza FROM log \
         WHERE owner = {owner} AND seq >= {from} AND seq <= {to} ORDER BY seq; \
         UPDATE log_heads SET last = {last}, archived = {all} WHERE owner = {owner}; \
         COMMIT",
        last = position(all),
    )
}

async fn run(bench: &Bench, place: &Place, sql: &str) -> Result<(), Fault> {
    match place {
        Place::Sqlite(path) => {
            let mut connection = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await?;
            connection.execute(AssertSqlSafe(sql)).await?;
            connection.close().await?;
        }
        Place::Postgres(url) => bench.execute(url, sql).await,
    }
    Ok(())
}

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
        match place {
            Place::Sqlite(path) => {
                let sql = format!("BEGIN; {}; COMMIT", copy(owner, 1, copied, count));
                let mut connection = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await?;
                connection.execute(AssertSqlSafe(sql)).await?;
                connection.execute(AssertSqlSafe(head(owner, count + copied))).await?;
                connection.close().await?;
            }
            Place::Postgres(url) => {
                // One half on each core.
                let (one, other) =
                    (copy(owner, 1, copied / 2, count), copy(owner, copied / 2 + 1, copied, count));
                tokio::join!(bench.execute(url, &one), bench.execute(url, &other));
                bench.execute(url, &head(owner, count + copied)).await;
            }
        }
        count += copied;
    }
    Ok(())
}

/// SQL that copies entries behind the last of `count`: the one after would be a copy of the first. Both databases take it.
fn copy(owner: OwnerId, first: u64, last: u64, count: u64) -> String {
    let (from, to) = (position(first), position(last));
    let (later, further) = (count.cast_signed() * APART, position(1 + count) - position(1));
    format!(
        "INSERT INTO log (owner, seq, at, archived, pending, peer, resource, stanza) \
         SELECT owner, seq + {further}, at + {later}, archived, pending, peer, resource, stanza FROM log \
         WHERE owner = {owner} AND seq >= {from} AND seq <= {to} ORDER BY seq"
    )
}

/// SQL that tells how many there are.
fn head(owner: OwnerId, all: u64) -> String {
    format!("UPDATE log_heads SET last = {}, archived = {all} WHERE owner = {owner}", position(all))
}

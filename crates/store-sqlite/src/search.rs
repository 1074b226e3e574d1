//! The words of archived messages.

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use waxwing_store::{LogQuery, OwnerId, Seq};

use crate::archive::{bound, list};
use crate::rows::position;

/// Stands for the owner in the table of words: matches of others are passed over without being looked at. No word
/// has a letter of the private use area in it.
fn mark(owner: OwnerId) -> String {
    format!("\u{e000}{owner}")
}

pub(crate) async fn head(reader: &mut SqliteConnection, owner: OwnerId) -> sqlx::Result<Seq> {
    let head: Option<i64> = sqlx::query_scalar("SELECT seq FROM search_heads WHERE owner = ?")
        .bind(owner)
        .fetch_optional(reader)
        .await?;
    Ok(head.unwrap_or(0).cast_unsigned())
}

pub(crate) async fn add(
    conn: &mut SqliteConnection,
    owner: OwnerId,
    head: Seq,
    entries: &[(Seq, Vec<String>)],
) -> sqlx::Result<()> {
    let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
    for (seq, words) in entries {
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO search_entries (owner, seq) SELECT owner, seq FROM log \
             WHERE owner = ? AND seq = ? AND archived = 1 ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(owner)
        .bind(position(*seq))
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(id) = id else { continue };
        sqlx::query("INSERT INTO search_words (rowid, words) VALUES (?, ?)")
            .bind(id)
            .bind(format!("{} {}", mark(owner), words.join(" ")))
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query(
        "INSERT INTO search_heads (owner, seq) SELECT id, ?2 FROM accounts WHERE id = ?1 \
         ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
    )
    .bind(owner)
    .bind(position(head))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

/// A statement for each combination of filters, all of them short texts of our own.
pub(crate) async fn page(
    reader: &mut SqliteConnection,
    owner: OwnerId,
    words: &[String],
    query: &LogQuery,
) -> sqlx::Result<Vec<Seq>> {
    // In this order: the words find, the rest filters.
    let mut sql = "SELECT log.seq FROM search_words CROSS JOIN search_entries AS entry ON entry.id = search_words.rowid \
                   CROSS JOIN log ON log.owner = entry.owner AND log.seq = entry.seq \
                   WHERE search_words MATCH ?8 AND log.owner = ?1 AND archived = 1 \
                   AND log.seq > ?2 AND log.seq < ?3"
        .to_owned();
    if query.peer.is_some() {
        sql.push_str(" AND peer = ?5");
    }
    if query.resource.is_some() {
        sql.push_str(" AND resource = ?6");
    }
    if query.among.is_some() {
        sql.push_str(" AND log.seq IN (SELECT value FROM json_each(?7))");
    }
    sql.push_str(if query.backwards {
        " ORDER BY log.seq DESC LIMIT +?4"
    } else {
        " ORDER BY log.seq LIMIT +?4"
    });
    // Between quotes a word is a word, whatever else it would mean.
    let quoted = |word: &str| format!("\"{}\"", word.replace('"', ""));
    let wanted: Vec<String> =
        std::iter::once(mark(owner)).chain(words.iter().cloned()).map(|word| quoted(&word)).collect();
    let seqs: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(owner)
        .bind(bound(query.after))
        .bind(bound(query.before))
        .bind(query.limit)
        .bind(query.peer.as_deref())
        .bind(query.resource.as_deref())
        .bind(query.among.as_deref().map(list))
        .bind(wanted.join(" AND "))
        .fetch_all(reader)
        .await?;
    Ok(seqs.into_iter().map(i64::cast_unsigned).collect())
}

/// Forgets the words of an owner's entries up to a position.
pub(crate) async fn forget(conn: &mut SqliteConnection, owner: OwnerId, last: i64) -> sqlx::Result<()> {
    for sql in [
        "DELETE FROM search_words WHERE rowid IN (SELECT id FROM search_entries WHERE owner = ? AND seq <= ?)",
        "DELETE FROM search_entries WHERE owner = ? AND seq <= ?",
    ] {
        sqlx::query(sql).bind(owner).bind(last).execute(&mut *conn).await?;
    }
    Ok(())
}

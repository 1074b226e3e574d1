//! The frequent writes: appends, settles, resend keys.

use std::sync::LazyLock;

use sqlx::{AssertSqlSafe, SqliteConnection};
use waxwing_store::{HeadChange, LogRow, OwnerId, ResendRow, Rows, Seq};

use crate::many::Many;

static APPEND: LazyLock<Many> = LazyLock::new(|| {
    Many::new(
        "INSERT INTO log (owner, seq, at, archived, pending, peer, resource, stanza) SELECT * FROM (VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?)",
        ") WHERE column1 IN (SELECT id FROM accounts) ON CONFLICT DO NOTHING",
    )
});

static HEADS: LazyLock<Many> = LazyLock::new(|| {
    Many::new(
        "INSERT INTO log_heads (owner, last, archived) SELECT * FROM (VALUES ",
        "(?, ?, ?)",
        ") WHERE column1 IN (SELECT id FROM accounts) \
         ON CONFLICT DO UPDATE SET last = max(last, excluded.last), archived = archived + excluded.archived",
    )
});

static SETTLE_PENDING_ONLY: LazyLock<Many> = LazyLock::new(|| {
    Many::new("DELETE FROM log WHERE archived = 0 AND (owner, seq) IN (VALUES ", "(?, ?)", ")")
});

static SETTLE_ARCHIVED: LazyLock<Many> = LazyLock::new(|| {
    Many::new("UPDATE log SET pending = 0 WHERE pending = 1 AND (owner, seq) IN (VALUES ", "(?, ?)", ")")
});

/// Two batches of one owner may have the same time: the second adds its keys. Keys that are there already are those
/// of a batch that is tried again.
static RESENDS: LazyLock<Many> = LazyLock::new(|| {
    Many::new(
        "INSERT INTO resends (owner, boot, at, keys) SELECT * FROM (VALUES ",
        "(?, ?, ?, ?)",
        ") WHERE column1 IN (SELECT id FROM accounts) \
         ON CONFLICT DO UPDATE SET keys = CAST(keys || excluded.keys AS BLOB) WHERE instr(keys, excluded.keys) = 0",
    )
});

const RECOUNT: &str = "UPDATE log_heads SET archived = \
     (SELECT count(*) FROM log WHERE log.owner = log_heads.owner AND log.archived = 1) WHERE owner = ?";

pub(crate) async fn apply(conn: &mut SqliteConnection, rows: &Rows<'_>) -> sqlx::Result<()> {
    let all_new = append(conn, &rows.appends).await?;
    let heads = rows.heads();
    set_heads(conn, &heads).await?;
    if !all_new {
        for head in &heads {
            sqlx::query(RECOUNT).bind(head.owner).execute(&mut *conn).await?;
        }
    }
    settle(conn, &SETTLE_PENDING_ONLY, &rows.settles).await?;
    settle(conn, &SETTLE_ARCHIVED, &rows.settles).await?;
    keep_resends(conn, &rows.resends).await
}

/// Whether every row was new: no batch that had been committed before, no owner that is gone.
async fn append(conn: &mut SqliteConnection, appends: &[&LogRow]) -> sqlx::Result<bool> {
    let mut added = 0;
    for (sql, stretch) in APPEND.cut(appends) {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in stretch {
            let (peer, resource) = row.parties();
            query = query
                .bind(row.owner)
                .bind(position(row.seq))
                .bind(row.at)
                .bind(row.marks.archived)
                .bind(row.marks.pending)
                .bind(peer)
                .bind(resource)
                .bind(&row.stanza[..]);
        }
        added += query.execute(&mut *conn).await?.rows_affected();
    }
    Ok(added == appends.len() as u64)
}

async fn set_heads(conn: &mut SqliteConnection, heads: &[HeadChange]) -> sqlx::Result<()> {
    for (sql, stretch) in HEADS.cut(heads) {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for head in stretch {
            query = query.bind(head.owner).bind(position(head.last)).bind(position(head.archived));
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

async fn settle(conn: &mut SqliteConnection, sql: &Many, settles: &[(OwnerId, Seq)]) -> sqlx::Result<()> {
    for (sql, stretch) in sql.cut(settles) {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (owner, seq) in stretch {
            query = query.bind(*owner).bind(position(*seq));
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

async fn keep_resends(conn: &mut SqliteConnection, resends: &[ResendRow]) -> sqlx::Result<()> {
    for (sql, stretch) in RESENDS.cut(resends) {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in stretch {
            query = query.bind(row.owner).bind(position(row.boot)).bind(row.at).bind(&row.keys[..]);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Exact: the writer refuses what is above `i64::MAX` (`Write::check`).
pub(crate) fn position(value: u64) -> i64 {
    value.cast_signed()
}

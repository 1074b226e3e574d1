//! What opening makes, refuses and says.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sqlx::{ConnectOptions, Connection};
use waxwing_store_sqlite::open;

async fn refusal(path: &Path) -> String {
    let error = open(path).await.err().expect("a refusal").to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
    assert!(!error.contains('\n'), "{error}");
    error
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn execute(path: &Path, sql: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut raw = options.connect().await.unwrap();
    sqlx::query(sql).execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
}

#[tokio::test]
async fn folder_and_files_are_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/deep/waxwing.db");
    let store = open(&path).await.unwrap();
    store.set_meta("k", b"v").await.unwrap();
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for name in ["waxwing.db", "waxwing.db-wal", "waxwing.db-shm", "waxwing.db.lock"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_second_one_is_refused_while_the_first_lives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waxwing.db");
    let first = open(&path).await.unwrap();
    let error = refusal(&path).await;
    assert!(
        error.contains(&format!("another Waxwing is using it (process {})", std::process::id())),
        "{error}"
    );
    first.close().await;
    drop(first);
    open(&path).await.unwrap();
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waxwing.db");
    std::fs::write(&path, vec![b'x'; 8192]).unwrap();
    assert!(refusal(&path).await.contains("not an SQLite database"));
    assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 8192]);

    assert!(refusal(folder.path()).await.contains("give this user write access"));
    let below_a_file = folder.path().join("waxwing.db/data/waxwing.db");
    assert!(refusal(&below_a_file).await.contains("give this user write access"));
}

#[tokio::test]
async fn a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waxwing.db");
    open(&path).await.unwrap().close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..4096].fill(0xee);
    std::fs::write(&path, bytes).unwrap();
    assert!(refusal(&path).await.contains("damaged: restore a backup"));
}

#[tokio::test]
async fn a_newer_schema_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waxwing.db");
    open(&path).await.unwrap().close().await;
    execute(&path, "INSERT INTO schema_version (number, name) VALUES (99, '0099_later')").await;
    let error = refusal(&path).await;
    let known = waxwing_store::schema::SQLITE.len();
    assert!(
        error.contains(&format!("written by a newer Waxwing (schema 99, this one knows {known})")),
        "{error}"
    );
}

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_or_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waxwing.db");
    execute(&path, "CREATE TABLE docs (x INT)").await;
    // The table is there, so the migration fails and nothing of it stays.
    let error = refusal(&path).await;
    assert!(error.contains("migration 0006_docs: "), "{error}");
    execute(&path, "DROP TABLE docs").await;
    let store = open(&path).await.unwrap();
    assert!(store.docs(1, "k").await.unwrap().is_empty());
}

/// The plans that the figures rest on: no scan of the log, whatever its size.
#[tokio::test]
async fn the_log_is_read_by_its_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waxwing.db");
    open(&path).await.unwrap().close().await;
    let mut raw = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    for (sql, index) in [
        (
            "INSERT INTO log_heads (owner, last, archived) SELECT * FROM (VALUES (1, 2, 3), (2, 3, 4)) \
             WHERE column1 IN (SELECT id FROM accounts) ON CONFLICT DO NOTHING",
            "USING ROWID SEARCH ON TABLE accounts FOR IN-OPERATOR",
        ),
        ("SELECT count(*) FROM log WHERE owner = 1 AND pending = 1", "log_pending"),
        (
            "SELECT stanza FROM log WHERE owner = 1 AND seq > 5 AND pending = 1 ORDER BY seq LIMIT 5",
            "log_pending",
        ),
        ("SELECT max(seq) FROM log WHERE owner = 1", "log_position"),
        ("DELETE FROM log WHERE archived = 0 AND (owner, seq) IN (VALUES (1, 2), (1, 3))", "log_position"),
        (
            "UPDATE log SET pending = 0 WHERE pending = 1 AND (owner, seq) IN (VALUES (1, 2), (1, 3))",
            "log_position",
        ),
        (
            "SELECT stanza FROM log WHERE owner = 1 AND archived = 1 AND seq > 5 AND seq < 9 ORDER BY seq LIMIT 5",
            "log_position",
        ),
        (
            "SELECT stanza FROM log WHERE owner = 1 AND archived = 1 AND seq > 5 AND seq < 9 AND peer = 'a@b' \
             ORDER BY seq DESC LIMIT 5",
            "log_peer",
        ),
        (
            "SELECT stanza FROM json_each('[1,2]') AS asked CROSS JOIN log ON seq = asked.value \
             WHERE owner = 1 AND archived = 1 AND seq > 5 AND seq < 9 ORDER BY seq LIMIT 5",
            "log_position",
        ),
        (
            "SELECT seq FROM log WHERE owner = 1 AND seq < 5 AND archived = 1 ORDER BY seq LIMIT 5",
            "log_position",
        ),
        ("DELETE FROM log WHERE owner = 1 AND seq <= 5 AND archived = 1 AND pending = 0", "log_position"),
        (
            "SELECT head.owner, accounts.jid, docs.value, \
             (SELECT seq FROM log WHERE log.owner = head.owner AND archived = 1 ORDER BY seq LIMIT 1) \
             FROM log_heads AS head JOIN accounts ON accounts.id = head.owner \
             LEFT JOIN docs ON docs.owner = head.owner AND docs.kind = 'k' AND docs.key = 'l' \
             WHERE head.owner > 1 AND head.archived > 0 ORDER BY head.owner LIMIT 5",
            "log_position",
        ),
    ] {
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
                .fetch_all(&mut raw)
                .await
                .unwrap();
        let plan: Vec<&str> = plan.iter().map(|step| step.3.as_str()).collect();
        assert!(plan.iter().any(|step| step.contains(index)), "{sql}: {plan:?}");
        assert!(
            !plan.iter().any(|step| step.starts_with("SCAN log") || step.contains("SCAN accounts")),
            "{sql}: {plan:?}"
        );
    }
}

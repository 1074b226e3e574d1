//! The databases that every scene runs on.

use std::collections::BTreeMap;

use pgtest::Cluster;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions,
};

use crate::Server;

/// Where a server keeps its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Database {
    /// The default, a file in the data folder.
    Sqlite,
    /// A fresh database in this test binary's own cluster.
    Postgres,
}

impl Database {
    /// The setting that chooses it, if it needs one.
    pub(crate) fn setting(self) -> Option<String> {
        match self {
            Database::Sqlite => None,
            Database::Postgres => Some(format!("storage={}", fresh_postgres())),
        }
    }
}

/// The URL of an empty database. On a thread of its own: a scene's runtime may be running on this one.
fn fresh_postgres() -> String {
    let fresh = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(Cluster::shared().fresh_database())
    };
    std::thread::scope(|scope| scope.spawn(fresh).join()).expect("a database")
}

/// The server's database, behind its back.
impl Server {
    /// Runs SQL that both databases know.
    pub async fn sql(&self, sql: &'static str) {
        match self.storage() {
            Some(url) => Cluster::shared().execute_in(url, sql).await,
            None => {
                let mut raw = self.sqlite().await;
                raw.execute(sql).await.expect("SQL");
                raw.close().await.expect("a closed database");
            }
        }
    }

    /// The first column of what SQL selects, as text.
    async fn select(&self, sql: &str) -> Vec<String> {
        match self.storage() {
            Some(url) => Cluster::shared().select_in(url, sql).await,
            None => {
                let mut raw = self.sqlite().await;
                let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut raw).await.expect("SQL");
                raw.close().await.expect("a closed database");
                rows
            }
        }
    }

    /// How many rows belong to this account, or to one that does not exist, in each table with an owner that has any.
    pub async fn rows_of(&self, jid: &str) -> BTreeMap<String, u64> {
        let tables = match self.storage() {
            Some(_) => {
                "SELECT table_name FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND column_name = 'owner'"
            }
            None => {
                "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                 WHERE m.type = 'table' AND c.name = 'owner'"
            }
        };
        let others = format!("SELECT id FROM accounts WHERE jid <> '{jid}'");
        let mut rows = BTreeMap::new();
        for table in self.select(tables).await {
            let sql = format!("SELECT CAST(count(*) AS TEXT) FROM {table} WHERE owner NOT IN ({others})");
            let count = self.select(&sql).await[0].parse().expect("a number");
            if count > 0 {
                rows.insert(table, count);
            }
        }
        rows
    }

    /// Nothing can be appended to a log until what this returns is released.
    pub async fn hold_log(&self) -> Held {
        match self.storage() {
            Some(url) => {
                Held::Postgres(Cluster::shared().hold(url, "LOCK TABLE log IN EXCLUSIVE MODE").await)
            }
            None => {
                let mut raw = self.sqlite().await;
                raw.execute("BEGIN IMMEDIATE").await.expect("the right to write");
                Held::Sqlite(raw)
            }
        }
    }

    async fn sqlite(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.data().join("waxwing.sqlite"));
        options.connect().await.expect("the server's database")
    }
}

/// A transaction in the way of the server's.
pub enum Held {
    Sqlite(SqliteConnection),
    Postgres(pgtest::Held),
}

impl Held {
    pub async fn release(self) {
        match self {
            Held::Sqlite(raw) => raw.close().await.expect("a closed database"),
            Held::Postgres(held) => held.release().await,
        }
    }
}

//! A private Postgres for tests: a cluster of its own in a temporary folder, gone with the process that started it.
//!
//! The binaries are looked for in `PATH` and in Debian's `/usr/lib/postgresql`. With `WAXWING_TEST_POSTGRES`, the URL
//! of a server whose user may create databases, that server is used instead (databases `waxwing_test_…` stay there).

// For tests, which may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cluster;
mod install;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage};

use crate::cluster::Private;

/// A server on which tests make databases.
pub struct Cluster {
    /// The URL up to and with the slash before the database's name.
    base: String,
    /// Keeps the private one running.
    private: Option<Private>,
    databases: AtomicU32,
}

impl Cluster {
    /// Starts a cluster, or takes the one in `WAXWING_TEST_POSTGRES`. Panics with one line that says what to do
    /// where there is neither.
    pub fn start() -> Cluster {
        let (base, private) = match std::env::var("WAXWING_TEST_POSTGRES") {
            Ok(url) => (
                url.rsplit_once('/').expect("WAXWING_TEST_POSTGRES ends in /database").0.to_owned() + "/",
                None,
            ),
            Err(_) => {
                let private = Private::start();
                (private.url(), Some(private))
            }
        };
        Cluster { base, private, databases: AtomicU32::new(0) }
    }

    /// One cluster for all tests of this process.
    pub fn shared() -> &'static Cluster {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Cluster::start)
    }

    /// Makes an empty database and gives its URL.
    pub async fn fresh_database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("waxwing_test_{}_{number}", std::process::id());
        self.execute(&format!("CREATE DATABASE {name}")).await;
        self.url(&name)
    }

    /// Makes a copy of a database that nobody uses, by its URL, and gives the copy's URL.
    pub async fn copy_of(&self, url: &str) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("waxwing_test_{}_{number}", std::process::id());
        let original = url.strip_prefix(&self.base).expect("a database of this cluster");
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE {original}")).await;
        self.url(&name)
    }

    /// The process whose children all processes of the cluster are; `None` where the cluster is not our own.
    pub fn postmaster(&self) -> Option<u32> {
        self.private.as_ref().map(Private::postmaster)
    }

    /// The URL of a database by its name, there or not.
    pub fn url(&self, database: &str) -> String {
        format!("{}{database}", self.base)
    }

    /// Runs SQL in the database `postgres`, as the superuser.
    pub async fn execute(&self, sql: &str) {
        self.execute_in(&self.url("postgres"), sql).await;
    }

    /// Runs SQL in a database by its URL, as the superuser.
    pub async fn execute_in(&self, url: &str, sql: &str) {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
    }

    /// The first column of what SQL selects in a database by its URL.
    pub async fn select_in(&self, url: &str, sql: &str) -> Vec<String> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let rows = client.simple_query(sql).await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
        let first = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        };
        rows.iter().filter_map(first).collect()
    }

    /// Runs SQL in a transaction of a database, by its URL, which stays open.
    pub async fn hold(&self, url: &str, sql: &str) -> Held {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute(&format!("BEGIN; {sql}")).await.unwrap();
        Held { client, connection }
    }
}

/// An open transaction, with the locks that it took.
pub struct Held {
    client: Client,
    connection: JoinHandle<Result<(), Error>>,
}

impl Held {
    /// Ends the transaction.
    pub async fn release(self) {
        self.client.batch_execute("ROLLBACK").await.unwrap();
        drop(self.client);
        self.connection.await.unwrap().unwrap();
    }
}

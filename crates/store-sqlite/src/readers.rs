//! Connections that read beside the writer.
//!
//! Kept by deadpool, not by the pool of sqlx: that one spawns a task after each use and has it talk to the connection's
//! thread once more, which cost more than the reads of a login themselves.

use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleResult, Timeouts};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use waxwing_store::StoreError;

use crate::error::store_error;

const READERS: usize = 4;

/// How long a read waits for a connection before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Readers(Pool<Opener>);

pub(crate) struct Opener(SqliteConnectOptions);

/// A connection that reads, until it is dropped.
pub(crate) type Reader = Object<Opener>;

impl Manager for Opener {
    type Type = SqliteConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> sqlx::Result<SqliteConnection> {
        self.0.connect().await
    }

    async fn recycle(&self, _: &mut SqliteConnection, _: &Metrics) -> RecycleResult<sqlx::Error> {
        Ok(())
    }
}

impl Readers {
    /// Connections are made when they are needed.
    pub fn new(options: SqliteConnectOptions) -> Result<Readers, StoreError> {
        let timeouts = Timeouts { wait: Some(PATIENCE), create: None, recycle: None };
        let pool = Pool::builder(Opener(options.read_only(true)))
            .max_size(READERS)
            // The one that was used last: its thread and its pages are warm, and the others may sleep on.
            .queue_mode(QueueMode::Lifo)
            .timeouts(timeouts)
            .runtime(deadpool::Runtime::Tokio1)
            .build();
        Ok(Readers(pool.map_err(|error| StoreError(error.to_string()))?))
    }

    /// # Errors
    /// The file cannot be opened, or all connections have been busy for half a minute.
    pub async fn get(&self) -> Result<Reader, StoreError> {
        self.0.get().await.map_err(|error| match error {
            PoolError::Backend(error) => store_error(error),
            PoolError::Closed => StoreError("the database is closed".to_owned()),
            other => StoreError(format!("reading the database: {other}")),
        })
    }

    /// Waits for those that read, and closes all.
    pub async fn close(&self) {
        let mut open = Vec::new();
        while self.0.status().size > open.len() {
            let Ok(reader) = self.0.get().await else { break };
            open.push(reader);
        }
        self.0.close();
        for reader in open {
            // It only read: nothing is lost if closing fails.
            let _ = Object::take(reader).close().await;
        }
    }
}

//! The one connection that writes.

use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use tokio::time::timeout;
use tokio_postgres::{Config, NoTls};

/// Held for the life of the connection: one process at a time writes to a database. "waxwing" in ASCII.
const LOCK: i64 = 0x0077_6178_7769_6e67;

/// How long connecting may take, a server that takes the connection and says nothing included.
const CONNECT: Duration = Duration::from_secs(10);

/// Set once a connection, for statements of a known shape: by index and in its order, whatever the statistics of a
/// table that filled up a moment ago say, planned once, never compiled.
const PLANS: &str = "\
    SET enable_seqscan = off; SET enable_sort = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET plan_cache_mode = force_generic_plan; SET jit = off; SET client_min_messages = warning";

/// A commit that is answered is durable. Whoever else has the tables is waited for as SQLite does.
const WRITING: &str = "\
    SET lock_timeout = '5s'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Postgres stops what nobody waits for any more.
const READING: &str = "SET statement_timeout = '30s'";

pub(crate) enum ConnectError {
    Postgres(tokio_postgres::Error),
    /// Another process has the lock.
    Taken,
    /// No answer in time.
    Silent,
}

impl From<tokio_postgres::Error> for ConnectError {
    fn from(error: tokio_postgres::Error) -> ConnectError {
        ConnectError::Postgres(error)
    }
}

/// Connects, takes the lock and sets what a writing connection needs.
pub(crate) async fn connect(config: &Config) -> Result<ClientWrapper, ConnectError> {
    timeout(CONNECT, prepare(config)).await.unwrap_or(Err(ConnectError::Silent))
}

async fn prepare(config: &Config) -> Result<ClientWrapper, ConnectError> {
    let (client, connection) = config.connect(NoTls).await?;
    // Owned by the wrapper, which ends it.
    let task = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = crate::error::words(&error), "the writing connection to Postgres ended");
        }
    });
    let client = ClientWrapper::new(client, task);
    if !client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?.try_get::<_, bool>(0)? {
        return Err(ConnectError::Taken);
    }
    client.batch_execute(&format!("{PLANS}; {WRITING}")).await?;
    Ok(client)
}

/// Sets what a connection of the pool needs.
pub(crate) async fn reading(client: &ClientWrapper) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(&format!("{PLANS}; {READING}")).await
}

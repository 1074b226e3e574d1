//! Opening: address, connections, schema.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime,
};
use tokio::time::{Instant, sleep};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};
use waxwing_store::schema::{Migrate, POSTGRES, migrate};
use waxwing_store::{Store, StoreError};

use crate::connection::{ConnectError, connect, reading};
use crate::error::{store_error, words};
use crate::store::Postgres;
use crate::url;

const POOL: usize = 8;
/// How long a predecessor that was just killed may take to be gone from Postgres.
const TAKEN_FOR: Duration = Duration::from_secs(5);
const POOL_WAIT: Duration = Duration::from_secs(10);

type Opening<'a> = Pin<Box<dyn Future<Output = Result<Arc<dyn Store>, StoreError>> + Send + 'a>>;

/// Opens the database at `url` (`postgres://user:password@host:port/database`, or a host that is the folder of a
/// socket) and brings its schema up to date. The database must exist.
///
/// While it is open, the session lock of one connection keeps every other Waxwing out, so this connection must not
/// pass through a pooler in transaction mode. TLS to Postgres is not supported yet: any `sslmode` but `disable` and
/// `prefer` is an error. Errors are one line that says what, where and how to mend it, never the password.
///
/// Boxed, so that all of it is compiled here and not wherever it is awaited.
pub fn open(url: &str) -> Opening<'_> {
    Box::pin(open_at(url))
}

async fn open_at(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let config = url::parse(url)?;
    let at = |why: String| StoreError(format!("cannot open the database {}: {why}", url::place(&config)));
    let mut writer = first(&config).await.map_err(at)?;
    migrate(&mut Migrating(&mut writer), POSTGRES).await.map_err(|error| at(error.0))?;

    let manager = Manager::from_config(
        config.clone(),
        NoTls,
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    let pool = Pool::builder(manager)
        .max_size(POOL)
        .wait_timeout(Some(POOL_WAIT))
        .create_timeout(Some(POOL_WAIT))
        .runtime(Runtime::Tokio1)
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move { reading(client).await.map_err(HookError::Backend) })
        }))
        .build()
        .map_err(|error| at(error.to_string()))?;
    Ok(Arc::new(Postgres::new(config, writer, pool)))
}

async fn first(config: &Config) -> Result<ClientWrapper, String> {
    let give_up = Instant::now() + TAKEN_FOR;
    loop {
        match connect(config).await {
            Ok(client) => return Ok(client),
            Err(ConnectError::Taken) if Instant::now() < give_up => sleep(Duration::from_millis(100)).await,
            Err(ConnectError::Taken) => {
                return Err("another Waxwing is using it: stop that one first".to_owned());
            }
            Err(ConnectError::Postgres(error)) => return Err(mend(&error, config)),
            Err(ConnectError::Silent) => {
                return Err("nothing answers: is it Postgres that listens there?".to_owned());
            }
        }
    }
}

fn mend(error: &tokio_postgres::Error, config: &Config) -> String {
    let user = config.get_user().unwrap_or("");
    let said = words(error);
    match error.code() {
        Some(&SqlState::INVALID_CATALOG_NAME) => {
            format!("{said}: make it with createdb -O {user} or mend `storage`")
        }
        Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            format!("{said}: mend user and password in `storage`")
        }
        None => format!("{said}: is Postgres running there, and is the address in `storage` right?"),
        Some(_) => said,
    }
}

struct Migrating<'a>(&'a mut ClientWrapper);

#[async_trait]
impl Migrate for Migrating<'_> {
    /// The lock that the connection holds keeps other processes out.
    async fn begin(&mut self) -> Result<(), StoreError> {
        self.run("BEGIN".to_owned()).await
    }

    async fn run(&mut self, sql: String) -> Result<(), StoreError> {
        self.0.batch_execute(&sql).await.map_err(|error| store_error(&error))
    }

    async fn version(&mut self) -> Result<u64, StoreError> {
        let newest = async {
            let row = self.0.query_one("SELECT coalesce(max(number), 0) FROM schema_version", &[]).await?;
            row.try_get::<_, i64>(0)
        };
        newest.await.map(i64::unsigned_abs).map_err(|error| store_error(&error))
    }
}

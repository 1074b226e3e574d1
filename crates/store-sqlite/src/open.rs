//! Opening: the file, its lock, its schema.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions};
use waxwing_store::schema::{Migrate, SQLITE, migrate};
use waxwing_store::{Store, StoreError};

use crate::error::{open_error, store_error};
use crate::readers::Readers;
use crate::store::Sqlite;

type Opening<'a> = Pin<Box<dyn Future<Output = Result<Arc<dyn Store>, StoreError>> + Send + 'a>>;

/// Opens the database at `path` and brings its schema up to date. Makes the file (mode 0600) and its folder (0700)
/// where they are missing.
///
/// A second file, `path` with `.lock` added, is locked while the database is open, so that two servers never write to
/// one database. Errors are one line that says what, where and how to mend it.
///
/// Boxed, so that all of it is compiled here and not wherever it is awaited.
pub fn open(path: &Path) -> Opening<'_> {
    Box::pin(open_at(path))
}

async fn open_at(path: &Path) -> Result<Arc<dyn Store>, StoreError> {
    let at = |why: String| StoreError(format!("cannot open the database {}: {why}", path.display()));
    let lock = prepare(path).map_err(at)?;

    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        // Removal takes the rows of every table itself, and late writes for a removed owner are dropped.
        .foreign_keys(false)
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging();
    let mut writer = options.connect().await.map_err(|error| at(open_error(&error)))?;
    migrate(&mut Migrating(&mut writer), SQLITE).await.map_err(|error| at(error.0))?;

    let readers = Readers::new(options).map_err(|error| at(error.0))?;
    Ok(Arc::new(Sqlite::new(writer, readers, lock)))
}

/// Makes folder and file and takes the lock.
fn prepare(path: &Path) -> Result<File, String> {
    let writable =
        |error: std::io::Error| format!("{error}: give this user write access there or choose another place");
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(writable)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = take_lock(&PathBuf::from(name))?;
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(writable)?;
    Ok(lock)
}

fn take_lock(path: &Path) -> Result<File, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).map_err(failed)?;
            file.rewind().map_err(failed)?;
            write!(file, "{}", std::process::id()).map_err(failed)?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            // Only to say who; half written it says nothing.
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            Err(format!("another Waxwing is using it (process {}): stop that one first", holder.trim()))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

struct Migrating<'a>(&'a mut SqliteConnection);

#[async_trait]
impl Migrate for Migrating<'_> {
    async fn begin(&mut self) -> Result<(), StoreError> {
        self.run("BEGIN IMMEDIATE".to_owned()).await
    }

    async fn run(&mut self, sql: String) -> Result<(), StoreError> {
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut *self.0)
            .await
            .map(|_| ())
            .map_err(|error| StoreError(open_error(&error)))
    }

    async fn version(&mut self) -> Result<u64, StoreError> {
        let newest: i64 = sqlx::query_scalar("SELECT coalesce(max(number), 0) FROM schema_version")
            .fetch_one(&mut *self.0)
            .await
            .map_err(store_error)?;
        Ok(newest.unsigned_abs())
    }
}

//! The data folder and the database in force.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use waxwing_config::{Config, Storage};
use waxwing_store::Store;

/// Makes the data folder if it is missing, for this user only.
pub fn prepare_data(data: &Path) -> Result<(), String> {
    let failed = |error| {
        format!("{}: cannot make the data folder: {error}: choose another with --data", data.display())
    };
    DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)
}

/// Opens the database and brings its schema up to date.
pub async fn open(storage: &Storage) -> Result<Arc<dyn Store>, String> {
    let opened = match storage {
        Storage::Sqlite(path) => waxwing_store_sqlite::open(path).await,
        Storage::Postgres(url) => waxwing_store_postgres::open(url).await,
    };
    opened.map_err(|error| error.0)
}

/// The socket by which commands reach the running server.
pub fn admin_socket(config: &Config) -> PathBuf {
    config.data.join("admin.sock")
}

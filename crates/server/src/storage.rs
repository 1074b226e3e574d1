//! The data folder and the database in force.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use waxwing_config::{Config, Storage};
use waxwing_store::Store;

/// Makes the data folder, for this user only, and opens the database. Where that cannot be, a folder that was missing is
/// missing still.
pub async fn begin(config: &Config) -> Result<Arc<dyn Store>, String> {
    let data = &config.data;
    let missing = !data.exists();
    let failed = |error| {
        format!("{}: cannot make the data folder: {error}: choose another with --data", data.display())
    };
    DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
    let opened = open(&config.storage).await;
    if opened.is_err() && missing {
        // Only if nobody has put anything there.
        let _ = fs::remove_dir(data);
    }
    opened
}

/// Opens the database and brings its schema up to date.
pub async fn open(storage: &Storage) -> Result<Arc<dyn Store>, String> {
    let opened = match storage {
        Storage::Sqlite(path) => waxwing_store_sqlite::open(path).await,
        Storage::Postgres(url) => waxwing_store_postgres::open(url).await,
    };
    opened.map_err(|error| error.0)
}

/// The secret that devices' tokens and resources are made from, made at the first start. A file and not a row: whoever
/// reads the database cannot make tokens.
pub fn device_secret(data: &Path) -> Result<[u8; 32], String> {
    let path = data.join("device.key");
    let failed = |why: String| format!("{}: {why}", path.display());
    match fs::read(&path) {
        Ok(kept) => {
            let damaged = "is damaged: remove it, and clients log in with their passwords again";
            kept.try_into().map_err(|_| failed(damaged.to_owned()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut fresh = [0; 32];
            getrandom::fill(&mut fresh).map_err(|error| failed(error.to_string()))?;
            write_private(&path, &fresh).map_err(|error| failed(error.to_string()))?;
            Ok(fresh)
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Readable for this user only; whole or not there.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// The socket by which commands reach the running server.
pub fn admin_socket(config: &Config) -> PathBuf {
    config.data.join("admin.sock")
}

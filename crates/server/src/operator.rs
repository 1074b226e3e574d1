//! What the operator's commands share: who does it, and how it is shown.

use time::OffsetDateTime;
use waxwing_admin::{AdminError, Offline, Operator, Remote};
use waxwing_config::{Config, Storage};

use crate::storage;

/// Does a job through the running server where there is one, else on the database. One that is not `making` anything
/// makes no database either: the data folder is a wrong one.
pub async fn through(
    config: &Config,
    making: bool,
    job: impl AsyncFnOnce(&dyn Operator) -> Result<(), AdminError>,
) -> Result<(), String> {
    let done = match Remote::connect(&storage::admin_socket(config)).await.map_err(said)? {
        Some(remote) => job(&remote).await,
        None => {
            if !making {
                must_exist(&config.storage)?;
            }
            let offline = Offline::new(storage::open(&config.storage).await?);
            let done = job(&offline).await;
            offline.close().await;
            done
        }
    };
    done.map_err(said)
}

fn must_exist(storage: &Storage) -> Result<(), String> {
    match storage {
        Storage::Sqlite(path) if !path.exists() => {
            Err(format!("there is no database {}: is the data folder right?", path.display()))
        }
        _ => Ok(()),
    }
}

pub fn said(error: AdminError) -> String {
    error.0
}

/// A time in milliseconds since 1970.
pub fn date(millis: i64) -> String {
    match OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000)) {
        Ok(at) => format!("{} {:02}:{:02} UTC", at.date(), at.hour(), at.minute()),
        Err(_) => "unknown".to_owned(),
    }
}

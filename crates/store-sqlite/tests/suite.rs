//! What every database must do, on SQLite.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use async_trait::async_trait;
use waxwing_store::suite::Database;
use waxwing_store::{Store, StoreError};

struct Folder(tempfile::TempDir);

#[async_trait]
impl Database for Folder {
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        waxwing_store_sqlite::open(&self.0.path().join("waxwing.db")).await
    }
}

async fn fresh() -> Folder {
    Folder(tempfile::tempdir().unwrap())
}

waxwing_store::suite!(fresh);

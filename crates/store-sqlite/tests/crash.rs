//! SIGKILL in the middle of commits.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use waxwing_store::suite::{self, Database};
use waxwing_store::{Store, StoreError};

struct File(String);

#[async_trait]
impl Database for File {
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        waxwing_store_sqlite::open(Path::new(&self.0)).await
    }
}

#[tokio::test]
async fn crash_child() {
    if let Some(path) = suite::crash_address() {
        suite::crash_child(File(path).open().await.unwrap()).await;
    }
}

#[tokio::test]
async fn survives_crashes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waxwing.db").display().to_string();
    suite::survives_crashes(&File(path.clone()), &path).await;
}

//! SIGKILL in the middle of commits.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use async_trait::async_trait;
use pgtest::Cluster;
use waxwing_store::suite::{self, Database};
use waxwing_store::{Store, StoreError};

struct Url(String);

#[async_trait]
impl Database for Url {
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        waxwing_store_postgres::open(&self.0).await
    }
}

#[tokio::test]
async fn crash_child() {
    if let Some(url) = suite::crash_address() {
        suite::crash_child(Url(url).open().await.unwrap()).await;
    }
}

#[tokio::test]
async fn survives_crashes() {
    let url = Cluster::shared().fresh_database().await;
    suite::survives_crashes(&Url(url.clone()), &url).await;
}

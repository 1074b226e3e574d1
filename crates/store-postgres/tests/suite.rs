//! What every database must do, on Postgres.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use async_trait::async_trait;
use pgtest::Cluster;
use waxwing_store::suite::Database;
use waxwing_store::{Store, StoreError};

struct Url(String);

#[async_trait]
impl Database for Url {
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        waxwing_store_postgres::open(&self.0).await
    }
}

async fn fresh() -> Url {
    Url(Cluster::shared().fresh_database().await)
}

waxwing_store::suite!(fresh);

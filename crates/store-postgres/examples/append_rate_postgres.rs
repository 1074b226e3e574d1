//! `cargo run --release -p waxwing-store-postgres --example append_rate_postgres`, on a cluster of its own
//! in the folder for temporary files.

#![allow(clippy::unwrap_used)]

#[tokio::main]
async fn main() {
    let cluster = pgtest::Cluster::start();
    let store = waxwing_store_postgres::open(&cluster.fresh_database().await).await.unwrap();
    println!("Postgres");
    waxwing_store::suite::append_rate(store, &std::env::temp_dir()).await;
}

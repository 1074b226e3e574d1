//! `cargo run --release -p waxwing-store-sqlite --example append_rate_sqlite [FOLDER]`

#![allow(clippy::unwrap_used)]

#[tokio::main]
async fn main() {
    let parent = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let folder = tempfile::tempdir_in(parent).unwrap();
    let store = waxwing_store_sqlite::open(&folder.path().join("rate.db")).await.unwrap();
    println!("SQLite");
    waxwing_store::suite::append_rate(store, folder.path()).await;
}

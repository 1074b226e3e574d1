//! A database that is slow, gone, or not ours.

use harness::{Database, Server, Stream, scenes};

scenes! {
    []: nothing;
}
async fn nothing(_: &Server) {
    let _ = Database::Sqlite;
    let _ = Stream::plain;
}

//! The databases that every scene runs on.

use pgtest::Cluster;

/// Where a server keeps its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Database {
    /// The default, a file in the data folder.
    Sqlite,
    /// A fresh database in this test binary's own cluster.
    Postgres,
}

impl Database {
    /// The setting that chooses it, if it needs one.
    pub(crate) fn setting(self) -> Option<String> {
        match self {
            Database::Sqlite => None,
            Database::Postgres => Some(format!("storage={}", fresh_postgres())),
        }
    }
}

/// The URL of an empty database. On a thread of its own: a scene's runtime may be running on this one.
fn fresh_postgres() -> String {
    let fresh = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(Cluster::shared().fresh_database())
    };
    std::thread::scope(|scope| scope.spawn(fresh).join()).expect("a database")
}

//! The databases that every scene runs on.

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
            Database::Postgres => panic!("no Postgres yet"),
        }
    }
}

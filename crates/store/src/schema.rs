//! Migrations: the files in `schema/`, and the runner that brings a database to the newest of them.

use async_trait::async_trait;

use crate::StoreError;

/// One file of `schema/sqlite` or `schema/postgres`. Both folders hold the same names.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The file's name without its ending, `0001_accounts`.
    pub name: &'static str,
    pub sql: &'static str,
}

macro_rules! schema {
    ($($name:literal),* $(,)?) => {
        /// For SQLite, in order; the first is number 1.
        pub const SQLITE: &[Migration] =
            &[$(Migration { name: $name, sql: include_str!(concat!("../../../schema/sqlite/", $name, ".sql")) }),*];
        /// For Postgres, in order; the first is number 1.
        pub const POSTGRES: &[Migration] =
            &[$(Migration { name: $name, sql: include_str!(concat!("../../../schema/postgres/", $name, ".sql")) }),*];
    };
}

schema![
    "0001_meta",
    "0002_accounts",
    "0003_log",
    "0004_resends",
    "0005_roster",
    "0006_docs",
    "0007_archive",
    "0008_devices",
    "0009_search",
    "0010_reports",
    "0011_retention",
    "0012_first_login"
];

/// A connection that can be migrated.
#[async_trait]
pub trait Migrate: Send {
    /// Begins a transaction that no other process that migrates can be in at the same time: it waits.
    async fn begin(&mut self) -> Result<(), StoreError>;
    /// Runs SQL without parameters, also several statements.
    async fn run(&mut self, sql: String) -> Result<(), StoreError>;
    /// The newest number in `schema_version`, 0 if there is none.
    async fn version(&mut self) -> Result<u64, StoreError>;
}

/// Applies what is missing, all of it in one transaction. A database that was written by a newer Waxwing is refused
/// and left as it is.
pub async fn migrate(database: &mut dyn Migrate, migrations: &[Migration]) -> Result<(), StoreError> {
    database.begin().await?;
    let applied = apply(database, migrations).await;
    let end = if applied.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = database.run(end.to_owned()).await;
    applied.and(ended)
}

async fn apply(database: &mut dyn Migrate, migrations: &[Migration]) -> Result<(), StoreError> {
    let table = "CREATE TABLE IF NOT EXISTS schema_version (number BIGINT PRIMARY KEY, name TEXT NOT NULL)";
    database.run(table.to_owned()).await?;
    let found = database.version().await?;
    let known = migrations.len() as u64;
    if found > known {
        return Err(StoreError(format!(
            "the database was written by a newer Waxwing (schema {found}, this one knows {known}): \
             start that version or restore a backup"
        )));
    }
    for (number, migration) in (1u64..).zip(migrations).skip_while(|(number, _)| *number <= found) {
        tracing::info!(migration = migration.name, "migrating the database");
        let failed = |error: StoreError| StoreError(format!("migration {}: {error}", migration.name));
        database.run(migration.sql.to_owned()).await.map_err(failed)?;
        let done =
            format!("INSERT INTO schema_version (number, name) VALUES ({number}, '{}')", migration.name);
        database.run(done).await.map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Migration, POSTGRES, SQLITE};

    #[test]
    fn both_folders_hold_the_listed_files() {
        for (dialect, listed) in [("sqlite", SQLITE), ("postgres", POSTGRES)] {
            let folder = format!("{}/../../schema/{dialect}", env!("CARGO_MANIFEST_DIR"));
            let mut found: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            found.sort();
            let names: Vec<String> =
                listed.iter().map(|Migration { name, .. }| format!("{name}.sql")).collect();
            assert_eq!(found, names, "{dialect}");
        }
    }

    #[test]
    fn names_carry_their_numbers() {
        for (number, migration) in (1..).zip(SQLITE) {
            assert!(migration.name.starts_with(&format!("{number:04}_")), "{}", migration.name);
        }
    }
}

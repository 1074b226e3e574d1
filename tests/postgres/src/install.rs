//! Where Postgres is, and as whom it runs: it refuses to be root.

use std::path::{Path, PathBuf};
use std::process::Command;

const USER: &str = "postgres";

/// The folder with `initdb` and `postgres`.
pub(crate) fn binaries() -> PathBuf {
    let in_path = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
        .unwrap_or_default();
    in_path.into_iter().chain(debian()).find(|folder| has_both(folder)).unwrap_or_else(|| {
        panic!(
            "no Postgres for the tests: install it (Debian: apt-get install postgresql) \
             or give the URL of one in WAXWING_TEST_POSTGRES"
        )
    })
}

fn has_both(folder: &Path) -> bool {
    folder.join("initdb").exists() && folder.join("postgres").exists()
}

/// Newest first.
fn debian() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}

pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.trim_ascii() == b"0"
}

/// Makes a folder Postgres's own where we are root.
pub(crate) fn give_away(folder: &Path) {
    if is_root() {
        let given = Command::new("chown").arg(USER).arg(folder).status().expect("chown runs");
        assert!(given.success(), "cannot run Postgres as root and there is no user {USER}");
    }
}

/// A command, as the user `postgres` where we are root.
pub(crate) fn command(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--init-groups", "--"]).arg(program);
    command
}

//! Where Postgres is, and as whom it runs: it refuses to be root.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

const USER: &str = "postgres";

/// The folder with `initdb` and `postgres`.
pub(crate) fn binaries() -> PathBuf {
    found(std::env::var_os("PATH"), Path::new("/usr/lib/postgresql")).unwrap_or_else(|| panic!("{MISSING}"))
}

const MISSING: &str = "no Postgres for the tests: install it (Debian: apt-get install postgresql) \
                       or give the URL of one in WAXWING_TEST_POSTGRES";

/// In `PATH`, else the newest in Debian's folder.
fn found(path: Option<OsString>, debian: &Path) -> Option<PathBuf> {
    let in_path: Vec<PathBuf> = path.map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    in_path.into_iter().chain(versions(debian)).find(|folder| has_both(folder))
}

fn has_both(folder: &Path) -> bool {
    folder.join("initdb").exists() && folder.join("postgres").exists()
}

/// Newest first.
fn versions(debian: &Path) -> Vec<PathBuf> {
    let versions = std::fs::read_dir(debian).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path()).collect();
    // `9.6` is older than `15`.
    folders.sort_by_key(|folder| {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Reverse(name.split('.').map(|part| part.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>())
    });
    folders.into_iter().map(|folder| folder.join("bin")).collect()
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn install(folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for name in ["initdb", "postgres"] {
            fs::write(folder.join(name), "").unwrap();
        }
    }

    #[test]
    fn the_one_in_path_then_debians_newest_then_none_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let (debian, own) = (folder.path().join("debian"), folder.path().join("own"));
        assert_eq!(found(Some(own.clone().into()), &debian), None);
        assert!(!MISSING.contains('\n') && MISSING.contains("WAXWING_TEST_POSTGRES"));
        for version in ["9.6", "13", "15"] {
            install(&debian.join(version).join("bin"));
        }
        fs::create_dir_all(debian.join("17/bin")).unwrap();
        assert_eq!(found(None, &debian), Some(debian.join("15/bin")), "17 is not all there");
        install(&own);
        assert_eq!(found(Some(own.clone().into()), &debian), Some(own));
    }
}

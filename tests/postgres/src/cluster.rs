//! A cluster in a temporary folder.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::install;

const PASSWORD: &str = "test";
const START: Duration = Duration::from_secs(60);

/// Runs Postgres until its input ends, which the death of the test process brings about too, also by SIGKILL. Then
/// nothing in the cluster is of use to anybody, so it is stopped at once and the folder removed.
const KEEPER: &str = r#"
folder=$1; shift
"$@" & postgres=$!
read -r never
kill -QUIT $postgres
wait $postgres
rm -rf "$folder"
"#;

pub(crate) struct Private {
    port: u16,
    folder: PathBuf,
    keeper: Child,
}

impl Private {
    pub(crate) fn start() -> Private {
        let binaries = install::binaries();
        let folder = tempfile::Builder::new().prefix("waxwing-pg").tempdir().unwrap().keep();
        fs::write(folder.join("password"), PASSWORD).unwrap();
        install::give_away(&folder);
        let data = folder.join("data");
        let made = install::command(&binaries.join("initdb"))
            .args([
                "--no-sync",
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .arg("--pwfile")
            .arg(folder.join("password"))
            .arg("--pgdata")
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

        // The port may be taken by another between our look and Postgres's.
        let started = (0..5).find_map(|_| run(&binaries, &folder, &data));
        let (port, keeper) = started.unwrap_or_else(|| {
            panic!("Postgres does not start: {}", fs::read_to_string(folder.join("log")).unwrap_or_default())
        });
        Private { port, folder, keeper }
    }

    /// The process whose children all others are.
    pub(crate) fn postmaster(&self) -> u32 {
        let state = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        state.lines().next().and_then(|line| line.trim().parse().ok()).unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/", self.port)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // Ends the keeper's input.
        drop(self.keeper.stdin.take());
        self.keeper.wait().unwrap();
        assert!(!self.folder.exists(), "the keeper removes the folder");
    }
}

fn run(binaries: &Path, folder: &Path, data: &Path) -> Option<(u16, Child)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let postgres = install::command(&binaries.join("postgres"));
    let log = fs::File::create(folder.join("log")).unwrap();
    let mut keeper = Command::new("sh")
        .args(["-c", KEEPER, "keeper"])
        .arg(folder)
        .arg(postgres.get_program())
        .args(postgres.get_args())
        .arg("-D")
        .arg(data)
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=300", "-c", "fsync=on"])
        // Room for a large archive to be made without a checkpoint for every gigabyte.
        .args(["-c", "max_wal_size=4GB"])
        .args(["-p", &port.to_string(), "-k", &folder.display().to_string()])
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        // Away from the terminal's Ctrl-C: the end of the input is its signal.
        .process_group(0)
        .spawn()
        .unwrap();
    if is_ready(data) {
        return Some((port, keeper));
    }
    // Not through its input, which would remove the folder; with Postgres, should that run after all.
    let group = format!("-{}", keeper.id());
    Command::new("kill").args(["-KILL", "--", &group]).status().unwrap();
    keeper.wait().unwrap();
    None
}

/// Postgres writes `ready` into the eighth line of its pid file; without the file after some time it has not started.
fn is_ready(data: &Path) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < START {
        let state = fs::read_to_string(data.join("postmaster.pid"));
        match state {
            Ok(text) if text.lines().nth(7).is_some_and(|line| line.trim() == "ready") => return true,
            Err(_) if begin.elapsed() > Duration::from_secs(5) => return false,
            _ => sleep(Duration::from_millis(20)),
        }
    }
    false
}

//! The server's process.

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{OnceLock, mpsc},
    thread,
};

/// The binary under test: `WAXWING_BIN`, else the one of this workspace, built if it is not up to date.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("WAXWING_BIN") {
            return fs::canonicalize(path).expect("WAXWING_BIN names the binary");
        }
        build("waxwing").join("waxwing")
    })
}

/// What shows a server another time of day.
fn clock() -> &'static Path {
    static CLOCK: OnceLock<PathBuf> = OnceLock::new();
    CLOCK.get_or_init(|| build("waxwing-clock").join("libwaxwing_clock.so"))
}

/// Builds a package of this workspace, and says where that is.
fn build(package: &str) -> PathBuf {
    let profile = profile_folder();
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--package", package]);
    if profile.file_name().is_some_and(|name| name == "release") {
        build.arg("--release");
    }
    build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    assert!(build.status().expect("cargo").success(), "{package} does not build");
    profile
}

/// Has a command see the time of day that this file makes it.
pub fn set_clock(command: &mut Command, file: &Path) {
    command.env("LD_PRELOAD", clock()).env("WAXWING_TEST_CLOCK", file);
}

/// `target/debug` or `target/release`: test binaries lie in its `deps`.
fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the test binary");
    test.parent().and_then(Path::parent).expect("target/PROFILE/deps").to_owned()
}

/// A fresh folder for a server's data and log. Those of test runs that have ended are removed first; the
/// last run's stay to be looked at.
pub fn folder(name: &str) -> PathBuf {
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    let run = RUN.get_or_init(|| {
        let all = profile_folder().parent().expect("target").join("scenes");
        for old in fs::read_dir(&all).into_iter().flatten().flatten() {
            if !Path::new("/proc").join(old.file_name()).exists() {
                let _ = fs::remove_dir_all(old.path());
            }
        }
        all.join(std::process::id().to_string())
    });
    let folder = run.join(name);
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    folder
}

/// Starts the binary in this folder with its output in `log`. It dies with this process, however that ends: the kernel sees
/// to it, and it watches the thread that started the child, so that is one which lasts. `time`: see [`set_clock`].
pub fn spawn(arguments: Vec<OsString>, folder: &Path, log: &Path, time: Option<&Path>) -> Child {
    type Job = (Command, mpsc::Sender<std::io::Result<Child>>);
    static KEEPER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (jobs, work) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut command, answer) in work {
                let _ = answer.send(command.spawn());
            }
        });
        jobs
    });

    let output = File::options().create(true).append(true).open(log).expect("the log");
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(binary()).args(arguments);
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("the log"))
        .stderr(output);
    if let Some(file) = time {
        set_clock(&mut command, file);
    }
    let (answer, answered) = mpsc::channel();
    keeper.send((command, answer)).expect("the keeper's thread");
    answered.recv().expect("the keeper's answer").expect("setpriv (Debian: util-linux)")
}

/// Asks the process to stop, as an operator does.
pub fn terminate(child: &Child) {
    signal(child, "TERM");
}

pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(status.expect("kill").success(), "kill -s {name}");
}

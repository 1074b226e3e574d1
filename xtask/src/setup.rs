//! What the tests need beside Rust.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{steps, tree::root};

/// Names a Postgres server that the tests may use instead of a private one.
const POSTGRES_URL: &str = "WAXWING_TEST_POSTGRES";

/// A program, and the Debian package that has it.
const PROGRAMS: &[(&str, &str)] =
    &[("profanity", "profanity"), ("tmux", "tmux"), ("python3", "python3"), ("npm", "npm")];

/// What the benchmark compares with, and what it stores its archives with.
const PEERS: &[&str] = &["prosody", "lua-unbound", "lua-dbi-postgresql", "ejabberd", "erlang-p1-pgsql"];

/// Installs the servers that the benchmark compares with, where it may.
pub fn peers() -> Result<(), String> {
    let is_there = |package: &str| {
        let query = Command::new("dpkg-query")
            .args(["-W", package])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        query.is_ok_and(|status| status.success())
    };
    let mut missing: Vec<&str> = PEERS.iter().copied().filter(|package| !is_there(package)).collect();
    if !postgres() {
        missing.push("postgresql");
    }
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

/// What nbxmpp stands on; Python's packages do not bring it.
const GLIB: &str = "gi; gi.require_version('Soup', '3.0'); from gi.repository import Gio, Soup; \
                    assert Gio.TlsBackend.get_default().supports_tls()";

/// Installs what is missing, where it may.
pub fn prepare() -> Result<(), String> {
    let mut missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !in_path(program)).map(|(_, package)| *package).collect();
    if !postgres() {
        missing.push("postgresql");
    }
    if !python_has("venv, ensurepip") {
        missing.push("python3-venv");
    }
    if !python_has(GLIB) {
        missing.extend(["python3-gi", "gir1.2-soup-3.0", "glib-networking"]);
    }
    if !missing.is_empty() {
        install(&missing)?;
    }
    python_packages()?;
    node_packages()
}

/// The interpreter of the virtual environment.
pub fn python() -> PathBuf {
    root().join("target/venv/bin/python")
}

fn install(packages: &[&str]) -> Result<(), String> {
    let names = packages.join(" ");
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !root || !in_path("apt-get") {
        return Err(format!(
            "missing: {names}. On Debian: sudo apt-get install {names}; for another Postgres set {POSTGRES_URL}"
        ));
    }
    println!("installing {names}");
    let apt = |arguments: &[&str]| {
        steps::run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update", "--quiet=2"])?;
    apt(&[&["install", "--quiet=2", "--yes", "--no-install-recommends"], packages].concat())
}

/// A Python environment with exactly what `conformance/requirements.txt` names.
fn python_packages() -> Result<(), String> {
    let wanted = fs::read_to_string(root().join("conformance/requirements.txt"))
        .map_err(|error| format!("conformance/requirements.txt: {error}"))?;
    let stamp = root().join("target/venv/installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    // Debian's packages are of use to Debian's interpreter.
    let venv = ["-m", "venv", "--clear", "--system-site-packages", "target/venv"];
    steps::run(Command::new(system_python()).args(venv))?;
    let pip = ["-m", "pip", "install", "--no-deps", "--quiet", "--no-input", "--disable-pip-version-check"];
    steps::run(Command::new(python()).args(pip).args(["--requirement", "conformance/requirements.txt"]))?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
}

/// Exactly what `conformance/xmppjs/package-lock.json` names, beside it.
fn node_packages() -> Result<(), String> {
    let folder = root().join("conformance/xmppjs");
    let wanted = fs::read_to_string(folder.join("package-lock.json"))
        .map_err(|error| format!("conformance/xmppjs/package-lock.json: {error}"))?;
    let stamp = folder.join("node_modules/installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let npm = ["ci", "--loglevel=error", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
    steps::run(Command::new("npm").args(npm).arg(&folder))?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
}

fn postgres() -> bool {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    std::env::var_os(POSTGRES_URL).is_some()
        || in_path("initdb")
        || debian.into_iter().any(|version| version.path().join("bin/initdb").exists())
}

/// The system's own interpreter, else whichever there is.
fn system_python() -> &'static str {
    const DEBIAN: &str = "/usr/bin/python3";
    if Path::new(DEBIAN).exists() { DEBIAN } else { "python3" }
}

/// Whether `import` with this behind it works: Debian's python3 knows modules and lacks what they need.
fn python_has(modules: &str) -> bool {
    let program = format!("import {modules}");
    let quiet = Command::new(system_python()).args(["-c", &program]).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

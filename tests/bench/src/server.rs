//! The servers compared, each a process of its own on a throw-away copy of its data.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fmt, fs};

use crate::Fault;

/// How long a server may take to start, or to stop before it is killed.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// On its embedded database, synchronous=FULL.
    Waxwing,
    /// On a Postgres of its own, synchronous_commit=on.
    WaxwingPostgres,
    Prosody,
    Ejabberd,
    /// This program, which accepts TLS and holds the connections: what no server on rustls can be below.
    Floor,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Waxwing => "Waxwing",
            Kind::WaxwingPostgres => "Waxwing on Postgres",
            Kind::Prosody => "Prosody",
            Kind::Ejabberd => "ejabberd",
            Kind::Floor => "bare rustls",
        }
    }

    pub fn is_ours(self) -> bool {
        matches!(self, Kind::Waxwing | Kind::WaxwingPostgres)
    }

    /// Whether it is installed here.
    pub fn is_there(self) -> bool {
        match self {
            Kind::Prosody => Path::new("/usr/bin/prosody").exists(),
            Kind::Ejabberd => ejabberd().is_some(),
            _ => true,
        }
    }

    /// Its version as it says itself.
    pub fn version(self) -> String {
        let from = |command: &mut Command| {
            let output = command.stderr(Stdio::null()).output().ok()?;
            Some(String::from_utf8_lossy(&output.stdout).lines().next()?.to_owned())
        };
        match self {
            Kind::Prosody => from(Command::new("prosodyctl").arg("about")).unwrap_or_default(),
            Kind::Ejabberd => ejabberd().map_or_else(String::new, |folder| {
                folder.file_name().map(|name| name.to_string_lossy().replace('-', " ")).unwrap_or_default()
            }),
            _ => format!("Waxwing {}", env!("CARGO_PKG_VERSION")),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What servers are started with.
pub struct Setting<'a> {
    /// The `waxwing` binary.
    pub binary: &'a Path,
    /// Chain and key in one PEM file.
    pub certificate: &'a Path,
    /// The URL of an empty database, for [`Kind::WaxwingPostgres`].
    pub database: Option<String>,
}

/// One that runs; dropped, it is killed.
pub struct Server {
    child: Child,
    pub kind: Kind,
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server whose data lie in `data`, or will.
    pub fn start(kind: Kind, setting: &Setting<'_>, data: &Path) -> Result<Server, Fault> {
        let address = free_address()?;
        let mut command = command(kind, setting, data, address)?;
        let log = fs::File::options().create(true).append(true).open(data.join("output"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let server = Server { child: command.spawn()?, kind, address };
        server.wait_for_start(data)?;
        Ok(server)
    }

    fn wait_for_start(&self, data: &Path) -> Result<(), Fault> {
        let begun = Instant::now();
        while begun.elapsed() < START && Path::new(&format!("/proc/{}/exe", self.child.id())).exists() {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        let said = fs::read_to_string(data.join("output")).unwrap_or_default();
        Err(Fault::new(format!("{} does not start:\n{said}", self.kind)))
    }

    /// The processor time that all its threads have used.
    pub fn cpu(&self) -> Result<Duration, Fault> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // utime and stime, the 14th and 15th field; the second, in brackets, may hold spaces. Ticks are 10 ms on
        // every Linux that Rust runs on.
        let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let mut fields = after.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
        match (fields.next(), fields.next()) {
            (Some(Ok(user)), Some(Ok(system))) => Ok(Duration::from_millis((user + system) * 10)),
            _ => Err(Fault::new("unreadable /proc/PID/stat")),
        }
    }

    /// Its resident memory in KiB.
    pub fn resident(&self) -> Result<f64, Fault> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
        number.ok_or_else(|| Fault::new("unreadable /proc/PID/status"))
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> Result<(), Fault> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > STOP {
                return Err(Fault::new(format!("{} does not stop", self.kind)));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(kind: Kind, setting: &Setting<'_>, data: &Path, address: SocketAddr) -> Result<Command, Fault> {
    let fill = |template: &str| {
        template
            .replace("@PORT@", &address.port().to_string())
            .replace("@DATA@", &data.display().to_string())
            .replace("@CERTIFICATE@", &setting.certificate.display().to_string())
    };
    // Prosody and ejabberd tell the format by the name.
    let config = data.join(match kind {
        Kind::Prosody => "prosody.cfg.lua",
        Kind::Ejabberd => "ejabberd.yml",
        _ => "waxwing.toml",
    });
    // It dies with this process, however that ends.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]);
    match kind {
        Kind::Waxwing | Kind::WaxwingPostgres => {
            fs::write(&config, fill(include_str!("../peers/waxwing.toml")))?;
            command.arg(setting.binary).arg("--config").arg(&config).arg("--data").arg(data);
            if let Some(database) = setting.database.as_ref().filter(|_| kind == Kind::WaxwingPostgres) {
                command.arg("--set").arg(format!("storage={database}"));
            }
            command.arg("serve");
        }
        Kind::Prosody => {
            fs::write(&config, fill(include_str!("../peers/prosody.cfg.lua")))?;
            command.args(["prosody", "-F", "--config"]).arg(&config);
        }
        Kind::Ejabberd => {
            fs::write(&config, fill(include_str!("../peers/ejabberd.yml")))?;
            let libraries = ejabberd().and_then(|folder| folder.parent().map(Path::to_owned));
            command.env("ERL_LIBS", libraries.unwrap_or_default());
            command.env("EJABBERD_CONFIG_PATH", &config).env("EJABBERD_LOG_PATH", data.join("ejabberd.log"));
            // Debian's own options. Schedulers that wait in a loop would count as work done.
            command.args(["erl", "-noinput", "+K", "true", "+P", "250000", "+Q", "65536"]);
            command.args(["+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"]);
            command.arg("-mnesia").arg("dir").arg(format!("\"{}\"", data.join("mnesia").display()));
            command.args(["-s", "ejabberd"]);
        }
        Kind::Floor => {
            command.arg(std::env::current_exe()?).arg("hold").arg(setting.certificate);
            command.arg(address.to_string());
        }
    }
    Ok(command)
}

/// Makes accounts from a file with `waxwing user import`.
pub fn import(kind: Kind, setting: &Setting<'_>, data: &Path, accounts: &Path) -> Result<(), Fault> {
    let mut command = Command::new(setting.binary);
    command.arg("--data").arg(data).args(["--set", "sasl.iterations=4096"]);
    if let Some(database) = setting.database.as_ref().filter(|_| kind == Kind::WaxwingPostgres) {
        command.arg("--set").arg(format!("storage={database}"));
    }
    let output = command.args(["user", "import"]).arg(accounts).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Fault::new(String::from_utf8_lossy(&output.stderr))),
    }
}

/// Where Debian keeps ejabberd.
fn ejabberd() -> Option<PathBuf> {
    let libraries = fs::read_dir("/usr/lib/x86_64-linux-gnu").ok()?.flatten().map(|entry| entry.path());
    libraries
        .filter(|path| path.join("ebin/ejabberd.app").exists())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ejabberd-")))
}

/// Free now; another process may take it before the server does, which then says so.
fn free_address() -> Result<SocketAddr, Fault> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

//! The servers compared, each a process of its own on a throw-away copy of its data.

mod accounts;
mod command;
mod kind;

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use accounts::{Accounts, make, ours};
pub use kind::{Kind, Product};

use crate::{Fault, process};

/// How long a server may take to start, to rest then, or to stop before it is killed.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(20);

/// A server that rests does next to nothing for so long.
const REST: Duration = Duration::from_millis(150);
const NEXT_TO_NOTHING: Duration = Duration::from_millis(5);

/// What servers are started with.
pub struct Setting<'a> {
    /// The `waxwing` binary.
    pub binary: &'a Path,
    /// Chain and key in one PEM file.
    pub certificate: &'a Path,
    /// The URL of a database, where there is one.
    pub database: Option<String>,
    /// The process whose children are the database's.
    pub postmaster: Option<u32>,
    /// `KEY=VALUE` that Waxwing is given beside its configuration.
    pub change: Option<&'static str>,
    /// Whether sessions will rest, so that memory counts and not time.
    pub resting: bool,
}

/// One that runs; dropped, it is killed.
pub struct Server {
    child: Child,
    kind: Kind,
    data: PathBuf,
    postmaster: Option<u32>,
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server whose data lie in `data`, or will.
    pub fn start(kind: Kind, setting: &Setting<'_>, data: &Path) -> Result<Server, Fault> {
        let address = free_address()?;
        let mut command = command::serve(kind, setting, data, address)?;
        let log = fs::File::options().create(true).append(true).open(data.join("output"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn()?;
        let postmaster = setting.postmaster.filter(|_| kind.postgres);
        let server = Server { child, kind, data: data.to_owned(), postmaster, address };
        server.wait_for_start()?;
        Ok(server)
    }

    /// Until it takes connections, and rests then: ejabberd is busy for two seconds first, which would count as work
    /// for those who come first.
    fn wait_for_start(&self) -> Result<(), Fault> {
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let gone = !Path::new(&format!("/proc/{}/exe", self.child.id())).exists();
            if gone || begun.elapsed() > START {
                return Err(Fault::new(format!("{} does not start:\n{}", self.kind, self.said())));
            }
            sleep(Duration::from_millis(50));
        }
        self.wait_for_rest()
    }

    /// Until it does next to nothing.
    pub fn wait_for_rest(&self) -> Result<(), Fault> {
        let (begun, mut used) = (Instant::now(), Duration::ZERO);
        while begun.elapsed() < START {
            let before = std::mem::replace(&mut used, process::cpu(self.child.id())?);
            if used - before < NEXT_TO_NOTHING {
                return Ok(());
            }
            sleep(REST);
        }
        Err(Fault::new(format!("{} does not rest:\n{}", self.kind, self.said())))
    }

    /// The processor time that it and its database have used, all their threads.
    pub fn cpu(&self) -> Result<Duration, Fault> {
        let database = self.postmaster.map(process::family_cpu).transpose()?;
        Ok(process::cpu(self.child.id())? + database.unwrap_or_default())
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory in KiB.
    pub fn resident(&self) -> Result<f64, Fault> {
        process::resident(self.child.id())
    }

    /// Where its data lie.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What it has printed.
    fn said(&self) -> String {
        fs::read_to_string(self.data.join("output")).unwrap_or_default()
    }

    /// Asks it to stop, and waits until it has. Gives what it has printed.
    pub fn stop(mut self) -> Result<String, Fault> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > STOP {
                return Err(Fault::new(format!("{} does not stop", self.kind)));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(self.said())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Free now; another process may take it before the server does, which then says so.
fn free_address() -> Result<SocketAddr, Fault> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

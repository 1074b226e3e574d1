//! A running server.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ExitStatus},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{Client, Database, ns, process, ready::Addresses, tls};

/// What every server of the scenes is told; a scene's own settings come behind and win.
const SETTINGS: &[&str] = &[
    "listen.c2s=127.0.0.1:0",
    "listen.c2s_tls=127.0.0.1:0",
    "listen.components=127.0.0.1:0",
    "sasl.iterations=4096",
    // All scenes come from one address.
    "limits.connections_per_address=100000",
    "limits.failed_logins_per_address=100000",
];

/// How long starting and stopping may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// For [`Server::later`].
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// Accounts made at a time: key derivation costs, so no more than are needed.
const BATCH: u32 = 16;

/// An account to log in with.
#[derive(Clone, Debug)]
pub struct Account {
    pub user: String,
    pub password: String,
    /// The bare JID.
    pub jid: String,
}

impl Account {
    /// One on the scenes' domain, there or not.
    pub fn named(user: &str, password: &str) -> Account {
        Account { user: user.to_owned(), password: password.to_owned(), jid: format!("{user}@localhost") }
    }
}

/// One `waxwing serve` on data of its own.
pub struct Server {
    folder: PathBuf,
    database: Database,
    policy: &'static str,
    /// The setting that chooses the database, if it needs one.
    storage: Option<String>,
    /// Of every command.
    arguments: Vec<OsString>,
    /// `serve` where it is asked to, and what it says there is in the ready file; else only what it prints.
    serve: bool,
    /// Says how much later it is for it than for others, where it has a time of day of its own.
    time: Option<PathBuf>,
    running: Mutex<Option<Running>>,
    accounts: Mutex<VecDeque<Account>>,
    made: AtomicU32,
}

struct Running {
    child: Child,
    addresses: Addresses,
}

impl Server {
    /// Starts a server on an empty database, with this `archive.policy` and `key=value` settings over the ones of all
    /// scenes, and waits until it serves.
    pub fn start(database: Database, policy: &'static str, settings: &[&str]) -> Server {
        let server = Server::not_yet(database, policy, settings);
        server.resume();
        server
    }

    fn not_yet(database: Database, policy: &'static str, settings: &[&str]) -> Server {
        let mut server = Server::stopped_in_a_folder(database, policy);
        let mut arguments: Vec<OsString> = vec!["--data".into(), server.data().into()];
        let archive = format!("archive.policy={policy}");
        let common = SETTINGS.iter().copied().chain([archive.as_str()]).chain(server.storage.as_deref());
        for setting in common.chain(settings.iter().copied()) {
            arguments.extend(["--set".into(), setting.into()]);
        }
        server.arguments = arguments;
        server
    }

    /// Another server of the same archive policy, for a scene that needs it for itself.
    pub fn fresh(&self, settings: &[&str]) -> Server {
        Server::start(self.database, self.policy, settings)
    }

    /// The same, with a time of day of its own: see [`Server::later`].
    pub fn fresh_in_time(&self, settings: &[&str]) -> Server {
        let mut server = Server::not_yet(self.database, self.policy, settings);
        server.time = Some(server.folder.join("time"));
        server.later(Duration::ZERO);
        server.resume();
        server
    }

    /// Makes it so much later than it is for a server of [`Server::fresh_in_time`] and for its commands.
    pub fn later(&self, later: Duration) {
        let millis = i64::try_from(later.as_millis()).expect("less than an age");
        fs::write(self.time.as_ref().expect("a time of its own"), millis.to_le_bytes()).expect("the time");
        // It looks at the clock once a second at least, and counts on in between.
        thread::sleep(Duration::from_millis(if self.running().is_some() { 1100 } else { 0 }));
    }

    /// Another server, which is run without a word: all that it is told stands in this `waxwing.toml` in its working
    /// directory, and where its database is on Postgres.
    pub fn without_a_word(&self, file: &str) -> Server {
        let mut server = Server::stopped_in_a_folder(self.database, self.policy);
        let storage = server.storage.as_ref().and_then(|setting| setting.split_once('='));
        let storage = storage.map(|(key, url)| format!("{key} = {url:?}\n")).unwrap_or_default();
        fs::write(server.folder.join("waxwing.toml"), storage + file).expect("the configuration");
        server.serve = false;
        server.resume();
        server
    }

    fn stopped_in_a_folder(database: Database, policy: &'static str) -> Server {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{database:?}-{}", COUNT.fetch_add(1, Ordering::Relaxed)).to_lowercase();
        Server {
            folder: process::folder(&name),
            database,
            policy,
            storage: database.setting(),
            arguments: Vec::new(),
            serve: true,
            time: None,
            running: Mutex::new(None),
            accounts: Mutex::default(),
            made: AtomicU32::new(0),
        }
    }

    /// Starts the process on the data that is there. Port numbers change.
    pub fn resume(&self) {
        let ready = self.folder.join("ready.json");
        let _ = fs::remove_file(&ready);
        let mut arguments = self.arguments.clone();
        if self.serve {
            arguments.extend(["serve".into(), "--ready-file".into(), ready.clone().into()]);
        }
        let logged = self.log().len();
        let mut child = process::spawn(arguments, &self.folder, &self.log_file(), self.time.as_deref());
        let begun = Instant::now();
        let addresses = loop {
            let said = match self.serve {
                true => Addresses::in_file(&ready),
                false => Addresses::in_greeting(&self.log()[logged..]),
            };
            if let Some(addresses) = said {
                break addresses;
            }
            if let Some(status) = child.try_wait().expect("the server's status") {
                panic!("the server ended with {status}\n{}", self.log_tail());
            }
            if begun.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("the server does not get ready\n{}", self.log_tail());
            }
            thread::sleep(Duration::from_millis(10));
        };
        *self.running() = Some(Running { child, addresses });
    }

    /// SIGKILL: as a crash.
    pub fn kill(&self) {
        let mut running = self.running().take().expect("a running server");
        running.child.kill().expect("kill");
        running.child.wait().expect("the server's end");
    }

    /// SIGTERM without waiting for the end.
    pub fn terminate(&self) {
        process::terminate(&self.running().as_ref().expect("a running server").child);
    }

    /// SIGHUP.
    pub fn reload(&self) {
        process::signal(&self.running().as_ref().expect("a running server").child, "HUP");
    }

    /// Waits for the end after [`Server::terminate`].
    pub fn stopped(&self) -> ExitStatus {
        let mut running = self.running().take().expect("a running server");
        let begun = Instant::now();
        loop {
            if let Some(status) = running.child.try_wait().expect("the server's status") {
                return status;
            }
            if begun.elapsed() > PATIENCE {
                let _ = running.child.kill();
                panic!("the server does not stop\n{}", self.log_tail());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops as an operator does and starts again on the same data.
    pub fn restart(&self) {
        self.terminate();
        let status = self.stopped();
        assert!(status.success(), "the server ended with {status}\n{}", self.log_tail());
        self.resume();
    }

    /// An account that no other scene has.
    pub fn account(&self) -> Account {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.is_empty() {
            let first = self.made.fetch_add(BATCH, Ordering::Relaxed);
            accounts.extend((first..first + BATCH).map(|number| Account {
                user: format!("user{number}"),
                password: format!("secret{number}"),
                jid: format!("user{number}@{}", self.domain()),
            }));
            self.import(accounts.iter());
        }
        accounts.pop_front().expect("the batch just made")
    }

    fn import<'a>(&self, accounts: impl Iterator<Item = &'a Account>) {
        let file = self.folder.join("import");
        let lines: String = accounts.map(|it| format!("{} {}\n", it.jid, it.password)).collect();
        fs::write(&file, lines).expect("the list of accounts");
        self.succeeds(&["user", "import", file.to_str().expect("a UTF-8 path")], "");
    }

    /// An account with one resource online.
    pub async fn user(&self) -> Client {
        self.online(&self.account(), "one").await
    }

    /// Two accounts that know nothing of each other, each with one resource online.
    pub async fn pair(&self) -> (Client, Client) {
        (self.user().await, self.user().await)
    }

    /// A session without presence.
    pub async fn login(&self, account: &Account, resource: &str) -> Client {
        Client::login(self, account, resource).await
    }

    /// A session that is available with priority 0; what it is sent at login is dropped.
    pub async fn online(&self, account: &Account, resource: &str) -> Client {
        self.online_at(account, resource, 0).await
    }

    /// A session that has asked for its roster, as clients do before they become available (RFC 6121 §2.2),
    /// and has this priority; what it is sent at login is dropped.
    pub async fn online_at(&self, account: &Account, resource: &str, priority: i8) -> Client {
        let mut client = self.login(account, resource).await;
        client.request("get", None, &format!("<query xmlns='{}'/>", ns::ROSTER)).await;
        client.available(priority).await;
        client.drain().await;
        client
    }

    pub fn database(&self) -> Database {
        self.database
    }

    /// The domain of all scenes.
    pub fn domain(&self) -> &str {
        "localhost"
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join(if self.serve { "data" } else { "waxwing-data" })
    }

    /// The working directory.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What every command is told.
    pub(crate) fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    pub(crate) fn time(&self) -> Option<&Path> {
        self.time.as_deref()
    }

    pub(crate) fn storage(&self) -> Option<&str> {
        self.storage.as_deref().and_then(|setting| setting.strip_prefix("storage="))
    }

    pub fn c2s(&self) -> SocketAddr {
        self.all_c2s()[0]
    }

    /// All addresses for STARTTLS.
    pub fn all_c2s(&self) -> Vec<SocketAddr> {
        self.running().as_ref().expect("a running server").addresses.c2s.clone()
    }

    pub fn c2s_tls(&self) -> SocketAddr {
        self.running().as_ref().expect("a running server").addresses.c2s_tls[0]
    }

    /// Where components connect, if the scene's settings name one.
    pub fn components(&self) -> SocketAddr {
        let running = self.running();
        let components = &running.as_ref().expect("a running server").addresses.components;
        *components.first().expect("a component in the settings")
    }

    pub fn pid(&self) -> u32 {
        self.running().as_ref().expect("a running server").child.id()
    }

    /// Trust in this server's CA.
    pub fn trust(&self) -> Arc<rustls::ClientConfig> {
        tls::trust(&self.data().join("tls/ca.pem"))
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Waits until it has logged this.
    pub async fn logged(&self, line: &str) {
        while !self.log().contains(line) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.len().saturating_sub(60);
        format!("--- end of {}\n{}", self.log_file().display(), lines[tail..].join("\n"))
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }

    // A scene that panicked while holding it leaves nothing half done.
    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut running) = self.running().take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

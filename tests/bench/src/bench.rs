//! What all scenarios share: servers with accounts, and whom to trust.

use std::collections::HashMap;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use pgtest::Cluster;
use rustls::CipherSuite;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;
use tokio::task::JoinSet;
use waxwing_net::tls::{Tls, TlsSetup};
use waxwing_store::{Store, StoreError};

use crate::client::Target;
use crate::options::{Options, Scale};
use crate::server::{self, Accounts, Kind, Product, Server, Setting};
use crate::{DOMAIN, Fault, process};

/// See the module.
pub struct Bench {
    pub scale: Scale,
    binary: PathBuf,
    folder: TempDir,
    certificate: PathBuf,
    tls: Arc<rustls::ClientConfig>,
    cluster: Option<Cluster>,
    /// Accounts of which each start takes a copy.
    templates: HashMap<(Product, Accounts), PathBuf>,
    /// The URL of a database of ours with accounts.
    template_database: Option<String>,
    starts: usize,
}

/// An open database, without a server.
pub struct Database {
    pub name: &'static str,
    pub store: Arc<dyn Store>,
    pub place: Place,
}

/// Where a database is: its file or its URL.
pub enum Place {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Bench {
    pub fn new(options: &Options) -> Result<Bench, Fault> {
        for binary in [Some(&options.binary), options.against.as_ref()].into_iter().flatten() {
            if !binary.exists() {
                return Err(Fault::new(format!("{} is not there: build it first", binary.display())));
            }
        }
        // Beside what cargo builds, on a disk: a temporary folder may be memory.
        let target = options.binary.parent().and_then(Path::parent).unwrap_or(Path::new("."));
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(target)?;
        let tls = folder.path().join("tls");
        Tls::load(TlsSetup {
            hosts: vec![DOMAIN.to_owned()],
            folder: tls.clone(),
            files: None,
            by_host: Default::default(),
            alpn: Vec::new(),
        })?;
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(tls.join("ca.pem"))? {
            roots.add(certificate?)?;
        }
        let mut provider = rustls::crypto::ring::default_provider();
        // As telephones and browsers want it. All servers take what the client names first.
        provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // Every login shakes hands in full.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Bench {
            scale: options.scale,
            binary: options.binary.clone(),
            certificate: tls.join("server.pem"),
            folder,
            tls: Arc::new(config),
            cluster: None,
            templates: HashMap::new(),
            template_database: None,
            starts: 0,
        })
    }

    /// Where servers keep their data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// From now on this is our server; returns the one before.
    pub fn serve_with(&mut self, binary: &Path) -> PathBuf {
        std::mem::replace(&mut self.binary, binary.to_owned())
    }

    /// The servers to compare, ours first; peers that are not installed are left out.
    pub fn kinds(&self, ours: &[Kind]) -> Vec<Kind> {
        let peers = Kind::peers().filter(|_| self.scale.peers);
        ours.iter().copied().chain(peers).collect()
    }

    /// Starts a server that has the accounts from 0 on.
    pub async fn start(&mut self, kind: Kind) -> Result<(Server, Target), Fault> {
        self.start_with(kind, None).await
    }

    /// As [`start`](Self::start), with one key of Waxwing's configuration changed.
    pub async fn start_with(
        &mut self,
        kind: Kind,
        change: Option<&'static str>,
    ) -> Result<(Server, Target), Fault> {
        let data = self.data(kind)?;
        let database = if kind.postgres { Some(self.database(kind).await?) } else { None };
        if kind.product != Product::Waxwing || !kind.postgres {
            let accounts = Accounts { count: self.scale.accounts(), friends: 0 };
            self.copy_template(kind, accounts, &data).await?;
        }
        let setting = Setting { change, ..self.setting(database) };
        let server = Server::start(kind, &setting, &data)?;
        let target = self.target(&server);
        Ok((server, target))
    }

    /// Starts a server with accounts for many sessions, which will rest.
    pub async fn start_for_many(&mut self, kind: Kind) -> Result<(Server, Target), Fault> {
        let accounts = Accounts { count: self.scale.many_accounts(), friends: 0 };
        let data = self.data(kind)?;
        self.copy_template(kind, accounts, &data).await?;
        self.start_in(kind, &data, true)
    }

    /// Starts a peer of which the first `friends` accounts have each other as contacts.
    pub async fn start_among_friends(
        &mut self,
        kind: Kind,
        friends: usize,
    ) -> Result<(Server, Target), Fault> {
        let accounts = Accounts { count: friends + self.scale.warm(), friends };
        let data = self.data(kind)?;
        self.copy_template(kind, accounts, &data).await?;
        self.start_in(kind, &data, false)
    }

    /// Starts a server without a database on a copy of another's data.
    pub fn start_on(&mut self, kind: Kind, original: &Path) -> Result<(Server, Target), Fault> {
        let data = self.data(kind)?;
        copy(original, &data)?;
        self.start_in(kind, &data, false)
    }

    fn start_in(&self, kind: Kind, data: &Path, resting: bool) -> Result<(Server, Target), Fault> {
        let server = Server::start(kind, &Setting { resting, ..self.setting(None) }, data)?;
        let target = self.target(&server);
        Ok((server, target))
    }

    /// A database for a server: with the accounts for ours, which keeps everything there, and with empty tables for a
    /// peer's archive.
    async fn database(&mut self, kind: Kind) -> Result<String, Fault> {
        let cluster = cluster(&mut self.cluster);
        if kind.product == Product::Waxwing {
            if let Some(template) = &self.template_database {
                return Ok(cluster.copy_of(template).await);
            }
            let template = cluster.fresh_database().await;
            let store = waxwing_store_postgres::open(&template).await.map_err(|error| Fault::new(error.0))?;
            server::ours(store, self.scale.accounts()).await?;
            self.template_database = Some(template);
            return Box::pin(self.database(kind)).await;
        }
        let url = cluster.fresh_database().await;
        if kind.product == Product::Ejabberd {
            let tables = fs::read_to_string("/usr/share/ejabberd/sql/pg.sql")?;
            cluster.execute_in(&url, &tables).await;
        }
        Ok(url)
    }

    /// Empty databases without a server.
    pub async fn databases(&mut self) -> Result<[Database; 2], Fault> {
        let said = |error: StoreError| Fault::new(error.0);
        self.starts += 1;
        let path = self.folder.path().join(format!("store-{}", self.starts));
        let sqlite = waxwing_store_sqlite::open(&path).await.map_err(said)?;
        let url = cluster(&mut self.cluster).fresh_database().await;
        let postgres = waxwing_store_postgres::open(&url).await.map_err(said)?;
        Ok([
            Database { name: "SQLite", store: sqlite, place: Place::Sqlite(path) },
            Database { name: "Postgres", store: postgres, place: Place::Postgres(url) },
        ])
    }

    /// Runs SQL in a database of Postgres.
    pub async fn execute(&self, url: &str, sql: &str) {
        if let Some(cluster) = &self.cluster {
            cluster.execute_in(url, sql).await;
        }
    }

    /// The processor time that Postgres has used, all its processes; none that runs elsewhere.
    pub fn database_cpu(&self) -> Result<Duration, Fault> {
        let postmaster = self.cluster.as_ref().and_then(Cluster::postmaster);
        Ok(postmaster.map(process::family_cpu).transpose()?.unwrap_or_default())
    }

    /// Copies accounts to `data`, which are made when they are needed first.
    async fn copy_template(&mut self, kind: Kind, accounts: Accounts, data: &Path) -> Result<(), Fault> {
        let of = (kind.product, accounts);
        if !self.templates.contains_key(&of) {
            let plain = Kind { postgres: false, archive: false, ..kind };
            let template = self.data(plain)?;
            server::make(plain, &self.setting(None), &template, accounts).await?;
            self.templates.insert(of, template);
        }
        copy(&self.templates[&of], data)
    }

    fn data(&mut self, kind: Kind) -> Result<PathBuf, Fault> {
        self.starts += 1;
        let data = self.folder.path().join(format!("{:?}-{}", kind.product, self.starts));
        fs::create_dir(&data)?;
        Ok(data)
    }

    fn setting(&self, database: Option<String>) -> Setting<'_> {
        let postmaster = self.cluster.as_ref().and_then(Cluster::postmaster);
        let (binary, certificate) = (&self.binary, &self.certificate);
        Setting { binary, certificate, database, postmaster, change: None, resting: false }
    }

    fn target(&self, server: &Server) -> Target {
        Target::new(server.address, self.tls.clone())
    }
}

/// The Postgres of this run, started by whoever asks first.
fn cluster(place: &mut Option<Cluster>) -> &Cluster {
    place.get_or_insert_with(|| {
        let cluster = Cluster::start();
        if cluster.postmaster().is_none() {
            println!("  Postgres runs elsewhere: its processor time is not counted");
        }
        cluster
    })
}

fn copy(from: &Path, to: &Path) -> Result<(), Fault> {
    match Command::new("cp").arg("-rT").arg(from).arg(to).status()?.success() {
        true => Ok(()),
        false => Err(Fault::new("the accounts could not be copied")),
    }
}

/// Does `job` for the numbers below `count`, `at_once` at a time; the results in the order of the numbers.
pub async fn many<T, F>(
    count: usize,
    at_once: usize,
    job: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
) -> Result<Vec<T>, Fault>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Fault>> + Send,
{
    let mut tasks = JoinSet::new();
    for first in 0..at_once.min(count) {
        let job = job.clone();
        tasks.spawn(async move {
            let mut results = Vec::new();
            for number in (first..count).step_by(at_once) {
                results.push((number, job(number).await?));
            }
            Ok::<_, Fault>(results)
        });
    }
    let mut results = Vec::with_capacity(count);
    while let Some(ended) = tasks.join_next().await {
        results.append(&mut ended??);
    }
    results.sort_unstable_by_key(|(number, _)| *number);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

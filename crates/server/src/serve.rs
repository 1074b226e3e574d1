//! `waxwing serve`: everything put together, from start to stop.

mod clients;
mod components;
mod core;
mod first_account;
mod listen;
mod online;
mod turn_away;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use waxwing_admin::{AdminServer, Operator};
use waxwing_c2s::Clients;
use waxwing_component::Components;
use waxwing_config::{Config, Loaded};
use waxwing_net::tls::{Files, Tls, TlsSetup};
use waxwing_net::{Gate, raise_file_limit};

use crate::{check_certificates, logging, print, ready, runtime, storage};
use listen::Listeners;

/// Serves until SIGTERM or SIGINT.
pub fn serve(loaded: Loaded, ready_file: Option<PathBuf>) -> Result<(), String> {
    logging::start(&loaded.config.log)?;
    runtime()?.block_on(run(loaded.config, ready_file))
}

async fn run(config: Config, ready_file: Option<PathBuf>) -> Result<(), String> {
    let mut signals = Signals::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
    if let Err(error) = raise_file_limit() {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    // Before anything is made on disk: what is the likeliest to be wrong.
    let listeners = Listeners::bind(&config)?;
    check_certificates(&config)?;
    let store = storage::begin(&config).await?;
    let tls = Tls::load(tls_setup(&config)).map_err(|error| error.to_string())?;
    let (core, secrets) = core::make(&config, store).await?;
    let operator: Arc<dyn Operator> = Arc::new(online::Online::new(core.clone()));
    let admin =
        AdminServer::start(&storage::admin_socket(&config), operator.clone()).map_err(|error| error.0)?;
    let first = first_account::make(&config, &*operator).await?;

    let gate = Gate::new(config.limits.connections, config.limits.connections_per_address);
    let addresses = listeners.addresses();
    let settings = clients::settings(&config)?;
    let decoy = waxwing_sasl::Decoy::new(secrets.decoy, config.sasl.iterations);
    let secret = waxwing_sasl::DeviceSecret::new(storage::device_secret(&config.data)?);
    let clients = Clients::new(core.clone(), settings, tls.clone(), decoy, secret);
    let components = Components::new(core.clone(), components::settings(&config));
    let serving = listeners.serve(gate, config.domain().as_str(), &clients, &components);
    let expiry = core::start_expiry(core.clone(), &config);
    let watching = tls.clone().watch();
    greet(&config, &addresses, &tls, first.as_ref())?;
    if let Some(file) = &ready_file {
        ready::write(file, &addresses)?;
    }
    signals.stop(&tls).await;

    tracing::info!("stopping");
    drop(serving);
    watching.abort();
    expiry.abort();
    drop(admin);
    components.shutdown().await;
    clients.shutdown().await;
    core::stop(&core).await;
    Ok(())
}

fn tls_setup(config: &Config) -> TlsSetup {
    let hosts = config.hosts.iter().map(|host| host.as_str().to_owned()).collect();
    let common = config.tls.certificate.clone().zip(config.tls.key.clone());
    let by_host = config.tls.hosts.iter().map(|(host, files)| {
        (host.as_str().to_owned(), Files { certificate: files.certificate.clone(), key: files.key.clone() })
    });
    TlsSetup {
        hosts,
        folder: config.data.join("tls"),
        files: common.map(|(certificate, key)| Files { certificate, key }),
        by_host: by_host.collect(),
        // XEP-0368 §3.
        alpn: vec![b"xmpp-client".to_vec()],
    }
}

/// What the operator needs to know and what to type next.
fn greet(
    config: &Config,
    addresses: &listen::Addresses,
    tls: &Tls,
    first: Option<&first_account::FirstAccount>,
) -> Result<(), String> {
    let hosts: Vec<&str> = config.hosts.iter().map(|host| host.as_str()).collect();
    let mut text = format!("Waxwing serves {}\n", hosts.join(", "));
    for (key, addresses) in addresses {
        for address in addresses {
            text.push_str(&format!("  {key:<17} {address}\n"));
        }
    }
    if let Some(ca) = tls.own_ca() {
        text.push_str(&format!("  {:<17} {}\n", "CA to trust", ca.display()));
    }
    let user = match first {
        Some(first) => {
            text.push_str(&format!(
                "\nFirst account, an admin. Its password is shown only now:\n  {}\n  {}\n",
                first.jid, first.password
            ));
            first.jid.to_string()
        }
        None => format!("you@{}", config.domain()),
    };
    let port = addresses.get("listen.c2s").and_then(|bound| bound.first()).map_or(5222, SocketAddr::port);
    // A CA of our own is known to nobody yet.
    let trust = if tls.own_ca().is_some() { " tls trust" } else { "" };
    text.push_str(&format!(
        "\nNext, in a client such as profanity:\n  /connect {user} port {port}{trust}\nMore accounts:\n  {} user add someone@{}\n",
        same_program(),
        config.domain()
    ));
    print(&text)
}

/// This program as it was called, with what every command must be told alike.
fn same_program() -> String {
    let arguments: Vec<String> = std::env::args().collect();
    let mut words = vec![arguments.first().map_or("waxwing", String::as_str)];
    for (at, word) in arguments.iter().enumerate() {
        if word == "--config" || word == "--data" {
            words.extend([word.as_str(), arguments.get(at + 1).map_or("", String::as_str)]);
        } else if word.starts_with("--config=") || word.starts_with("--data=") {
            words.push(word);
        }
    }
    words.join(" ")
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the signal to stop; reloads certificates on SIGHUP meanwhile.
    async fn stop(&mut self, tls: &Arc<Tls>) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {
                    let tls = tls.clone();
                    match tokio::task::spawn_blocking(move || tls.reload()).await {
                        Ok(Ok(())) => tracing::info!("certificates reloaded"),
                        Ok(Err(error)) => tracing::error!(%error, "certificates not reloaded, the old ones stay"),
                        Err(error) => tracing::error!(%error, "certificates not reloaded, the old ones stay"),
                    }
                }
            }
        }
    }
}

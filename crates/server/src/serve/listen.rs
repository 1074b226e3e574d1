//! The listeners and their accept loops.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;
use waxwing_c2s::Clients;
use waxwing_config::Listen;
use waxwing_net::{Gate, Listener};

/// The addresses really bound, by key.
pub type Addresses = BTreeMap<&'static str, Vec<SocketAddr>>;

/// Listeners that are bound and do not accept yet.
pub struct Listeners {
    starttls: Vec<Listener>,
    direct: Vec<Listener>,
}

impl Listeners {
    pub fn bind(listen: &Listen) -> Result<Self, String> {
        let bind = |key: &str, addresses: &[SocketAddr]| {
            let bound = addresses.iter().map(|address| Listener::bind(*address));
            bound.collect::<Result<Vec<_>, _>>().map_err(|error| format!("{key}: {error}"))
        };
        Ok(Self {
            starttls: bind("listen.c2s", &listen.c2s)?,
            direct: bind("listen.c2s_tls", &listen.c2s_tls)?,
        })
    }

    pub fn addresses(&self) -> Addresses {
        let of = |listeners: &[Listener]| listeners.iter().map(Listener::local_addr).collect();
        [("listen.c2s", of(&self.starttls)), ("listen.c2s_tls", of(&self.direct))].into()
    }

    /// Accepts until the returned set is dropped.
    pub fn serve(self, gate: Arc<Gate>, clients: Arc<Clients>) -> JoinSet<()> {
        let mut loops = JoinSet::new();
        for (listeners, direct) in [(self.starttls, false), (self.direct, true)] {
            for listener in listeners {
                loops.spawn(accept(listener, direct, gate.clone(), clients.clone()));
            }
        }
        loops
    }
}

async fn accept(listener: Listener, direct: bool, gate: Arc<Gate>, clients: Arc<Clients>) {
    loop {
        let (stream, peer) = listener.accept().await;
        let pass = match gate.enter(peer.ip()) {
            Ok(pass) => pass,
            Err(refused) => {
                tracing::info!(%peer, ?refused, "connection refused");
                continue;
            }
        };
        let clients = clients.clone();
        tokio::spawn(async move {
            let _pass = pass;
            clients.serve(stream, peer, direct).await;
        });
    }
}

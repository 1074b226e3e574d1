//! The listeners and their accept loops.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use waxwing_c2s::Clients;
use waxwing_component::Components;
use waxwing_config::Config;
use waxwing_net::{Gate, Listener, Pass};
use waxwing_xml::Content;

use super::turn_away::TurnAway;

/// The addresses really bound, by key.
pub type Addresses = BTreeMap<&'static str, Vec<SocketAddr>>;

/// Listeners that are bound and do not accept yet.
pub struct Listeners {
    starttls: Vec<Listener>,
    direct: Vec<Listener>,
    components: Vec<Listener>,
}

impl Listeners {
    pub fn bind(config: &Config) -> Result<Self, String> {
        let listen = &config.listen;
        let bind = |key: &str, addresses: &[SocketAddr]| {
            let bound = addresses.iter().map(|address| Listener::bind(*address));
            bound.collect::<Result<Vec<_>, _>>().map_err(|error| format!("{key}: {error}"))
        };
        let components =
            if config.components.secrets.is_empty() { &[][..] } else { listen.components.as_slice() };
        Ok(Self {
            starttls: bind("listen.c2s", &listen.c2s)?,
            direct: bind("listen.c2s_tls", &listen.c2s_tls)?,
            components: bind("listen.components", components)?,
        })
    }

    pub fn addresses(&self) -> Addresses {
        let of = |listeners: &[Listener]| listeners.iter().map(Listener::local_addr).collect();
        let mut addresses: Addresses =
            [("listen.c2s", of(&self.starttls)), ("listen.c2s_tls", of(&self.direct))].into();
        if !self.components.is_empty() {
            addresses.insert("listen.components", of(&self.components));
        }
        addresses
    }

    /// Accepts until the returned set is dropped. `domain` is what clients are told by that are too many.
    pub fn serve(
        self,
        gate: Arc<Gate>,
        domain: &str,
        clients: &Arc<Clients>,
        components: &Arc<Components>,
    ) -> JoinSet<()> {
        let mut loops = JoinSet::new();
        let too_many = Arc::new(TurnAway::new(Content::Client, domain));
        for (listeners, direct) in [(self.starttls, false), (self.direct, true)] {
            for listener in listeners {
                let clients = clients.clone();
                // Under TLS it would have to be a handshake that is done for who is turned away.
                let too_many = (!direct).then(|| too_many.clone());
                loops.spawn(accept(listener, gate.clone(), too_many, move |stream, peer, pass| {
                    clients.serve(stream, peer, direct, pass);
                }));
            }
        }
        let too_many = Arc::new(TurnAway::new(Content::Component, ""));
        for listener in self.components {
            let components = components.clone();
            loops.spawn(accept(listener, gate.clone(), Some(too_many.clone()), move |stream, peer, pass| {
                components.serve(stream, peer, pass);
            }));
        }
        loops
    }
}

async fn accept(
    listener: Listener,
    gate: Arc<Gate>,
    too_many: Option<Arc<TurnAway>>,
    serve: impl Fn(TcpStream, SocketAddr, Pass),
) {
    loop {
        let (stream, peer) = listener.accept().await;
        match gate.enter(peer.ip()) {
            Ok(pass) => serve(stream, peer, pass),
            Err(refused) => {
                tracing::info!(%peer, ?refused, "connection refused");
                if let Some(too_many) = &too_many {
                    too_many.tell(stream);
                }
            }
        }
    }
}

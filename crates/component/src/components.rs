//! What all component streams share, and the life of one connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use waxwing_kernel::Core;
use waxwing_net::{Pass, Throttle};

use crate::login;
use crate::session::Connection;
use crate::settings::Settings;

/// How long streams have to end when the server stops.
const STOPPING: Duration = Duration::from_secs(5);

/// Serves the programs behind the components.
pub struct Components {
    pub(crate) core: Arc<Core>,
    pub(crate) settings: Settings,
    pub(crate) throttle: Throttle,
    /// Whoever serves a connection holds a receiver.
    pub(crate) stopping: watch::Sender<bool>,
}

impl Components {
    pub fn new(core: Arc<Core>, settings: Settings) -> Arc<Components> {
        let throttle = Throttle::new(settings.failed_logins);
        Arc::new(Components { core, settings, throttle, stopping: watch::Sender::new(false) })
    }

    /// Serves one connection from its first byte to its last, in a task of its own. `pass` is given back at its end.
    pub fn serve(self: &Arc<Self>, socket: TcpStream, peer: SocketAddr, pass: Pass) {
        let components = self.clone();
        tokio::spawn(async move {
            let _pass = pass;
            components.connection(socket, peer).await;
        });
    }

    async fn connection(self: Arc<Self>, socket: TcpStream, peer: SocketAddr) {
        if let Some(ready) = login::login(&self, socket, peer).await {
            Connection::new(self, ready).serve().await;
        }
    }

    /// Closes every stream with `<system-shutdown/>` and waits until they have ended; at most five seconds.
    /// Connections that come afterwards are turned away.
    pub async fn shutdown(&self) {
        self.stopping.send_replace(true);
        if timeout(STOPPING, self.stopping.closed()).await.is_err() {
            tracing::warn!("some components' streams did not end in time");
        }
    }
}

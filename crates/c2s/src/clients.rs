//! What all client streams share, and the life of one connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use waxwing_kernel::{Closing, Core, Session};
use waxwing_net::tls::Tls;
use waxwing_net::{Pass, Quota, Throttle};
use waxwing_sasl::{Decoy, DeviceSecret};

use crate::hibernation::Hibernation;
use crate::leases::Leases;
use crate::session::Connection;
use crate::settings::Settings;
use crate::work::Work;
use crate::{held, login};

/// How long the database and the streams have each when the server stops.
const STOPPING: Duration = Duration::from_secs(10);

/// The server stops: nothing is left to resume.
const SHUTDOWN: Closing =
    Closing { condition: "system-shutdown", text: "the server stops", resumable: false };

/// Serves the clients of all hosts.
pub struct Clients {
    pub(crate) core: Arc<Core>,
    pub(crate) settings: Settings,
    pub(crate) tls: Arc<Tls>,
    pub(crate) decoy: Decoy,
    pub(crate) secret: DeviceSecret,
    pub(crate) throttle: Throttle,
    pub(crate) registrations: Quota,
    pub(crate) work: Work,
    pub(crate) leases: Leases,
    pub(crate) hibernation: Hibernation,
    stopping: watch::Sender<bool>,
    running: Mutex<Running>,
}

/// Everything that must end before the server does holds a clone of the sender.
struct Running {
    sender: Option<mpsc::Sender<()>>,
    receiver: Option<mpsc::Receiver<()>>,
}

impl Clients {
    /// `decoy` answers for accounts that do not exist, from `secret` comes what devices get. To be called within a
    /// runtime.
    pub fn new(
        core: Arc<Core>,
        settings: Settings,
        tls: Arc<Tls>,
        decoy: Decoy,
        secret: DeviceSecret,
    ) -> Arc<Clients> {
        let (sender, receiver) = mpsc::channel(1);
        let clients = Arc::new(Clients {
            throttle: Throttle::new(settings.failed_logins),
            registrations: Quota::new(settings.registrations_per_hour, Duration::from_secs(3600)),
            work: Work::new(),
            leases: Leases::default(),
            hibernation: Hibernation::new(
                settings.hibernated,
                settings.hibernated_per_account,
                settings.hibernated_bytes,
            ),
            stopping: watch::Sender::new(false),
            running: Mutex::new(Running { sender: Some(sender), receiver: Some(receiver) }),
            core,
            settings,
            tls,
            decoy,
            secret,
        });
        Hibernation::start_sweeping(&clients);
        clients
    }

    /// Serves one connection from its first byte to its last, in a task of its own; `direct_tls`: it begins with TLS
    /// (XEP-0368). A panic in it ends its session and nothing else. `pass` is given back at its end.
    ///
    /// Spawned here and not by the caller, because a future is compiled, and optimised, where it is spawned.
    pub fn serve(self: &Arc<Self>, socket: TcpStream, peer: SocketAddr, direct_tls: bool, pass: Pass) {
        let clients = self.clone();
        tokio::spawn(async move {
            let _pass = pass;
            clients.connection(socket, peer, direct_tls).await;
        });
    }

    async fn connection(self: Arc<Self>, socket: TcpStream, peer: SocketAddr, direct_tls: bool) {
        let _running = self.running();
        // A future of its own, freed before the session begins: login needs more memory than a session.
        let login = Box::pin(login::login(self, socket, peer, direct_tls));
        if let Some(ready) = login.await {
            Connection::new(ready).serve().await;
        }
    }

    /// Closes every stream with `<system-shutdown/>` once everything accepted so far is durable, and waits until
    /// the streams have ended; at most ten seconds for each of the two. Connections that come afterwards are turned away.
    pub async fn shutdown(&self) {
        self.stopping.send_replace(true);
        let accounts = self.core.directory.all();
        for account in &accounts {
            account.commit_all();
        }
        if timeout(STOPPING, self.core.writer.flush()).await.is_err() {
            tracing::warn!("the database does not answer: streams end without the last acknowledgements");
        }
        for account in &accounts {
            let sessions: Vec<Arc<Session>> =
                account.resources(|all| all.iter().map(|resource| resource.session.clone()).collect());
            for session in sessions {
                session.close(SHUTDOWN);
            }
        }
        let receiver = {
            let mut running = self.running.lock();
            running.sender = None;
            running.receiver.take()
        };
        if let Some(mut receiver) = receiver
            && timeout(STOPPING, receiver.recv()).await.is_err()
        {
            tracing::warn!("some streams did not end in time");
        }
    }

    /// A session begun while the server stops is closed like the others.
    pub(crate) fn close_if_stopping(&self, held: &held::Held) {
        if *self.stopping.borrow() {
            held.session().close(SHUTDOWN);
        }
    }

    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    pub(crate) fn running(&self) -> Option<mpsc::Sender<()>> {
        self.running.lock().sender.clone()
    }
}

//! TLS as a server: certificates by name, reloaded when their files change.

mod bindings;
mod certified;
mod own;
mod provider;
mod state;
mod stream;
mod watch;
mod witness;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tokio::io::{AsyncRead, AsyncWrite};

pub use bindings::Bindings;
pub use certified::Certified;
use state::State;
pub use stream::TlsStream;
use witness::Witness;

use crate::NetError;

/// PEM files of a chain and its key.
#[derive(Debug, Clone)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What [`Tls::load`] needs.
#[derive(Debug, Clone)]
pub struct TlsSetup {
    /// The domains (Unicode or ASCII) and addresses served; the first is answered with when a client names none.
    pub hosts: Vec<String>,
    /// Where certificates that we make ourselves are kept.
    pub folder: PathBuf,
    /// The files for hosts without any of their own; `None`: made by ourselves.
    pub files: Option<Files>,
    /// The files of single hosts.
    pub by_host: BTreeMap<String, Files>,
    /// What [`Alpn::Offered`] offers.
    pub alpn: Vec<Vec<u8>>,
}

/// Whether application protocols are negotiated (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// Not at all.
    None,
    /// A client that offers any must offer one of [`TlsSetup::alpn`]; one that offers none is taken.
    Offered,
}

/// The certificates in force.
#[derive(Debug)]
pub struct Tls {
    setup: TlsSetup,
    state: RwLock<Arc<State>>,
    /// Held while loading, so that two loads never make two leaves.
    loading: Mutex<()>,
}

/// Makes TLS connections with the certificates that were in force when it was made.
#[derive(Debug, Clone)]
pub struct Acceptor {
    state: Arc<State>,
    alpn: Alpn,
}

impl Tls {
    /// Loads the certificates; makes a CA and a leaf where there are none.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub fn load(setup: TlsSetup) -> Result<Arc<Self>, NetError> {
        let state = State::load(&setup)?;
        Ok(Arc::new(Self { setup, state: RwLock::new(Arc::new(state)), loading: Mutex::new(()) }))
    }

    /// Loads everything anew, for connections from now on. Reads files: not for a task that must not block.
    ///
    /// # Errors
    /// As [`load`](Self::load); what was in force stays.
    pub fn reload(&self) -> Result<(), NetError> {
        let _alone = self.loading.lock();
        let state = State::load(&self.setup)?;
        *self.state.write() = Arc::new(state);
        Ok(())
    }

    /// An acceptor with the certificates now in force. Cheap; make one for each connection.
    pub fn acceptor(&self, alpn: Alpn) -> Acceptor {
        Acceptor { state: self.state.read().clone(), alpn }
    }

    /// The file of the CA that we made, `None` where all hosts have certificates from elsewhere.
    pub fn own_ca(&self) -> Option<PathBuf> {
        self.state.read().own_ca.clone()
    }

    /// The certificate presented to a client that names `host`, or names none.
    pub fn certified(&self, host: Option<&str>) -> Arc<Certified> {
        self.state.read().resolver.certified(host).clone()
    }
}

impl Acceptor {
    /// Shakes hands as the server.
    ///
    /// # Errors
    /// The handshake failed or the connection broke.
    pub async fn accept<S>(&self, io: S) -> std::io::Result<(TlsStream<S>, Bindings)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let witness = Arc::new(Witness::new(self.state.resolver.clone()));
        let stream = TlsStream::accept(io, self.state.config(self.alpn, &witness)).await?;
        let bindings = witness.bindings(stream.connection().negotiated_cipher_suite());
        Ok((stream, bindings))
    }
}

impl Files {
    /// Whether chain and key can be read and belong together.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub fn check(&self) -> Result<(), NetError> {
        Certified::read(&self.certificate, &self.key, &rustls::crypto::ring::default_provider()).map(|_| ())
    }
}

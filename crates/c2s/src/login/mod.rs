//! From the first byte to a session (RFC 6120 §4.3): TLS, SASL, then binding or resumption; or all of that in one
//! step (XEP-0388, XEP-0386).

mod bind;
mod exchange;
mod features;
mod register;
mod resume;
mod sasl;
mod sasl2;
mod starttls;

use std::net::SocketAddr;
use std::sync::Arc;

use jid::{DomainPart, Jid};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use waxwing_kernel::Host;
use waxwing_net::tls::{Alpn, Bindings};
use waxwing_stanza::{Condition, ns};
use waxwing_xml::{Element, Limits};

use crate::Clients;
use crate::error::{End, StreamError};
use crate::held::Held;
use crate::sm;
use crate::stream::{Frame, Stream, Turn, WRITE};

pub use self::sasl2::Request;

/// A stream with a session on it.
pub struct Ready {
    pub clients: Arc<Clients>,
    pub stream: Stream,
    pub held: Held,
    pub peer: SocketAddr,
}

/// A stream that is being negotiated.
struct Login {
    clients: Arc<Clients>,
    peer: SocketAddr,
    stream: Stream,
    /// Until when the client must be through.
    deadline: Instant,
    stopping: watch::Receiver<bool>,
}

/// Negotiates a stream. `None` where that came to nothing; the connection is closed then.
pub async fn login(
    clients: Arc<Clients>,
    socket: TcpStream,
    peer: SocketAddr,
    direct_tls: bool,
) -> Option<Ready> {
    let stream = Stream::new(socket, clients.settings.limits_before_auth);
    let deadline = Instant::now() + clients.settings.login_timeout;
    let stopping = clients.stopping();
    let mut login = Login { clients, peer, stream, deadline, stopping };
    match negotiate(&mut login, direct_tls).await {
        Ok(held) => {
            let Login { clients, peer, stream, .. } = login;
            Some(Ready { clients, stream, held, peer })
        }
        Err(end) => {
            login.close(end).await;
            None
        }
    }
}

async fn negotiate(login: &mut Login, direct_tls: bool) -> Result<Held, End> {
    let bindings =
        if direct_tls { login.encrypt(Alpn::Offered).await? } else { starttls::require(login).await? };
    sasl::authenticate(login, bindings).await
}

/// A stream that was opened.
struct Opened {
    host: Arc<Host>,
    /// Whom the client says to be, though nobody believes it yet.
    from: Option<Jid>,
}

impl Login {
    /// The next frame. Only here a login waits for its client, so only here it can be cut off.
    async fn frame(&mut self) -> Result<Frame, End> {
        loop {
            if let Some(frame) = self.stream.frame()? {
                return Ok(frame);
            }
            // Who does not read answers is asked no more questions.
            let read = self.stream.backlog() < WRITE;
            tokio::select! {
                turn = self.stream.turn(read) => match turn {
                    Ok(Turn::Read(_) | Turn::Flushed) => {}
                    Ok(Turn::Eof) | Err(_) => return Err(End::Lost),
                },
                () = sleep_until(self.deadline) => {
                    let text = "login took too long";
                    return Err(StreamError::new("connection-timeout").text(text).into());
                }
                _ = self.stopping.wait_for(|stopping| *stopping) => {
                    return Err(StreamError::new("system-shutdown").into());
                }
            }
        }
    }

    /// The next element of an open stream.
    async fn element(&mut self) -> Result<Element, End> {
        match self.frame().await? {
            Frame::Element(element) => Ok(element),
            Frame::End => Err(End::Closed),
            // The splitter gives a header at the start of a stream only.
            Frame::Header(_) => Err(StreamError::new("not-well-formed").into()),
        }
    }

    /// Takes the client's header and answers it with ours (RFC 6120 §4.7); the host is the one it names.
    /// `known`: where it has authenticated already, so that no other will do.
    async fn open(&mut self, known: Option<&Arc<Host>>) -> Result<Opened, End> {
        let header = match self.frame().await? {
            Frame::Header(header) => header,
            Frame::End => return Err(End::Closed),
            Frame::Element(_) => return Err(StreamError::new("not-well-formed").into()),
        };
        let domain = header.to.as_deref().and_then(|to| DomainPart::new(to).ok());
        let host = domain.and_then(|domain| self.clients.core.host(domain.as_str()).cloned());
        let host = host.filter(|host| known.is_none_or(|known| Arc::ptr_eq(known, host)));
        let domain = host.as_ref().map(|host| host.domain.as_str().to_owned());
        let from = header.from.as_deref().and_then(|from| Jid::new(from).ok());
        // §4.7.2: answered to whom the client says to be.
        self.stream.open(&domain.unwrap_or_else(|| self.default_domain()), from.as_ref().map(Jid::as_str));
        let Some(host) = host else {
            return Err(StreamError::new("host-unknown").into());
        };
        // §4.7.5: a header without a version is of before 1.0.
        let major = header.version.as_deref().and_then(|version| version.split('.').next()?.parse().ok());
        if major.is_none_or(|major: u32| major < 1) {
            return Err(StreamError::new("unsupported-version").into());
        }
        Ok(Opened { host, from })
    }

    /// Shakes hands for TLS. Whatever came in the clear is forgotten.
    async fn encrypt(&mut self, alpn: Alpn) -> Result<Bindings, End> {
        let acceptor = self.clients.tls.acceptor(alpn);
        let handshake = self.stream.encrypt(&acceptor);
        let outcome = tokio::time::timeout_at(self.deadline, handshake).await;
        let limits = self.clients.settings.limits_before_auth;
        self.stream.restart(limits);
        match outcome {
            Ok(Ok(bindings)) => Ok(bindings),
            Ok(Err(error)) => {
                tracing::debug!(peer = %self.peer, %error, "no TLS");
                Err(End::Lost)
            }
            Err(_) => Err(End::Lost),
        }
    }

    /// Waits until everything is written.
    async fn flush(&mut self) -> Result<(), End> {
        match tokio::time::timeout_at(self.deadline, self.stream.flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Lost),
        }
    }

    fn restart(&mut self, limits: Limits) {
        self.stream.restart(limits);
    }

    fn out(&mut self) -> &mut Vec<u8> {
        self.stream.out()
    }

    /// An element that has no place before the session. Stream management is refused and the stream goes on
    /// (XEP-0198 §3), a stanza ends it (RFC 6120 §4.9.3.12).
    fn too_early(&mut self, element: &Element) -> Result<(), End> {
        if element.ns() == ns::SM {
            sm::write_failed(self.out(), Condition::UnexpectedRequest, None);
            return Ok(());
        }
        let stanza = element.ns() == ns::CLIENT && matches!(element.name(), "message" | "presence" | "iq");
        Err(StreamError::new(if stanza { "not-authorized" } else { "unsupported-stanza-type" }).into())
    }

    fn log(&self, held: &Held, mechanism: &'static str, what: &'static str) {
        let tls = self.stream.tls_version();
        tracing::info!(jid = %held.session().jid, peer = %self.peer, mechanism, tls, "{what}");
    }

    fn default_domain(&self) -> String {
        let mut domains: Vec<&str> = self.clients.core.hosts().map(|host| host.domain.as_str()).collect();
        domains.sort_unstable();
        domains.first().copied().unwrap_or_default().to_owned()
    }

    async fn close(mut self, end: End) {
        let error = match end {
            End::Lost => return,
            End::Closed => None,
            End::Error(error) => {
                tracing::info!(peer = %self.peer, condition = error.condition, "stream refused");
                Some(error)
            }
        };
        // RFC 6120 §4.9.1.2: an error comes after a header, whatever was wrong with the client's.
        if !self.stream.is_open() {
            let domain = self.default_domain();
            self.stream.open(&domain, None);
        }
        self.stream.close(error.as_ref()).await;
    }
}

//! From the first byte to a component that has proven itself (XEP-0114 §3).

use std::net::SocketAddr;
use std::sync::Arc;

use jid::DomainPart;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use waxwing_kernel::Component;
use waxwing_stanza::ns;
use waxwing_stream::{Frame, Stream, StreamError, Turn};
use waxwing_xml::{Content, Element, Tag};

use crate::Components;

/// A stream that serves a component.
pub struct Ready {
    pub stream: Stream,
    pub component: Arc<Component>,
    pub peer: SocketAddr,
    pub stopping: watch::Receiver<bool>,
}

/// How it ends before that.
enum End {
    /// Without a word.
    Gone,
    Error(StreamError),
}

impl From<StreamError> for End {
    fn from(error: StreamError) -> End {
        End::Error(error)
    }
}

/// Negotiates a stream. `None` where that came to nothing; the connection is closed then.
pub async fn login(components: &Components, socket: TcpStream, peer: SocketAddr) -> Option<Ready> {
    let stream = Stream::of(Content::Component, socket, components.settings.limits_before_auth);
    let deadline = Instant::now() + components.settings.login_timeout;
    let stopping = components.stopping.subscribe();
    let mut login = Login { components, stream, peer, deadline, stopping };
    match login.negotiate().await {
        Ok(component) => {
            let Login { stream, stopping, .. } = login;
            Some(Ready { stream, component, peer, stopping })
        }
        Err(end) => {
            login.close(end).await;
            None
        }
    }
}

struct Login<'a> {
    components: &'a Components,
    stream: Stream,
    peer: SocketAddr,
    deadline: Instant,
    stopping: watch::Receiver<bool>,
}

impl Login<'_> {
    async fn negotiate(&mut self) -> Result<Arc<Component>, End> {
        let Frame::Header(header) = self.frame().await? else {
            return Err(StreamError::new("not-well-formed").into());
        };
        let domain = header.to.as_deref().and_then(|to| DomainPart::new(to).ok());
        let core = &self.components.core;
        let component = domain.as_ref().and_then(|domain| core.component(domain.as_str())).cloned();
        // Also where it is none of ours: an error comes after a header (RFC 6120 §4.9.1.2).
        let id = self.stream.open(domain.as_ref().map_or("", |domain| domain.as_str()), None);
        let Some(component) = component else {
            return Err(StreamError::new("host-unknown").into());
        };
        let element = match self.frame().await? {
            Frame::Element(element) => element,
            Frame::End => return Err(End::Gone),
            Frame::Header(_) => return Err(StreamError::new("not-well-formed").into()),
        };
        self.prove(&component, &id, &element)?;
        self.stream.set_limits(self.components.settings.limits);
        Tag::new(self.stream.out(), "handshake").end_empty();
        Ok(component)
    }

    fn prove(&self, component: &Component, id: &str, element: &Element) -> Result<(), StreamError> {
        if element.name() != "handshake" || element.ns() != ns::CLIENT {
            return Err(StreamError::new("not-authorized").text("a handshake comes first"));
        }
        let domain = component.domain.as_str();
        let Components { throttle, settings, .. } = self.components;
        if throttle.check(self.peer.ip(), domain).is_err() {
            return Err(StreamError::new("policy-violation").text("too many handshakes failed"));
        }
        let right = settings.secrets.get(domain).is_some_and(|secret| {
            let expected = handshake(id, &secret.0);
            bool::from(expected.as_bytes().ct_eq(element.text().trim().as_bytes()))
        });
        if right {
            return Ok(());
        }
        throttle.failed(self.peer.ip(), domain);
        Err(StreamError::new("not-authorized").text("the handshake is not what the secret makes it"))
    }

    /// The next frame. Only here it is waited for, so only here it can be cut off.
    async fn frame(&mut self) -> Result<Frame, End> {
        loop {
            if let Some(frame) = self.stream.frame()? {
                return Ok(frame);
            }
            tokio::select! {
                turn = self.stream.turn(true) => match turn {
                    Ok(Turn::Read(_) | Turn::Flushed) => {}
                    Ok(Turn::Eof) | Err(_) => return Err(End::Gone),
                },
                () = sleep_until(self.deadline) => {
                    return Err(StreamError::new("connection-timeout").text("the handshake took too long").into());
                }
                _ = self.stopping.wait_for(|stopping| *stopping) => {
                    return Err(StreamError::new("system-shutdown").into());
                }
            }
        }
    }

    async fn close(mut self, end: End) {
        let error = match end {
            End::Gone if !self.stream.is_open() => return,
            End::Gone => None,
            End::Error(error) => {
                tracing::info!(peer = %self.peer, condition = error.condition, "component refused");
                Some(error)
            }
        };
        if !self.stream.is_open() {
            self.stream.open("", None);
        }
        self.stream.close(error.as_ref()).await;
    }
}

/// What the component has to send: SHA-1 of stream id and secret, in lower-case hexadecimal.
fn handshake(id: &str, secret: &str) -> String {
    let digest = Sha1::new().chain_update(id).chain_update(secret).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::handshake;

    #[test]
    fn a_handshake_is_a_digest_of_both() {
        // printf 3BF96D32secret | sha1sum
        assert_eq!(handshake("3BF96D32", "secret"), "b09ea9b3b7f586be8a08d0a3dd7466f110aeb136");
    }
}

//! A connection that serves a component, until the stream ends.
//!
//! One task reads, handles and writes, as for a client: stanzas are handled one after the other (RFC 6120 §10.1), and
//! what waits for the component goes on being written meanwhile.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use waxwing_kernel::{Component, Link};
use waxwing_net::Bucket;
use waxwing_stanza::{Condition, IqType, Kind, ReadError, Stanza, StanzaError, ns, prepare};
use waxwing_stream::{Frame, Stream, StreamError, Turn, WRITE};
use waxwing_xml::{Element, Tag};

use crate::Components;
use crate::login::Ready;

/// What a component is asked when it has been silent: any answer will do.
const PING: &str = "urn:xmpp:ping";

/// The handling of one stanza.
type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// See the module.
pub struct Connection {
    components: Arc<Components>,
    stream: Stream,
    component: Arc<Component>,
    link: Arc<Link>,
    peer: SocketAddr,
    /// The server does not stop before this is gone.
    stopping: watch::Receiver<bool>,
    stanzas: Bucket,
    bytes: Bucket,
    /// Until when it is not read, because it was too fast.
    paused: Option<Instant>,
    /// When something last came.
    heard: Instant,
    /// Since when it has been asked for a sign of life.
    probed: Option<Instant>,
}

/// How it ends.
enum Ending {
    /// The connection broke.
    Lost,
    /// The component closed its stream.
    Closed,
    Error(StreamError),
}

impl From<StreamError> for Ending {
    fn from(error: StreamError) -> Ending {
        Ending::Error(error)
    }
}

impl Connection {
    pub fn new(components: Arc<Components>, ready: Ready) -> Connection {
        let Ready { stream, component, peer, stopping } = ready;
        tracing::info!(component = %component.domain, %peer, "component connected");
        let link = component.attach();
        let now = Instant::now();
        let bucket = |(rate, burst)| Bucket::new(rate, burst, now.into_std());
        Connection {
            stanzas: bucket(components.settings.stanzas),
            bytes: bucket(components.settings.bytes),
            paused: None,
            heard: now,
            probed: None,
            components,
            stream,
            component,
            link,
            peer,
            stopping,
        }
    }

    /// Serves until the stream ends.
    pub async fn serve(mut self) {
        let ending = self.run().await;
        let core = &self.components.core;
        waxwing_im::component_lost(core, self.component.detach(&self.link));
        let (component, peer) = (&self.component.domain, self.peer);
        match ending {
            Ending::Lost => tracing::info!(%component, %peer, "component's connection lost"),
            Ending::Closed => {
                tracing::info!(%component, %peer, "component left");
                self.stream.close(None).await;
            }
            Ending::Error(error) => {
                tracing::info!(%component, %peer, condition = error.condition, "component's stream closed");
                self.stream.close(Some(&error)).await;
            }
        }
    }

    async fn run(&mut self) -> Ending {
        let (link, mut stopping) = (self.link.clone(), self.stopping.clone());
        let mut timer = pin!(sleep_until(self.heard));
        loop {
            if let Some(closing) = link.closing() {
                return StreamError::from(closing).into();
            }
            let now = Instant::now();
            self.fill();
            let read = self.may_read(now);
            if read {
                match self.stream.frame() {
                    Ok(None) => {}
                    Ok(Some(frame)) => match self.take(frame, now) {
                        Ok(handling) => {
                            self.handle(handling).await;
                            continue;
                        }
                        Err(ending) => return ending,
                    },
                    Err(error) => return error.into(),
                }
            }
            if let Err(error) = self.look_whether_it_lives(now) {
                return error.into();
            }
            timer.as_mut().reset(self.deadline());
            tokio::select! {
                turn = self.stream.turn(read) => match turn {
                    Ok(Turn::Read(bytes)) => self.hear(bytes),
                    Ok(Turn::Flushed) => {}
                    Ok(Turn::Eof) | Err(_) => return Ending::Lost,
                },
                () = link.woken() => {}
                () = timer.as_mut() => {}
                _ = stopping.wait_for(|stopping| *stopping) => {
                    return StreamError::new("system-shutdown").text("the server stops").into();
                }
            }
        }
    }

    /// Fills the write buffer. A component that does not read has at most so much waiting here.
    fn fill(&mut self) {
        if self.stream.backlog() < WRITE {
            self.link.drain(self.stream.out(), WRITE);
        }
    }

    fn may_read(&mut self, now: Instant) -> bool {
        self.paused = self.paused.filter(|until| *until > now);
        if self.paused.is_some() {
            // It is us who do not listen: that is no silence of the component's.
            self.heard = now;
        }
        self.paused.is_none()
    }

    fn hear(&mut self, bytes: usize) {
        let now = Instant::now();
        self.heard = now;
        self.probed = None;
        let pause = self.bytes.take(u32::try_from(bytes).unwrap_or(u32::MAX), now.into_std());
        self.pause(pause, now);
    }

    fn pause(&mut self, pause: std::time::Duration, now: Instant) {
        if !pause.is_zero() {
            self.paused = self.paused.max(Some(now + pause));
        }
    }

    fn deadline(&self) -> Instant {
        let settings = &self.components.settings;
        let life = match self.probed {
            Some(probed) => probed + settings.answer,
            None => self.heard + settings.idle,
        };
        self.paused.map_or(life, |paused| paused.min(life))
    }

    /// Asks a silent component for a sign of life, and does not wait for ever.
    fn look_whether_it_lives(&mut self, now: Instant) -> Result<(), StreamError> {
        let settings = &self.components.settings;
        match self.probed {
            Some(probed) if now >= probed + settings.answer => {
                Err(StreamError::new("connection-timeout").text("no sign of life"))
            }
            None if now >= self.heard + settings.idle => {
                self.probed = Some(now);
                let from = self.components.core.hosts().next().map(|host| host.domain.clone());
                let (to, id) = (self.component.domain.clone(), waxwing_sasl::token());
                let ping = Stanza::build(Kind::Iq(IqType::Get), from, Some(to), Some(&id), |out| {
                    Tag::new(out, "ping").ns(PING).end_empty();
                });
                // Where it does not fit, there is enough that it does not read.
                let _ = self.component.send(Arc::new(ping), None);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, frame: Frame, now: Instant) -> Result<Handling, Ending> {
        let element = match frame {
            Frame::Element(element) => element,
            Frame::End => return Err(Ending::Closed),
            // The splitter gives a header at the start of a stream only.
            Frame::Header(_) => return Err(StreamError::new("not-well-formed").into()),
        };
        let pause = self.stanzas.take(1, now.into_std());
        self.pause(pause, now);
        self.stanza(element).map_err(Ending::Error)
    }

    /// XEP-0114 §3: every stanza has a `from` at the component's domain, and a `to`.
    fn stanza(&mut self, element: Element) -> Result<Handling, StreamError> {
        if element.ns() != ns::CLIENT || !matches!(element.name(), "message" | "presence" | "iq") {
            return Err(StreamError::new("unsupported-stanza-type"));
        }
        let from = element.attr("from").and_then(prepare);
        let from = from.filter(|from| from.domain().as_str() == self.component.domain.as_str());
        let Some(from) = from else {
            return Err(StreamError::new("invalid-from").text("from must be at the component's domain"));
        };
        if element.attr("to").is_none() {
            return Err(StreamError::new("improper-addressing").text("a stanza needs a to"));
        }
        let (mut stanza, refused) = match Stanza::read(element) {
            Ok(stanza) if stanza.is_sound() => (stanza, None),
            Ok(stanza) => (stanza, Some(StanzaError::new(Condition::BadRequest))),
            Err(ReadError::Answer(stanza, error)) => (stanza, Some(error)),
            Err(ReadError::NotAStanza) => return Err(StreamError::new("unsupported-stanza-type")),
        };
        stanza.from = Some(from);
        let (core, component) = (self.components.core.clone(), self.component.clone());
        Ok(match refused {
            None => Box::pin(async move { waxwing_im::from_component(&core, &component, stanza).await }),
            Some(error) => Box::pin(async move {
                if let Some(answer) = stanza.error(&error) {
                    // Where it does not fit, its stream is closed.
                    let _ = component.send(Arc::new(answer), None);
                }
            }),
        })
    }

    /// Handles a stanza to its end; what waits for the component goes on being written meanwhile.
    async fn handle(&mut self, mut handling: Handling) {
        let link = self.link.clone();
        let mut broken = false;
        loop {
            tokio::select! {
                biased;
                () = handling.as_mut() => return,
                // A broken connection is seen again by who reads it next.
                turn = self.stream.turn(false), if !broken => broken = turn.is_err(),
                () = link.woken() => self.fill(),
            }
        }
    }
}

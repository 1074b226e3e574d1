//! A connection that serves a session, until the stream ends.
//!
//! One task reads, handles and writes. Reading and writing do not wait for each other; stanzas are handled one
//! after the other (RFC 6120 §10.1), and while one is being handled what waits for the client goes on being
//! written.

mod acks;
mod finish;
mod input;
mod output;
mod pace;
mod timer;
mod turns;

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use waxwing_kernel::{Closing, Session};

use acks::{Asking, Reaching, Telling};
use pace::Pacing;
pub use turns::thread_sleeps;

use crate::Clients;
use crate::error::StreamError;
use crate::held::Held;
use crate::login::Ready;
use crate::stream::{Stream, Turn, WRITE};

/// Nothing came from the client, also after it was asked whether it lives.
const TIMEOUT: Closing =
    Closing { condition: "connection-timeout", text: "no sign of life", resumable: true };

/// See the module.
pub struct Connection {
    clients: Arc<Clients>,
    stream: Stream,
    held: Held,
    session: Arc<Session>,
    peer: SocketAddr,
    /// Stream management is on.
    numbered: bool,
    asking: Asking,
    /// By when the client must have an answer to its `<r/>`, though it be an incomplete one.
    answer_by: Option<Instant>,
    telling: Telling,
    /// Stanzas that may be taken before it is looked again how many are not durable yet.
    may_take: usize,
    reaching: Reaching,
    /// A client that has not sent presence yet is given until then to enable stream management: what its TCP
    /// took in before would count as read.
    may_enable_until: Instant,
    pacing: Pacing,
    /// When something last came.
    heard: Instant,
    /// Since when it has been asked for a sign of life.
    probed: Option<Instant>,
}

/// What ends a rest.
enum Event {
    /// The stream got on.
    Turn(io::Result<Turn>),
    /// The session was woken, or it is time.
    Due,
}

/// How the serving of a session on this connection ends.
enum Ending {
    /// The connection broke.
    Lost,
    /// The client closed its stream.
    Closed,
    /// The client broke a rule.
    Error(StreamError),
    /// The server closes the stream.
    Told(Closing),
    /// The session is resumed on another connection.
    TakenOver(oneshot::Sender<Held>),
}

impl Connection {
    pub fn new(ready: Ready) -> Connection {
        let Ready { clients, stream, held, peer } = ready;
        clients.close_if_stopping(&held);
        let session = held.session().clone();
        let now = Instant::now();
        Connection {
            numbered: session.is_numbered(),
            asking: Asking::default(),
            answer_by: None,
            telling: Telling::default(),
            may_take: 0,
            reaching: Reaching::default(),
            may_enable_until: now + ENABLING,
            pacing: Pacing::new(&clients.settings, now),
            heard: now,
            probed: None,
            clients,
            stream,
            held,
            session,
            peer,
        }
    }

    /// Serves until the stream ends, then ends the session or leaves it to a keeper.
    pub async fn serve(mut self) {
        let ending = self.run().await;
        // Boxed: a resting session's task is no larger for how it will end.
        Box::pin(self.finish(ending)).await;
    }

    async fn run(&mut self) -> Ending {
        let session = self.session.clone();
        let mut timer = pin!(sleep_until(self.deadline()));
        let (mut came, mut woken) = (0, false);
        loop {
            let mut now = Instant::now();
            if came > 0 {
                self.hear(std::mem::take(&mut came), now);
            }
            if let Err(ending) = self.tick(now) {
                return ending;
            }
            let mut frames = 0_usize;
            let read = loop {
                if session.is_summoned()
                    && let Some(ending) = self.told_to_end()
                {
                    return ending;
                }
                if !self.may_read(now) {
                    break false;
                }
                let taken = match self.stream.frame() {
                    Ok(None) => break true,
                    Ok(Some(frame)) => self.take(frame, now),
                    Err(error) => return Ending::Error(error),
                };
                frames += 1;
                if frames.is_multiple_of(ANSWERS) {
                    self.fill(now);
                }
                match taken {
                    Ok(None) => {}
                    Ok(Some(handling)) => {
                        if self.handle(handling).await {
                            now = Instant::now();
                        }
                    }
                    Err(ending) => return ending,
                }
            };
            self.fill(now);
            if session.account.should_read(&session) {
                match Box::pin(session.account.read_log(&session)).await {
                    Ok(_) => continue,
                    Err(error) => return self.unreadable(&error.0),
                }
            }
            if let Some(at) = timer::reset(timer.deadline(), self.deadline(), now) {
                timer.as_mut().reset(at);
            }
            let tell = self.stream.tells(read);
            let mut slept = false;
            let event = poll_fn(|cx| {
                // Who is woken to write is not first read for nothing. But not twice in a row: however often it is
                // woken, it reads and writes in between.
                if !woken && session.was_woken() {
                    woken = true;
                    return Poll::Ready(Event::Due);
                }
                let again = std::mem::take(&mut woken);
                if let Poll::Ready(turn) = self.stream.poll_turn(cx, read, tell) {
                    return Poll::Ready(Event::Turn(turn));
                }
                if session.poll_woken(cx).is_ready() {
                    woken = !again;
                    return Poll::Ready(Event::Due);
                }
                // Each time, although a task has one waker: at the end of its turn the runtime has it wait unregistered.
                if timer.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Event::Due);
                }
                slept = true;
                Poll::Pending
            });
            let event = event.await;
            // Not for what it has told itself.
            if turns::count() && woken && slept {
                turns::others_first().await;
            }
            match event {
                Event::Due | Event::Turn(Ok(Turn::Flushed)) => {}
                Event::Turn(Ok(Turn::Read(bytes))) => came = bytes,
                Event::Turn(Ok(Turn::Eof) | Err(_)) => return Ending::Lost,
            }
        }
    }

    fn told_to_end(&self) -> Option<Ending> {
        if let Some(closing) = self.session.closing() {
            return Some(Ending::Told(closing));
        }
        if self.session.has_ended() {
            return Some(Ending::Lost);
        }
        Some(Ending::TakenOver(self.held.lease()?.wanted()?))
    }

    fn unreadable(&self, error: &str) -> Ending {
        tracing::error!(jid = %self.session.jid, error, "stored messages could not be read");
        Ending::Error(StreamError::new("internal-server-error"))
    }

    fn hear(&mut self, bytes: usize, now: Instant) {
        self.heard = now;
        self.probed = None;
        self.pacing.bytes(bytes, now);
    }

    /// What is due by now.
    fn tick(&mut self, now: Instant) -> Result<(), Ending> {
        if self.reaching.is_due(now) {
            self.look_whether_reached(now);
        }
        match self.probed {
            Some(probed) if now >= probed + self.clients.settings.answer => Err(Ending::Told(TIMEOUT)),
            None if now >= self.heard + self.clients.settings.idle => {
                self.probe(now);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// When `run` must look again by itself.
    fn deadline(&self) -> Instant {
        let life = match self.probed {
            Some(probed) => probed + self.clients.settings.answer,
            None => self.heard + self.clients.settings.idle,
        };
        // What there is no room to write is written when there is.
        let writes =
            if self.stream.backlog() < WRITE { [self.asking.at(), self.answer_by] } else { [None; 2] };
        let others = [self.reaching.at(), self.pacing.until()];
        writes.into_iter().chain(others).flatten().fold(life, Instant::min)
    }
}

/// What came at once is answered at once, but so many frames at most: answers wait in the outbox, which has a limit.
const ANSWERS: usize = 16;

/// How long after bind a client may take to enable stream management before its TCP speaks for it.
const ENABLING: Duration = Duration::from_secs(5);

/// Within which time `<r/>` is answered.
const ANSWER: Duration = Duration::from_secs(1);

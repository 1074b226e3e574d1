//! What comes in: stanzas, and the elements of stream management.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use jid::Jid;
use tokio::time::Instant;
use waxwing_kernel::Session;
use waxwing_stanza::{Condition, IqType, Kind, ReadError, Stanza, StanzaError, bare_str, ns};
use waxwing_xml::Element;

use super::{Connection, Ending};
use crate::error::StreamError;
use crate::sm::{self, Enable};
use crate::stream::Frame;

/// The handling of one stanza: too large for the task of a session that rests.
pub type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Connection {
    /// Whether the client is read now.
    pub(super) fn may_read(&mut self, now: Instant) -> bool {
        if !self.pacing.pauses(now) {
            if self.may_take == 0 {
                let uncommitted = self.session.inbound(|inbound| inbound.outstanding());
                self.may_take = self.clients.settings.uncommitted.saturating_sub(uncommitted);
            }
            if self.may_take > 0 {
                return true;
            }
        }
        // It is us who do not listen: that is no silence of the client's.
        self.heard = now;
        false
    }

    /// Takes a frame as far as that goes at once; what is left is returned, to be awaited before the next.
    pub(super) fn take(&mut self, frame: Frame, now: Instant) -> Result<Option<Handling>, Ending> {
        match frame {
            Frame::End => Err(Ending::Closed),
            // The splitter gives a header at the start of a stream only.
            Frame::Header(_) => Err(broken("not-well-formed")),
            Frame::Element(element) if element.ns() == ns::SM => self.manage(&element, now).map(|()| None),
            Frame::Element(element) if element.ns() == ns::CLIENT => self.stanza(element, now),
            Frame::Element(element) => {
                self.pacing.stanza(now);
                let known = self.session.account.host.table().nonza(&self.session, &element);
                if known { Ok(None) } else { Err(broken("unsupported-stanza-type")) }
            }
        }
    }

    fn stanza(&mut self, element: Element, now: Instant) -> Result<Option<Handling>, Ending> {
        self.pacing.stanza(now);
        if element.attr("from").is_some_and(|from| !is_own(from, &self.session)) {
            return Err(broken("invalid-from"));
        }
        let (mut stanza, refused) = match Stanza::read(element) {
            Ok(stanza) => (stanza, None),
            Err(ReadError::Answer(stanza, error)) => (stanza, Some(error)),
            Err(ReadError::NotAStanza) => return Err(broken("unsupported-stanza-type")),
        };
        stanza.from = Some(self.session.jid.clone());
        let ticket = self.session.receive();
        self.may_take = self.may_take.saturating_sub(1);
        self.telling.received();
        let answer = match refused.map_or_else(|| judge(&stanza, &self.session), Judged::Refuse) {
            Judged::Handle => {
                return Ok(Some(Box::pin(waxwing_im::handle(self.session.clone(), stanza, ticket))));
            }
            Judged::Ignore => None,
            Judged::Granted => Some(stanza.result(|_| {})),
            Judged::Refuse(error) => stanza.error(&error),
        };
        if let Some(answer) = answer {
            self.session.push_own(answer);
        }
        ticket.complete();
        Ok(None)
    }

    /// Handles a stanza to its end; what waits for the client goes on being written meanwhile. Says whether that took
    /// more than a moment.
    pub(super) async fn handle(&mut self, mut handling: Handling) -> bool {
        if poll_fn(|cx| Poll::Ready(handling.as_mut().poll(cx))).await.is_ready() {
            return false;
        }
        let session = self.session.clone();
        let mut broken = false;
        loop {
            tokio::select! {
                biased;
                () = handling.as_mut() => return true,
                // A broken connection is seen again by who reads it next.
                turn = self.stream.turn(false), if !broken => broken = turn.is_err(),
                () = session.woken() => self.fill(Instant::now()),
            }
        }
    }

    fn manage(&mut self, element: &Element, now: Instant) -> Result<(), Ending> {
        match element.name() {
            "enable" if !self.numbered => self.enable(&Enable::read(element)),
            "r" if self.numbered => self.owe_answer(now),
            "a" if self.numbered => {
                let h = sm::h(element).ok_or_else(|| broken("invalid-xml"))?;
                self.session
                    .acknowledge(h)
                    .map_err(|sent| Ending::Error(StreamError::handled_too_high(h, sent)))?;
                self.asking.answered(self.session.outbox(|outbox| outbox.unacked()) == 0);
            }
            // XEP-0198 §3: at most one attempt.
            "enable" => {
                sm::write_failed(self.stream.out(), Condition::UnexpectedRequest, None);
                return Err(broken("policy-violation"));
            }
            // Too late, or without stream management (§5).
            "resume" | "r" | "a" => {
                sm::write_failed(self.stream.out(), Condition::UnexpectedRequest, None);
            }
            _ => return Err(broken("unsupported-stanza-type")),
        }
        Ok(())
    }

    fn enable(&mut self, enable: &Enable) {
        self.session.restart_counting();
        self.numbered = true;
        self.held.enable(enable, self.stream.out());
    }
}

/// What is done with a stanza before anything else looks at it.
enum Judged {
    Handle,
    /// An answer that is wrong in itself: nothing may answer it.
    Ignore,
    /// The legacy session request (RFC 3921 §3), which asks for what the client has.
    Granted,
    Refuse(StanzaError),
}

/// The rules that hold for every IQ (RFC 6120 §8.2.3), and what negotiation is over with.
fn judge(stanza: &Stanza, session: &Session) -> Judged {
    let Kind::Iq(kind) = stanza.kind else { return Judged::Handle };
    let sound = stanza.is_sound();
    match kind {
        IqType::Get | IqType::Set if !sound => Judged::Refuse(Condition::BadRequest.into()),
        IqType::Result | IqType::Error if !sound => Judged::Ignore,
        IqType::Set if stanza.has("session", ns::SESSION) && is_ours(stanza, session) => Judged::Granted,
        IqType::Set if stanza.has("bind", ns::BIND) && is_ours(stanza, session) => {
            Judged::Refuse(Condition::NotAllowed.into())
        }
        _ => Judged::Handle,
    }
}

/// Whether a request is for the server or for the account itself.
fn is_ours(stanza: &Stanza, session: &Session) -> bool {
    let domain = session.account.host.domain.as_str();
    stanza.to.as_ref().is_none_or(|to| *to == session.account.jid || to.as_str() == domain)
}

/// RFC 6120 §8.1.2.1: a client speaks for its own bare or full JID.
fn is_own(from: &str, session: &Session) -> bool {
    let own = |from: &str| from == session.jid.as_str() || from == bare_str(&session.jid);
    own(from) || Jid::new(from).is_ok_and(|from| own(from.as_str()))
}

fn broken(condition: &'static str) -> Ending {
    Ending::Error(StreamError::new(condition))
}

//! What goes out: stanzas from the outbox, answers to `<r/>`, requests of our own.

use tokio::time::Instant;
use waxwing_stanza::{IqType, Kind, Stanza};
use waxwing_xml::Tag;

use super::acks::{Telling, UNASKED};
use super::{ANSWER, Connection};
use crate::sm;
use crate::stream::WRITE;

/// What a client without stream management is asked when it has been silent: any answer will do.
const PING: &str = "urn:xmpp:ping";

impl Connection {
    /// Fills the write buffer. A client that does not read has at most so much waiting here.
    pub(super) fn fill(&mut self, now: Instant) {
        if self.stream.backlog() >= WRITE {
            return;
        }
        if self.numbered {
            self.acknowledge_received(now);
        }
        let (session, stream) = (&self.session, &mut self.stream);
        let (stanzas, unacked) = session.outbox(|outbox| {
            if outbox.is_empty() {
                return (0, 0);
            }
            (outbox.drain(&session.account, stream.out(), WRITE), outbox.unacked())
        });
        if stanzas > 0 && self.numbered {
            self.asking.wrote(stanzas, now);
        } else if unacked > 0 {
            self.reaching.wrote(now);
        }
        if self.asking.at().is_some_and(|at| at <= now) {
            self.ask(now);
        }
    }

    pub(super) fn ask(&mut self, now: Instant) {
        sm::write_request(self.stream.out());
        self.asking.asked(now);
    }

    /// Sends `<a/>` where the client asked and is to be answered, or was told nothing for long.
    fn acknowledge_received(&mut self, now: Instant) {
        if !self.telling.may_be_due() {
            return;
        }
        let late = self.answer_by.is_some_and(|by| by <= now);
        let h = self.session.inbound(|inbound| {
            let tell = inbound.due() || (late && inbound.owing()) || inbound.untold() >= UNASKED;
            let h = tell.then(|| inbound.tell());
            self.telling = Telling::new(inbound.owing(), inbound.unacknowledged());
            h
        });
        if let Some(h) = h {
            sm::write_ack(self.stream.out(), h);
        }
        // A late answer is incomplete: another follows when there is more to tell.
        if late || h.is_some() {
            self.answer_by = None;
        }
    }

    /// The client asked for an acknowledgement.
    pub(super) fn owe_answer(&mut self, now: Instant) {
        self.session.inbound(|inbound| inbound.owe());
        self.answer_by.get_or_insert(now + ANSWER);
        self.telling.asked();
    }

    /// The last `<a/>` before the stream ends, so that the client sends nothing again that arrived.
    pub(super) fn acknowledge_at_last(&mut self) {
        if self.numbered && self.session.inbound(|inbound| inbound.untold()) > 0 {
            let h = self.session.inbound(|inbound| inbound.tell());
            sm::write_ack(self.stream.out(), h);
        }
    }

    /// Asks a silent client for a sign of life.
    pub(super) fn probe(&mut self, now: Instant) {
        self.probed = Some(now);
        if self.numbered {
            self.ask(now);
            return;
        }
        let from = self.session.account.host.domain.clone();
        let id = waxwing_sasl::token();
        let to = self.session.jid.clone();
        let ping = Stanza::build(Kind::Iq(IqType::Get), Some(from), Some(to), Some(&id), |out| {
            Tag::new(out, "ping").ns(PING).end_empty();
        });
        self.session.push_own(ping);
    }

    fn is_available(&self) -> bool {
        self.session.account.resource(&self.session, |resource| resource.is_available()).unwrap_or(false)
    }

    /// Without stream management, the client has what its machine's TCP has acknowledged.
    pub(super) fn look_whether_reached(&mut self, now: Instant) {
        if self.numbered {
            self.reaching.reached();
        } else if now < self.may_enable_until && !self.is_available() {
            self.reaching.not_yet(now);
        } else if self.stream.is_flushed() && self.stream.unsent() == Some(0) {
            self.reaching.reached();
            self.session.reached();
        } else {
            self.reaching.not_yet(now);
        }
    }
}

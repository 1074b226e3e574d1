//! One outstanding effect of one received stanza.

use std::sync::Arc;

use waxwing_stanza::{Stanza, StanzaError};

use crate::Session;
use crate::inbound::Follow;

/// See the module. One that is dropped (by a panic, by a future that is not finished) counts as lost: what is not
/// known to stand is never acknowledged.
pub struct Ticket {
    session: Arc<Session>,
    n: u64,
    ended: bool,
}

impl Ticket {
    pub(crate) fn new(session: Arc<Session>, n: u64) -> Ticket {
        Ticket { session, n, ended: false }
    }

    /// Another effect of the same stanza.
    pub fn another(&self) -> Ticket {
        self.session.reopen(self.n);
        Ticket::new(self.session.clone(), self.n)
    }

    /// The effect is durable.
    pub fn complete(mut self) {
        self.ended = true;
        self.session.complete(self.n);
    }

    /// The effect was refused by the store: the sender gets an error, and the stanza counts as handled.
    pub fn refuse(self, stanza: &Stanza, error: &StanzaError) {
        self.session.forget(&self);
        if let Some(answer) = stanza.error(error) {
            self.session.push_own(answer);
        }
        self.complete();
    }

    /// Whether the effect stands is not known: the stream closes without an acknowledgement.
    pub fn lose(self) {
        drop(self);
    }

    /// Ties this effect, of a resend, to the stanza that it resends. `false`: that one does not stand.
    pub(crate) fn follow(self, origin: &Session, n: u64) -> bool {
        match origin.inbound(|inbound| inbound.follow(n, self)) {
            Follow::Follows => true,
            Follow::Stands(ticket) => {
                ticket.complete();
                true
            }
            Follow::Lost(ticket) => {
                ticket.complete();
                false
            }
        }
    }

    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(crate) fn number(&self) -> u64 {
        self.n
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.ended {
            self.session.lose(self.n);
        }
    }
}

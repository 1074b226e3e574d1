//! Requests to the server and to accounts, and their answers.

use std::sync::Arc;

use waxwing_stanza::{Addr, Condition, Stanza, StanzaError, encode};
use xso::AsXml;

use crate::{Account, Host, Session};

/// Whom a request is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// The server: the domain.
    Host,
    /// The asker's own account: no `to`, or its bare JID.
    Own,
    /// Another local account's bare JID. Whether the asker may know is the handler's to judge; what it says
    /// for an account that shows the asker nothing must be what is said for one that does not exist.
    Other,
}

/// A request with its decoded payload.
pub struct Request<P> {
    pub payload: P,
    /// As it came.
    pub stanza: Arc<Stanza>,
    pub from: Addr,
    /// The asker's session; `None` for one outside. At [`At::Own`] there always is one.
    pub session: Option<Arc<Session>>,
    pub host: Arc<Host>,
    /// The account asked: the asker's own at [`At::Own`]; `None` at [`At::Host`], and at [`At::Other`] where
    /// there is no such account.
    pub account: Option<Arc<Account>>,
}

impl<P> Request<P> {
    /// The asker's session.
    ///
    /// # Errors
    /// `<not-allowed/>`: the asker is none of ours.
    pub fn session(&self) -> Result<&Arc<Session>, StanzaError> {
        self.session.as_ref().ok_or(StanzaError::new(Condition::NotAllowed))
    }

    /// The asker's own account.
    ///
    /// # Errors
    /// As [`Request::session`].
    pub fn own(&self) -> Result<&Arc<Account>, StanzaError> {
        Ok(&self.session()?.account)
    }

    pub(crate) fn with<Q>(self, payload: Q) -> Request<Q> {
        let Request { stanza, from, session, host, account, .. } = self;
        Request { payload, stanza, from, session, host, account }
    }
}

/// The payload of a result.
#[derive(Debug, Default)]
pub struct Reply(Vec<u8>);

impl Reply {
    /// An empty result.
    pub fn empty() -> Reply {
        Reply::default()
    }

    pub fn payload<P: AsXml>(payload: &P) -> Result<Reply, StanzaError> {
        Ok(Reply(encode(payload)?))
    }

    /// A payload that was written, or was stored as it came.
    pub fn written(write: impl FnOnce(&mut Vec<u8>)) -> Reply {
        let mut out = Vec::new();
        write(&mut out);
        Reply(out)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

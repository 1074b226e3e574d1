//! Commands (XEP-0050): what those who list them, run them and offer them share.

use std::sync::Arc;

use waxwing_kernel::Request;
use waxwing_stanza::{Condition, StanzaError};

pub const COMMANDS: &str = "http://jabber.org/protocol/commands";

/// Whether the asker is offered the commands of the host that it asks: they are for the host's own accounts.
pub fn offers<P>(request: &Request<P>) -> bool {
    request.session.as_ref().is_some_and(|session| Arc::ptr_eq(&session.account.host, &request.host))
}

/// An error of one of the conditions that §4.4 has for `<bad-request/>`.
pub fn bad(condition: &'static str) -> StanzaError {
    StanzaError::new(Condition::BadRequest).app(condition, COMMANDS)
}

/// A form was not filled in as it must be; the text says what is wanted.
pub fn bad_payload(why: &'static str) -> StanzaError {
    bad("bad-payload").text(why)
}

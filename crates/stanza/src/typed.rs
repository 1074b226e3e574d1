//! Typed payloads, decoded from and encoded to bytes by the one who wants them.

use waxwing_xml::Child;
use xso::{AsXml, FromXml};

use crate::{Condition, Stanza, StanzaError};

/// Decodes one child. A payload that does not fit its type is a `<bad-request/>`.
pub fn decode<P: FromXml>(stanza: &Stanza, child: &Child) -> Result<P, StanzaError> {
    xso::from_bytes(stanza.bytes_of(child)).map_err(|_| Condition::BadRequest.into())
}

/// Encodes a payload; a value that XML cannot hold is our fault.
pub fn encode<P: AsXml>(payload: &P) -> Result<Vec<u8>, StanzaError> {
    xso::to_vec(payload).map_err(|_| Condition::InternalServerError.into())
}

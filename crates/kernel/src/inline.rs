//! A resource that is bound together with more that a session needs.

use std::sync::Arc;

use waxwing_xml::Element;

use crate::Session;

/// What a client asked for together with its resource. Not every wish is known to somebody: what is not is passed
/// over.
pub struct InlineBind<'a> {
    /// In no account yet, so nothing reaches it: what is set here holds from its first stanza on.
    pub session: &'a Arc<Session>,
    /// The request; its children are the wishes.
    pub request: &'a Element,
    /// Where answers are written to.
    pub out: &'a mut Vec<u8>,
}

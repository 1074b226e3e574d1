//! XEP-0352: Client State Indication.
//!
//! What may rest while nobody looks at a client, and until when, is the outbox's to know
//! ([`waxwing_kernel::Session::set_unwatched`]). The state is told to nobody (§7).

use std::sync::Arc;

use waxwing_kernel::{About, InlineBind, Module, On, Session, Setup, SetupError};
use waxwing_xml::{Element, Tag};

const CSI: &str = "urn:xmpp:csi:0";

pub struct ClientState;

impl Module for ClientState {
    const ABOUT: About =
        About { xep: 352, version: "1.0.0", name: "Client State Indication", features: &[], identities: &[] };

    fn new(_: &Setup<'_>) -> Result<ClientState, SetupError> {
        Ok(ClientState)
    }

    fn install(on: &mut On<'_, ClientState>) {
        on.stream_feature(ClientState::write);
        on.bind_inline(CSI, ClientState::begin);
        on.nonza("active", CSI, ClientState::active);
        on.nonza("inactive", CSI, ClientState::inactive);
    }
}

impl ClientState {
    /// §4.1.
    fn write(self: &Arc<Self>, out: &mut Vec<u8>) {
        Tag::new(out, "csi").ns(CSI).end_empty();
    }

    /// XEP-0386 §3.2: the session begins in the state that was asked for; without any it is watched.
    fn begin(self: &Arc<Self>, inline: &mut InlineBind<'_>) {
        if inline.request.child("inactive", CSI).is_some() && inline.request.child("active", CSI).is_none() {
            inline.session.set_unwatched(true);
        }
    }

    fn active(self: &Arc<Self>, session: &Arc<Session>, _: &Element) {
        session.set_unwatched(false);
    }

    fn inactive(self: &Arc<Self>, session: &Arc<Session>, _: &Element) {
        session.set_unwatched(true);
    }
}

#[cfg(test)]
mod tests;

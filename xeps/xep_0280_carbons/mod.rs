//! XEP-0280: Message Carbons.

mod eligible;
mod recent;

use std::sync::Arc;

use waxwing_kernel::{
    About, At, Copying, Feature, InlineBind, Kinds, Module, On, Place, Point, Reply, Request, Setup,
    SetupError,
};
use waxwing_stanza::{Addr, Kind, MessageType, Stanza, StanzaError, ns::CLIENT, same_bare};
use waxwing_xml::Tag;
use xmpp_parsers::carbons::{Disable, Enable};

use self::recent::Recent;
use crate::flags;

const CARBONS: &str = "urn:xmpp:carbons:2";
/// XEP-0297.
const FORWARD: &str = "urn:xmpp:forward:0";

pub struct Carbons {
    /// Messages that were eligible: an error that answers one is eligible too (§6.1).
    recent: Recent,
}

impl Module for Carbons {
    const ABOUT: About = About {
        xep: 280,
        version: "1.0.1",
        name: "Message Carbons",
        features: &[Feature(Place::Host, CARBONS), Feature(Place::Host, "urn:xmpp:carbons:rules:0")],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<Carbons, SetupError> {
        Ok(Carbons { recent: Recent::default() })
    }

    fn install(on: &mut On<'_, Carbons>) {
        on.set(At::Own, Carbons::enable);
        on.set(At::Own, Carbons::disable);
        on.bind_inline(CARBONS, Carbons::enable_inline);
        on.copy(Point::FromClient, Kinds::MESSAGE, Carbons::sent);
        on.copy(Point::ToAccount, Kinds::MESSAGE, Carbons::received);
    }
}

impl Carbons {
    async fn enable(self: Arc<Self>, request: Request<Enable>) -> Result<Reply, StanzaError> {
        request.session()?.set_flag(flags::CARBONS, true);
        Ok(Reply::empty())
    }

    /// XEP-0386 §3.2: enabled with the resource, which needs no answer.
    fn enable_inline(self: &Arc<Self>, inline: &mut InlineBind<'_>) {
        if inline.request.child("enable", CARBONS).is_some() {
            inline.session.set_flag(flags::CARBONS, true);
        }
    }

    async fn disable(self: Arc<Self>, request: Request<Disable>) -> Result<Reply, StanzaError> {
        request.session()?.set_flag(flags::CARBONS, false);
        Ok(Reply::empty())
    }

    /// §8.
    fn sent(self: &Arc<Self>, copying: &mut Copying<'_>) {
        if !anyone_wants(copying) {
            return;
        }
        let Some(to) = copying.stanza.to.clone() else { return };
        // One to the own account is copied where it arrives: each session gets it once.
        if !same_bare(&to, &copying.account.jid) && self.is_eligible(copying, &to, false) {
            give(copying, "sent");
        }
    }

    /// §7.
    fn received(self: &Arc<Self>, copying: &mut Copying<'_>) {
        if !anyone_wants(copying) {
            return;
        }
        let Some(from) = copying.stanza.from.clone() else { return };
        if self.is_eligible(copying, &from, true) {
            give(copying, "received");
        }
    }

    fn is_eligible(&self, copying: &Copying<'_>, peer: &Addr, incoming: bool) -> bool {
        let (account, stanza) = (copying.account, &**copying.stanza);
        if stanza.kind == Kind::Message(MessageType::Error) {
            return self.recent.holds(account.id, peer, stanza.id());
        }
        let eligible = eligible::is_eligible(stanza, incoming);
        if eligible {
            self.recent.add(account.id, peer, stanza.id());
        }
        eligible
    }
}

/// Most messages have no other session to be copied to: that is asked first.
fn anyone_wants(copying: &Copying<'_>) -> bool {
    copying.others().any(|(_, session)| session.has_flag(flags::CARBONS))
}

/// Gives every enabled session that did not get the message itself a copy, all of them the same.
fn give(copying: &mut Copying<'_>, direction: &str) {
    let mut carbon = None;
    let enabled: Vec<usize> = copying
        .others()
        .filter(|(_, session)| session.has_flag(flags::CARBONS))
        .map(|(index, _)| index)
        .collect();
    for index in enabled {
        let carbon = carbon.get_or_insert_with(|| Arc::new(wrap(copying, direction)));
        copying.give(index, carbon.clone());
    }
}

/// The type is the original's, the sender the own bare JID (§7, §8); each session gets it addressed to itself.
fn wrap(copying: &Copying<'_>, direction: &str) -> Stanza {
    let from = Some(copying.account.jid.clone());
    Stanza::build(copying.stanza.kind, from, None, None, |out| {
        Tag::new(out, direction).ns(CARBONS).children(|out| {
            Tag::new(out, "forwarded").ns(FORWARD).children(|out| copying.write_original(out, CLIENT));
        });
    })
}

#[cfg(test)]
mod tests;

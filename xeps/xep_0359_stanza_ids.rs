//! XEP-0359: Unique and Stable Stanza IDs. The core gives ids at the order point; here forged ones are taken out.

use std::sync::Arc;

use jid::Jid;
use waxwing_kernel::{About, Amending, Feature, Kinds, Module, On, Place, Point, Setup, SetupError};
use waxwing_stanza::{ns::SID, same_bare};

pub struct StanzaIds;

impl Module for StanzaIds {
    const ABOUT: About = About {
        xep: 359,
        version: "0.7.0",
        name: "Unique and Stable Stanza IDs",
        features: &[Feature(Place::Archive, SID)],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<StanzaIds, SetupError> {
        Ok(StanzaIds)
    }

    fn install(on: &mut On<'_, StanzaIds>) {
        on.amend(Point::FromClient, Kinds::MESSAGE, StanzaIds::strip);
        on.amend(Point::FromRemote, Kinds::MESSAGE, StanzaIds::strip);
    }
}

impl StanzaIds {
    /// §3, rules 2 and 3: ids by those who would give one here (the sender's and the recipient's account, where they
    /// are ours) are deleted, also where none is given; others pass.
    fn strip(self: &Arc<Self>, amending: &mut Amending<'_>) {
        if !amending.stanza.has("stanza-id", SID) {
            return;
        }
        let account = amending.account;
        let to = amending.stanza.to.clone();
        let to = to.filter(|to| account.core().host(to.domain().as_str()).is_some());
        amending.stanza.hide(|child, element| {
            let by = child.is(element, "stanza-id", SID).then(|| child.attr(element, "by")).flatten();
            let by = by.and_then(|by| Jid::new(&by).ok());
            by.is_some_and(|by| {
                same_bare(&by, &account.jid) || to.as_ref().is_some_and(|to| same_bare(&by, to))
            })
        });
    }
}

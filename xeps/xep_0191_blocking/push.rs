//! Telling an account's clients of changes to the block list (XEP-0191 §3.3 to §3.5).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use waxwing_kernel::{Account, Delivery, Targets};
use waxwing_stanza::{IqType, Kind, Stanza};
use waxwing_xml::Tag;

use super::{BLOCKING, Blocking};
use crate::flags;

/// The element `name` with an item for each JID.
pub fn write<'a>(out: &mut Vec<u8>, name: &str, items: impl Iterator<Item = &'a String>) {
    Tag::new(out, name).ns(BLOCKING).children(|out| {
        for item in items {
            Tag::new(out, "item").attr("jid", item).end_empty();
        }
    });
}

impl Blocking {
    /// Pushes to every session that asked for the list.
    pub fn push(&self, account: &Arc<Account>, name: &str, items: &BTreeSet<String>) {
        let told: Vec<_> = account.resources(|resources| {
            let sessions = resources.iter().map(|resource| &resource.session);
            sessions.filter(|session| session.has_flag(flags::BLOCK_LIST)).cloned().collect()
        });
        for session in told {
            let id = format!("block-{}", self.pushes.fetch_add(1, Ordering::Relaxed));
            let to = Some(session.jid.clone());
            let push = Stanza::build(Kind::Iq(IqType::Set), None, to, Some(&id), |out| {
                write(out, name, items.iter());
            });
            account.accept(Delivery::plain(push, Targets::Session(session.id)));
        }
    }
}

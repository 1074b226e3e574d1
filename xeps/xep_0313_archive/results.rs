//! Archived messages as results.

use std::sync::Arc;

use waxwing_kernel::{Account, Archived, stamp};
use waxwing_stanza::{Kind, MessageType, Stanza, ns};
use waxwing_xml::Tag;

use crate::archive::MAM;

/// XEP-0297.
const FORWARD: &str = "urn:xmpp:forward:0";

/// §4.2: each as a message from the account, around what was received and when.
pub fn of(account: &Account, queryid: Option<&str>, entries: Vec<Archived>) -> Vec<(Archived, Arc<Stanza>)> {
    let wrap = |entry: Archived| {
        let kind = Kind::Message(MessageType::Normal);
        let result = Stanza::build(kind, Some(account.jid.clone()), None, None, |out| {
            let id = account.core().ids.stanza_id(account.id, entry.seq);
            Tag::new(out, "result").ns(MAM).attr_opt("queryid", queryid).attr("id", &id).children(|out| {
                Tag::new(out, "forwarded").ns(FORWARD).children(|out| {
                    Tag::new(out, "delay").ns(ns::DELAY).attr("stamp", &stamp(entry.at)).end_empty();
                    entry.stanza.write_in(out, Some(ns::CLIENT), None, |_| {});
                });
            });
        });
        (entry, Arc::new(result))
    };
    entries.into_iter().map(wrap).collect()
}

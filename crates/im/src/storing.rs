//! Which messages the log takes in.

use waxwing_kernel::{Account, ArchiveRule};
use waxwing_stanza::{Addr, Kind, MessageType, Stanza, ns};
use waxwing_store::StoreError;

/// How a message is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storing {
    /// In no log: errors, room messages, headlines, lone chat states, `<no-store/>` (XEP-0334 §4.2).
    Nothing,
    /// Until delivered, never in an archive: `<no-permanent-store/>` (XEP-0334 §4.1).
    Pending,
    /// Until delivered, and in an archive where there is one.
    Everything,
}

impl Storing {
    pub fn of(message: &Stanza) -> Storing {
        if !matches!(message.kind, Kind::Message(MessageType::Chat | MessageType::Normal)) {
            return Storing::Nothing;
        }
        if is_lone_chat_state(message) {
            return Storing::Nothing;
        }
        let hinted = message.has_ns(ns::HINTS);
        if hinted && message.has("no-store", ns::HINTS) {
            return Storing::Nothing;
        }
        let passing = hinted && message.has("no-permanent-store", ns::HINTS);
        if passing { Storing::Pending } else { Storing::Everything }
    }
}

/// XEP-0085: a state and nothing else that anyone would want to read later. A `<store/>` hint makes it more.
pub(crate) fn is_lone_chat_state(message: &Stanza) -> bool {
    let element = message.element();
    let mut state = false;
    for child in message.children() {
        match (child.ns(element), child.name(element)) {
            (ns::CHAT_STATES, _) => state = true,
            (ns::HINTS, "store") => return false,
            (ns::HINTS, _) | (ns::CLIENT, "thread") | (ns::SID, _) => {}
            _ => return false,
        }
    }
    state
}

/// A receipt (XEP-0184) or marker (XEP-0333) without a body: clients send these as normal messages to the full
/// JID that wrote to them, and they matter as much as the chat message that they are about.
pub(crate) fn is_receipt(message: &Stanza) -> bool {
    !message.has("body", ns::CLIENT) && (message.has("received", ns::RECEIPTS) || message.has_ns(ns::MARKERS))
}

/// Whether an account's archive takes in what it exchanges with `peer`.
pub(crate) async fn archives(account: &Account, peer: &Addr) -> Result<bool, StoreError> {
    match account.archive_rule(peer).await? {
        ArchiveRule::Always => Ok(true),
        ArchiveRule::Never => Ok(false),
        ArchiveRule::Roster => {
            let roster = account.core().rosters.get(account.id).await?;
            Ok(roster.row(peer).is_some_and(|row| row.listed))
        }
    }
}

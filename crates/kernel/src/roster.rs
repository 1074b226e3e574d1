//! An account's roster in memory: what is stored, by contact.

use std::collections::BTreeMap;

use jid::Jid;
use waxwing_stanza::bare_str;
use waxwing_store::{RosterRow, Subscription};

/// See the module. Changed through [`AccountCache::edit`](crate::AccountCache::edit) only.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    /// Counts the changes.
    pub version: u64,
    /// By the contact's bare JID. Rows that are not `listed` hold a request from someone not in the roster.
    pub rows: BTreeMap<String, RosterRow>,
}

impl Roster {
    pub fn row(&self, contact: &Jid) -> Option<&RosterRow> {
        self.rows.get(bare_str(contact))
    }

    /// How many contacts are listed.
    pub fn contacts(&self) -> usize {
        self.rows.values().filter(|row| row.listed).count()
    }

    /// How many people wait for an answer who are not listed.
    pub fn strangers(&self) -> usize {
        self.rows.len() - self.contacts()
    }

    /// How many people wait for an answer.
    pub fn requests(&self) -> usize {
        self.rows.values().filter(|row| row.request.is_some()).count()
    }

    /// Whether the contact is shown the owner's presence.
    pub fn shows_presence_to(&self, contact: &Jid) -> bool {
        self.row(contact)
            .is_some_and(|row| matches!(row.subscription, Subscription::From | Subscription::Both))
    }

    /// Whether the owner is shown the contact's presence.
    pub fn sees_presence_of(&self, contact: &Jid) -> bool {
        self.row(contact).is_some_and(|row| matches!(row.subscription, Subscription::To | Subscription::Both))
    }
}

impl From<waxwing_store::Roster> for Roster {
    fn from(stored: waxwing_store::Roster) -> Roster {
        let rows = stored.rows.into_iter().map(|row| (row.contact.clone(), row)).collect();
        Roster { version: stored.version, rows }
    }
}

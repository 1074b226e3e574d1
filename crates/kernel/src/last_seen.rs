//! Who may know when the owner of an account was last there.

use waxwing_store::{OwnerId, StoreError, Write};

use crate::Account;

/// The kind of the doc; there is none where the default holds.
const KIND: &str = "last-seen";

/// "Everyone" is not among them: only who may see presence may know as much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastSeen {
    /// Who may see the account's presence.
    #[default]
    Contacts,
    /// The owner only.
    Nobody,
}

impl LastSeen {
    const ALL: [(LastSeen, &'static str); 2] =
        [(LastSeen::Contacts, "contacts"), (LastSeen::Nobody, "nobody")];

    /// As it is written in commands.
    pub fn name(self) -> &'static str {
        LastSeen::ALL.iter().find(|(other, _)| *other == self).map_or("", |(_, name)| name)
    }

    /// The inverse of [`name`](LastSeen::name).
    pub fn named(name: &str) -> Option<LastSeen> {
        LastSeen::ALL.iter().find(|(_, other)| *other == name).map(|(seen, _)| *seen)
    }

    /// As it is stored. What is damaged is not guessed at.
    pub(crate) fn read(doc: Option<Vec<u8>>) -> Result<LastSeen, StoreError> {
        let Some(doc) = doc else { return Ok(LastSeen::default()) };
        let read = std::str::from_utf8(&doc).ok().and_then(LastSeen::named);
        read.ok_or_else(|| StoreError("who may see when an account was last seen is damaged".to_owned()))
    }

    /// Of an account, from the store itself.
    pub async fn stored(store: &dyn waxwing_store::Store, owner: OwnerId) -> Result<LastSeen, StoreError> {
        LastSeen::read(store.doc(owner, KIND, "").await?)
    }

    /// Sets it in the store itself.
    pub fn write(self, owner: OwnerId) -> Write {
        let key = String::new();
        match self {
            LastSeen::Contacts => Write::DocRemove { owner, kind: KIND, key },
            seen => Write::DocSet { owner, kind: KIND, key, value: seen.name().as_bytes().to_vec() },
        }
    }
}

impl Account {
    pub async fn last_seen(&self) -> Result<LastSeen, StoreError> {
        Ok(*self.core().last_seen.get(self.id).await?)
    }

    /// Holds from here on, durably.
    pub async fn set_last_seen(&self, seen: LastSeen) -> Result<(), StoreError> {
        let core = self.core();
        let mut edit = core.last_seen.edit(self.id).await?;
        core.writer.commit(vec![seen.write(self.id)]).await.inspect_err(|_| {
            // It may be stored all the same: it is read anew before anybody is told.
            core.last_seen.forget(self.id);
        })?;
        edit.replace(seen);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_by_name() {
        for seen in [LastSeen::Contacts, LastSeen::Nobody] {
            assert_eq!(LastSeen::read(Some(seen.name().into())).unwrap(), seen);
        }
        assert_eq!(LastSeen::read(None).unwrap(), LastSeen::Contacts);
        assert!(LastSeen::read(Some(b"everyone".to_vec())).is_err());
        assert!(LastSeen::read(Some(b"\xff".to_vec())).is_err());
    }
}

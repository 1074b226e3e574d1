//! What an account's archive takes in: the host's policy, the operator's for this account, and its owner's
//! preferences.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use jid::Jid;
use waxwing_stanza::bare_str;
use waxwing_store::{Doc, OwnerId, Store, StoreError, Write};

use crate::{Account, Edit, Retention, retention};

/// The kind of the docs, and their keys.
const KIND: &str = "archive";
const POLICY: &str = "policy";
const PREFERENCES: &str = "preferences";

/// What becomes of messages after delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// Every message is kept.
    Always,
    /// Messages exchanged with people in the roster are kept.
    Roster,
    /// Nothing is kept once it was acknowledged.
    Never,
    /// As `Never`: stored only while nobody has acknowledged it.
    UntilDelivered,
}

impl Archive {
    const ALL: [(Archive, &'static str); 4] = [
        (Archive::Always, "always"),
        (Archive::Roster, "roster"),
        (Archive::Never, "never"),
        (Archive::UntilDelivered, "until-delivered"),
    ];

    /// As it is written in the configuration and in commands.
    pub fn name(self) -> &'static str {
        Archive::ALL.iter().find(|(policy, _)| *policy == self).map_or("", |(_, name)| name)
    }

    /// The inverse of [`name`](Archive::name).
    pub fn named(name: &str) -> Option<Archive> {
        Archive::ALL.iter().find(|(_, other)| *other == name).map(|(policy, _)| *policy)
    }

    /// Whether there is an archive at all.
    pub fn keeps(self) -> bool {
        matches!(self, Archive::Always | Archive::Roster)
    }

    fn rule(self) -> ArchiveRule {
        match self {
            Archive::Always => ArchiveRule::Always,
            Archive::Roster => ArchiveRule::Roster,
            Archive::Never | Archive::UntilDelivered => ArchiveRule::Never,
        }
    }
}

/// Whether the messages exchanged with somebody are archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveRule {
    Always,
    Never,
    /// If the other is in the roster.
    Roster,
}

impl ArchiveRule {
    const ALL: [(ArchiveRule, &'static str); 3] =
        [(ArchiveRule::Always, "always"), (ArchiveRule::Never, "never"), (ArchiveRule::Roster, "roster")];

    pub fn name(self) -> &'static str {
        ArchiveRule::ALL.iter().find(|(rule, _)| *rule == self).map_or("", |(_, name)| name)
    }

    /// The inverse of [`name`](ArchiveRule::name).
    pub fn named(name: &str) -> Option<ArchiveRule> {
        ArchiveRule::ALL.iter().find(|(_, other)| *other == name).map(|(rule, _)| *rule)
    }
}

/// What the owner of an account wants of its archive. JIDs are prepared, bare or full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivePreferences {
    /// For everyone in neither list.
    pub default: ArchiveRule,
    pub always: BTreeSet<String>,
    pub never: BTreeSet<String>,
}

impl ArchivePreferences {
    /// A full JID counts before its bare one; where both lists have it, it is not archived.
    fn rule(&self, peer: &Jid) -> ArchiveRule {
        for jid in [peer.as_str(), bare_str(peer)] {
            if self.never.contains(jid) {
                return ArchiveRule::Never;
            }
            if self.always.contains(jid) {
                return ArchiveRule::Always;
            }
        }
        self.default
    }

    /// As the doc holds it: the default, then a line for each JID, which has no line end in it.
    fn write(&self) -> Vec<u8> {
        let line = |mark: &'static str| move |jid: &String| format!("\n{mark}{jid}");
        let lists = self.always.iter().map(line("+")).chain(self.never.iter().map(line("-")));
        format!("{}{}", self.default.name(), lists.collect::<String>()).into_bytes()
    }

    fn read(doc: &[u8]) -> Option<ArchivePreferences> {
        let mut lines = std::str::from_utf8(doc).ok()?.split('\n');
        let default = ArchiveRule::named(lines.next()?)?;
        let mut read = ArchivePreferences { default, always: BTreeSet::new(), never: BTreeSet::new() };
        for line in lines {
            match line.split_at_checked(1)? {
                ("+", jid) => read.always.insert(jid.to_owned()),
                ("-", jid) => read.never.insert(jid.to_owned()),
                _ => return None,
            };
        }
        Some(read)
    }
}

/// What is stored for one account, in memory.
#[derive(Debug, Clone, Default)]
pub struct Archiving {
    /// The operator's word, over the host's.
    pub policy: Option<Archive>,
    pub retention: Option<Retention>,
    pub preferences: Option<ArchivePreferences>,
}

impl Archiving {
    /// Of an account, from the store itself.
    pub async fn stored(store: &dyn Store, owner: OwnerId) -> Result<Archiving, StoreError> {
        Archiving::read(store.docs(owner, KIND).await?)
    }

    /// What is damaged is not guessed at.
    pub(crate) fn read(docs: Vec<Doc>) -> Result<Archiving, StoreError> {
        let mut read = Archiving::default();
        for doc in docs {
            let known = match doc.key.as_str() {
                POLICY => {
                    read.policy = std::str::from_utf8(&doc.value).ok().and_then(Archive::named);
                    read.policy.is_some()
                }
                key if retention::is_key(key) => {
                    read.retention = retention::read(&doc.value);
                    read.retention.is_some()
                }
                _ => {
                    read.preferences = ArchivePreferences::read(&doc.value);
                    read.preferences.is_some()
                }
            };
            if !known {
                return Err(StoreError("an account's archive settings are damaged".to_owned()));
            }
        }
        Ok(read)
    }

    /// The kind of the docs that [`policy_write`] and [`retention_write`](crate::retention_write) write.
    pub const KIND: &'static str = KIND;
}

/// Sets an account's policy; `None` leaves it to the host.
pub fn policy_write(owner: OwnerId, policy: Option<Archive>) -> Write {
    let key = POLICY.to_owned();
    match policy {
        Some(policy) => Write::DocSet { owner, kind: KIND, key, value: policy.name().as_bytes().to_vec() },
        None => Write::DocRemove { owner, kind: KIND, key },
    }
}

/// What most accounts need to know of their archive, without a lock: the policy, where there are no preferences.
#[derive(Default)]
pub(crate) struct Known(AtomicU8);

const UNKNOWN: u8 = 0;
/// There are preferences: they are asked.
const DETAILED: u8 = u8::MAX;

impl Known {
    fn set(&self, host: Archive, archiving: Option<&Archiving>) {
        let code = match archiving {
            None => UNKNOWN,
            Some(Archiving { preferences: Some(_), .. }) => DETAILED,
            Some(Archiving { policy, .. }) => {
                let policy = policy.unwrap_or(host);
                Archive::ALL.iter().position(|(other, _)| *other == policy).map_or(UNKNOWN, |at| at as u8 + 1)
            }
        };
        self.0.store(code, Ordering::Release);
    }

    fn policy(&self) -> Option<Archive> {
        let code = self.0.load(Ordering::Acquire);
        Archive::ALL.get(usize::from(code).checked_sub(1)?).map(|(policy, _)| *policy)
    }
}

impl Account {
    async fn archiving(&self) -> Result<Arc<Archiving>, StoreError> {
        if let Some(archiving) = self.core().archiving.present(self.id) {
            return Ok(archiving);
        }
        // Noted under the right to change it, so that a load never brings back what a change has replaced.
        let edit = self.core().archiving.edit(self.id).await?;
        self.known.set(self.host.archive, Some(&edit.current));
        Ok(edit.current.clone())
    }

    /// What was read with the account. What is damaged is read again where it is needed, and refuses there.
    pub(crate) fn load_archiving(&self, docs: Vec<Doc>) {
        let any = !docs.is_empty();
        let Ok(archiving) = Archiving::read(docs) else { return };
        self.known.set(self.host.archive, Some(&archiving));
        if any {
            self.core().archiving.fill(self.id, archiving);
        }
    }

    /// Which policy holds for this account. Awaits nothing once it is known.
    pub async fn archive_policy(&self) -> Result<Archive, StoreError> {
        match self.known.policy() {
            Some(policy) => Ok(policy),
            None => Ok(self.archiving().await?.policy.unwrap_or(self.host.archive)),
        }
    }

    /// Whether what it exchanges with `peer` is archived. Awaits nothing once it is known.
    pub async fn archive_rule(&self, peer: &Jid) -> Result<ArchiveRule, StoreError> {
        if let Some(policy) = self.known.policy() {
            return Ok(policy.rule());
        }
        let archiving = self.archiving().await?;
        let policy = archiving.policy.unwrap_or(self.host.archive);
        Ok(match &archiving.preferences {
            Some(preferences) if policy.keeps() => preferences.rule(peer),
            _ => policy.rule(),
        })
    }

    /// What its owner wants; the policy's word where that was never said.
    pub async fn archive_preferences(&self) -> Result<ArchivePreferences, StoreError> {
        let archiving = self.archiving().await?;
        Ok(archiving.preferences.clone().unwrap_or_else(|| ArchivePreferences {
            default: archiving.policy.unwrap_or(self.host.archive).rule(),
            always: BTreeSet::new(),
            never: BTreeSet::new(),
        }))
    }

    /// Takes the owner's word. Holds for what is sent from here on.
    pub async fn set_archive_preferences(&self, preferences: ArchivePreferences) -> Result<(), StoreError> {
        let edit = self.core().archiving.edit(self.id).await?;
        let (kind, key, value) = (KIND, PREFERENCES.to_owned(), preferences.write());
        let write = Write::DocSet { owner: self.id, kind, key, value };
        let archiving = Archiving { preferences: Some(preferences), ..(*edit.current).clone() };
        self.change(edit, write, archiving).await
    }

    /// Takes the operator's word; `None` leaves it to the host. Without an archive, what is in it goes.
    pub async fn set_archive_policy(&self, policy: Option<Archive>) -> Result<(), StoreError> {
        let core = self.core();
        let edit = core.archiving.edit(self.id).await?;
        let archiving = Archiving { policy, ..(*edit.current).clone() };
        self.change(edit, policy_write(self.id, policy), archiving).await?;
        if !policy.unwrap_or(self.host.archive).keeps() {
            core.writer.flush().await;
            core.store.trim_archive(self.id, 0).await?;
            self.lock().archived = 0;
        }
        Ok(())
    }

    pub(crate) async fn change(
        &self,
        mut edit: Edit<'_, Archiving>,
        write: Write,
        archiving: Archiving,
    ) -> Result<(), StoreError> {
        if let Err(error) = self.core().writer.commit(vec![write]).await {
            // It may be stored all the same: it is read anew before anything is decided by it.
            self.core().archiving.forget(self.id);
            self.known.set(self.host.archive, None);
            return Err(error);
        }
        let archiving = edit.replace(archiving);
        self.known.set(self.host.archive, Some(&archiving));
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn preferences(default: ArchiveRule, always: &[&str], never: &[&str]) -> ArchivePreferences {
        let set = |jids: &[&str]| jids.iter().map(|jid| (*jid).to_owned()).collect();
        ArchivePreferences { default, always: set(always), never: set(never) }
    }

    #[test]
    fn preferences_are_read_as_they_were_written() {
        for written in [
            preferences(ArchiveRule::Roster, &[], &[]),
            preferences(ArchiveRule::Never, &["a@b", "a@b/c -+ d"], &["x"]),
        ] {
            assert_eq!(ArchivePreferences::read(&written.write()), Some(written));
        }
        for damaged in [&b""[..], b"perhaps", b"never\n", b"never\na@b", b"never\n+a\n", b"\xff"] {
            assert_eq!(ArchivePreferences::read(damaged), None, "{damaged:?}");
        }
    }

    #[test]
    fn a_full_jid_counts_before_its_bare_one() {
        let wants = preferences(ArchiveRule::Roster, &["a@b/1", "c@d", "e@f"], &["a@b", "e@f"]);
        for (jid, rule) in [
            ("a@b/1", ArchiveRule::Always),
            ("a@b/2", ArchiveRule::Never),
            ("a@b", ArchiveRule::Never),
            ("c@d/x", ArchiveRule::Always),
            ("e@f", ArchiveRule::Never),
            ("g@h", ArchiveRule::Roster),
            ("b", ArchiveRule::Roster),
        ] {
            assert_eq!(wants.rule(&Jid::new(jid).unwrap()), rule, "{jid}");
        }
    }

    #[test]
    fn what_is_damaged_is_an_error() {
        let doc = |key: &str, value: &[u8]| Doc { key: key.to_owned(), value: value.to_vec() };
        let read =
            Archiving::read(vec![doc(POLICY, b"until-delivered"), doc(PREFERENCES, b"always")]).unwrap();
        assert_eq!(read.policy, Some(Archive::UntilDelivered));
        assert!(Archiving::read(vec![doc(POLICY, b"nonsense")]).is_err());
        assert!(Archiving::read(vec![doc(PREFERENCES, b"")]).is_err());
    }
}

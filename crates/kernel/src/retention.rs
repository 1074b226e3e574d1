//! How long an account's archive keeps messages: the host's word, or the operator's for this account.

use std::time::Duration;

use jid::Jid;
use waxwing_store::{ArchiveHead, OwnerId, Seq, StoreError, UnixMillis, Write};

use crate::archive::first_at;
use crate::{Account, Archiving, Core, now};

const KEY: &str = "retention";

/// Archives that are looked at at once.
const PAGE: u32 = 500;

/// Days that archived messages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention(u16);

impl Retention {
    /// What there may be, in days.
    pub const DAYS: std::ops::RangeInclusive<u16> = 1..=36_500;

    /// `None` for a number of days that there may not be.
    pub fn days(days: u16) -> Option<Retention> {
        Retention::DAYS.contains(&days).then_some(Retention(days))
    }

    /// From what [`retention_write`] wrote, or an operator did.
    pub fn read(days: &str) -> Option<Retention> {
        Retention::days(days.parse().ok()?)
    }

    pub fn in_days(self) -> u16 {
        self.0
    }

    fn time(self) -> Duration {
        Duration::from_secs(u64::from(self.0) * 86_400)
    }

    /// The position before which nothing is kept, `time` being how long it is.
    fn bound(time: Duration, now: UnixMillis) -> Seq {
        first_at(now.saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// Sets how long an account's archived messages are kept; `None` leaves it to the host.
pub fn retention_write(owner: OwnerId, retention: Option<Retention>) -> Write {
    let (kind, key) = (Archiving::KIND, KEY.to_owned());
    match retention {
        Some(retention) => {
            Write::DocSet { owner, kind, key, value: retention.in_days().to_string().into_bytes() }
        }
        None => Write::DocRemove { owner, kind, key },
    }
}

/// Whether that is the key of what [`retention_write`] wrote, among the docs of its kind.
pub(crate) fn is_key(key: &str) -> bool {
    key == KEY
}

pub(crate) fn read(doc: &[u8]) -> Option<Retention> {
    Retention::read(std::str::from_utf8(doc).ok()?)
}

impl Account {
    /// How long its archived messages are kept.
    pub(crate) fn retention(&self, archiving: &Archiving) -> Duration {
        archiving.retention.map_or(self.host.retention, Retention::time)
    }

    /// Takes the operator's word; `None` leaves it to the host. What is too old by it goes at once.
    pub async fn set_archive_retention(&self, retention: Option<Retention>) -> Result<(), StoreError> {
        let edit = self.core().archiving.edit(self.id).await?;
        let archiving = Archiving { retention, ..(*edit.current).clone() };
        let time = self.retention(&archiving);
        self.change(edit, retention_write(self.id, retention), archiving).await?;
        self.expire(Retention::bound(time, now())).await
    }

    /// Takes the archived mark off what lies before a position.
    async fn expire(&self, before: Seq) -> Result<(), StoreError> {
        let taken = self.core().store.expire_archive(self.id, before).await?;
        let mut state = self.lock();
        state.archived = state.archived.saturating_sub(taken);
        Ok(())
    }
}

impl Core {
    /// Takes the archived mark off whatever is too old at this time, by what holds for each account.
    pub async fn expire_archives(&self, now: UnixMillis) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let page = self.store.archives(after, Archiving::KIND, KEY, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.owner;
            for head in &page {
                self.expire_archive(head, now).await?;
            }
        }
    }

    async fn expire_archive(&self, head: &ArchiveHead, now: UnixMillis) -> Result<(), StoreError> {
        let own = match &head.doc {
            None => None,
            Some(doc) => match read(doc) {
                Some(retention) => Some(retention.time()),
                // What is damaged is not guessed at.
                None => {
                    tracing::error!(
                        account = head.jid,
                        "how long its archive is kept cannot be read: nothing goes"
                    );
                    return Ok(());
                }
            },
        };
        // Of a domain that is not served now, by what holds where nothing else is said.
        let host = || Jid::new(&head.jid).ok().and_then(|jid| self.host(jid.domain().as_str()));
        let time =
            own.unwrap_or_else(|| host().map_or(self.settings.archive_retention, |host| host.retention));
        let before = Retention::bound(time, now);
        if head.oldest >= before {
            return Ok(());
        }
        match self.directory.present_at(&head.jid) {
            Some(account) => account.expire(before).await,
            None => self.store.expire_archive(head.owner, before).await.map(drop),
        }
    }
}

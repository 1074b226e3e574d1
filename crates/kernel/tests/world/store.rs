//! A database that can be held up, break, or be taken away.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::watch;
use waxwing_store::{
    AccountRow, ApplyError, ArchiveHead, DeviceRow, Doc, LogHead, LogQuery, LogRow, Marks, NewAccount,
    OwnerId, ReportHead, ReportQuery, Roster, Seq, Store, StoreError, StoredAccount, UnixMillis, Wanted,
    Write,
};

/// What happens to writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    Pass,
    /// They wait.
    Held,
    Refused,
    /// Applied, but nobody learns of it.
    Unknown,
    /// The first is applied, and then it is as if the process were killed.
    One,
}

pub struct Trying {
    inner: Mutex<Option<Arc<dyn Store>>>,
    writes: watch::Sender<Writes>,
    applied: Mutex<(usize, usize)>,
}

impl Trying {
    /// Opens the database, once whoever had it has let go.
    pub async fn open(path: &Path) -> Arc<Trying> {
        let mut tries = 0;
        let inner = loop {
            match waxwing_store_sqlite::open(path).await {
                Ok(store) => break store,
                Err(error) if tries > 200 => panic!("{error}"),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        Arc::new(Trying {
            inner: Mutex::new(Some(inner)),
            writes: watch::Sender::new(Writes::Pass),
            applied: Mutex::default(),
        })
    }

    pub fn set(&self, writes: Writes) {
        self.writes.send_replace(writes);
    }

    /// How many transactions were applied since the start, and writes in them.
    pub fn applied(&self) -> (usize, usize) {
        *self.applied.lock()
    }

    fn count(&self, writes: usize) {
        let mut applied = self.applied.lock();
        *applied = (applied.0 + 1, applied.1 + writes);
    }

    /// As if the process were killed.
    pub fn take_away(&self) {
        self.inner.lock().take();
    }

    fn get(&self) -> Result<Arc<dyn Store>, StoreError> {
        self.inner.lock().clone().ok_or_else(|| StoreError("gone".to_owned()))
    }
}

#[async_trait]
impl Store for Trying {
    async fn apply(&self, writes: &[&Write]) -> Result<(), ApplyError> {
        let mut mode = self.writes.subscribe();
        let mode = *mode.wait_for(|mode| *mode != Writes::Held).await.unwrap();
        let store = self.get().map_err(|error| ApplyError::Unknown(error.0))?;
        match mode {
            Writes::Refused => return Err(ApplyError::Refused("as asked".to_owned())),
            Writes::Unknown => {
                store.apply(writes).await?;
                return Err(ApplyError::Unknown("as asked".to_owned()));
            }
            Writes::One => {
                self.count(writes.len());
                store.apply(writes).await?;
                self.take_away();
                Ok(())
            }
            _ => {
                self.count(writes.len());
                store.apply(writes).await
            }
        }
    }
    async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.get()?.meta(key).await
    }
    async fn set_meta(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.get()?.set_meta(key, value).await
    }
    async fn create_accounts(&self, new: &[NewAccount]) -> Result<Vec<Option<OwnerId>>, StoreError> {
        self.get()?.create_accounts(new).await
    }
    async fn account(&self, jid: &str) -> Result<Option<AccountRow>, StoreError> {
        self.get()?.account(jid).await
    }
    async fn load(&self, jid: &str, wanted: &Wanted<'_>) -> Result<Option<StoredAccount>, StoreError> {
        self.get()?.load(jid, wanted).await
    }
    async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<AccountRow>, StoreError> {
        self.get()?.accounts(after, limit).await
    }
    async fn log_head(&self, owner: OwnerId) -> Result<LogHead, StoreError> {
        self.get()?.log_head(owner).await
    }
    async fn log_pending(&self, owner: OwnerId, after: Seq, limit: u32) -> Result<Vec<LogRow>, StoreError> {
        self.get()?.log_pending(owner, after, limit).await
    }
    async fn log_pending_archived(
        &self,
        owner: OwnerId,
        after: Seq,
        before: Seq,
        newest: u64,
    ) -> Result<Vec<Seq>, StoreError> {
        self.get()?.log_pending_archived(owner, after, before, newest).await
    }
    async fn log_archived(&self, owner: OwnerId, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        self.get()?.log_archived(owner, query).await
    }
    async fn log_archived_at(&self, owner: OwnerId, seqs: &[Seq]) -> Result<u64, StoreError> {
        self.get()?.log_archived_at(owner, seqs).await
    }
    async fn search_head(&self, owner: OwnerId) -> Result<Seq, StoreError> {
        self.get()?.search_head(owner).await
    }
    async fn search_add(
        &self,
        owner: OwnerId,
        head: Seq,
        entries: &[(Seq, Vec<String>)],
    ) -> Result<(), StoreError> {
        self.get()?.search_add(owner, head, entries).await
    }
    async fn search(
        &self,
        owner: OwnerId,
        words: &[String],
        query: &LogQuery,
    ) -> Result<Vec<Seq>, StoreError> {
        self.get()?.search(owner, words, query).await
    }
    async fn trim_archive(&self, owner: OwnerId, keep: u64) -> Result<u64, StoreError> {
        self.get()?.trim_archive(owner, keep).await
    }
    async fn expire_archive(&self, owner: OwnerId, before: Seq) -> Result<u64, StoreError> {
        self.get()?.expire_archive(owner, before).await
    }
    async fn archives(
        &self,
        after: OwnerId,
        kind: &str,
        key: &str,
        limit: u32,
    ) -> Result<Vec<ArchiveHead>, StoreError> {
        self.get()?.archives(after, kind, key, limit).await
    }
    async fn log_marks(&self, owner: OwnerId, seq: Seq) -> Result<Option<Marks>, StoreError> {
        self.get()?.log_marks(owner, seq).await
    }
    async fn expire_resend_rows(&self, before: UnixMillis, limit: u32) -> Result<u64, StoreError> {
        self.get()?.expire_resend_rows(before, limit).await
    }
    async fn forget_boot(&self, boot: u64) -> Result<(), StoreError> {
        self.get()?.forget_boot(boot).await
    }
    async fn roster(&self, owner: OwnerId) -> Result<Roster, StoreError> {
        self.get()?.roster(owner).await
    }
    async fn doc(&self, owner: OwnerId, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.get()?.doc(owner, kind, key).await
    }
    async fn docs(&self, owner: OwnerId, kind: &str) -> Result<Vec<Doc>, StoreError> {
        self.get()?.docs(owner, kind).await
    }
    async fn account_on(
        &self,
        jid: &str,
        device: &str,
    ) -> Result<Option<(AccountRow, Option<DeviceRow>)>, StoreError> {
        self.get()?.account_on(jid, device).await
    }
    async fn device(&self, owner: OwnerId, id: &str) -> Result<Option<DeviceRow>, StoreError> {
        self.get()?.device(owner, id).await
    }
    async fn devices(&self, owner: OwnerId) -> Result<Vec<DeviceRow>, StoreError> {
        self.get()?.devices(owner).await
    }
    async fn reports(&self, query: &ReportQuery, limit: u32) -> Result<Vec<ReportHead>, StoreError> {
        self.get()?.reports(query, limit).await
    }
    async fn report(&self, id: u64) -> Result<Option<(ReportHead, Vec<u8>)>, StoreError> {
        self.get()?.report(id).await
    }
    async fn remove_report(&self, id: u64) -> Result<bool, StoreError> {
        self.get()?.remove_report(id).await
    }
    async fn expire_reports(&self, before: UnixMillis, limit: u32) -> Result<u64, StoreError> {
        self.get()?.expire_reports(before, limit).await
    }
    async fn close(&self) {
        if let Ok(store) = self.get() {
            store.close().await;
        }
    }
}

//! The store: which connection does what.

use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard};
use waxwing_store::{
    AccountRow, ApplyError, ArchiveHead, DeviceRow, Doc, LogHead, LogQuery, LogRow, Marks, NewAccount,
    OwnerId, ReportHead, ReportQuery, Roster, Seq, Step, Store, StoreError, StoredAccount, UnixMillis,
    Wanted, Write, steps,
};

use crate::error::{apply_error, store_error};
use crate::lookups::Lookups;
use crate::readers::Readers;
use crate::rows::position;
use crate::{accounts, archive, one, reports, retention, rows, search};

/// Entries that retention handles in one transaction, so that appends wait some milliseconds at most.
const RETENTION_STEP: u64 = 2000;

pub(crate) struct Sqlite {
    /// `None` once closed.
    writer: Mutex<Option<SqliteConnection>>,
    readers: Arc<Readers>,
    lookups: Arc<Lookups>,
    /// Locked as long as this lives.
    _lock: File,
}

impl Sqlite {
    pub(crate) fn new(writer: SqliteConnection, readers: Readers, lock: File) -> Sqlite {
        let readers = Arc::new(readers);
        let lookups = Lookups::new(readers.clone());
        Sqlite { writer: Mutex::new(Some(writer)), readers, lookups, _lock: lock }
    }

    async fn writer(&self) -> Writing<'_> {
        Writing(self.writer.lock().await)
    }
}

/// The writing connection, held.
struct Writing<'a>(MutexGuard<'a, Option<SqliteConnection>>);

impl Writing<'_> {
    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.0.as_mut().ok_or_else(|| StoreError("the database is closed".to_owned()))
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn apply(&self, writes: &[&Write]) -> Result<(), ApplyError> {
        let mut writer = self.writer().await;
        let connection = writer.connection().map_err(|error| ApplyError::Unknown(error.0))?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(apply_error)?;
        for step in steps(writes) {
            match step {
                Step::Rows(rows) => rows::apply(&mut transaction, &rows).await,
                Step::One(write) => one::apply(&mut transaction, write).await,
            }
            .map_err(apply_error)?;
        }
        transaction.commit().await.map_err(apply_error)
    }

    async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query_scalar("SELECT value FROM meta WHERE key = ?")
            .bind(key)
            .fetch_optional(&mut *self.readers.get().await?)
            .await
            .map_err(store_error)
    }

    async fn set_meta(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        )
        .bind(key)
        .bind(value)
        .execute(self.writer().await.connection()?)
        .await
        .map(drop)
        .map_err(store_error)
    }

    async fn create_accounts(&self, new: &[NewAccount]) -> Result<Vec<Option<OwnerId>>, StoreError> {
        accounts::create(self.writer().await.connection()?, new).await.map_err(store_error)
    }

    async fn account(&self, jid: &str) -> Result<Option<AccountRow>, StoreError> {
        self.lookups.row(jid).await
    }

    async fn load(&self, jid: &str, wanted: &Wanted<'_>) -> Result<Option<StoredAccount>, StoreError> {
        self.lookups.whole(jid, wanted).await
    }

    async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<AccountRow>, StoreError> {
        accounts::page(&mut *self.readers.get().await?, after, limit).await
    }

    async fn log_head(&self, owner: OwnerId) -> Result<LogHead, StoreError> {
        let (last, ever, pending, archived): (Option<i64>, Option<i64>, i64, Option<i64>) = sqlx::query_as(
            "SELECT (SELECT max(seq) FROM log WHERE owner = ?1), (SELECT last FROM log_heads WHERE owner = ?1), \
             (SELECT count(*) FROM log WHERE owner = ?1 AND pending = 1), \
             (SELECT archived FROM log_heads WHERE owner = ?1)",
        )
        .bind(owner)
        .fetch_one(&mut *self.readers.get().await?)
        .await
        .map_err(store_error)?;
        Ok(LogHead {
            last: last.max(ever).unwrap_or(0).cast_unsigned(),
            pending: pending.cast_unsigned(),
            archived: archived.unwrap_or(0).cast_unsigned(),
        })
    }

    async fn log_pending(&self, owner: OwnerId, after: Seq, limit: u32) -> Result<Vec<LogRow>, StoreError> {
        sqlx::query(
            "SELECT owner, seq, at, archived, pending, peer, resource, stanza FROM log \
             WHERE owner = ? AND seq > ? AND pending = 1 ORDER BY seq LIMIT +?",
        )
        .bind(owner)
        .bind(position(after.min(i64::MAX as u64)))
        .bind(limit)
        .try_map(archive::log_row)
        .fetch_all(&mut *self.readers.get().await?)
        .await
        .map_err(store_error)
    }

    async fn log_pending_archived(
        &self,
        owner: OwnerId,
        after: Seq,
        before: Seq,
        newest: u64,
    ) -> Result<Vec<Seq>, StoreError> {
        archive::pending(&mut *self.readers.get().await?, owner, after, before, newest)
            .await
            .map_err(store_error)
    }

    async fn log_archived(&self, owner: OwnerId, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        archive::page(&mut *self.readers.get().await?, owner, query).await.map_err(store_error)
    }

    async fn log_archived_at(&self, owner: OwnerId, seqs: &[Seq]) -> Result<u64, StoreError> {
        archive::count_at(&mut *self.readers.get().await?, owner, seqs).await.map_err(store_error)
    }

    async fn search_head(&self, owner: OwnerId) -> Result<Seq, StoreError> {
        search::head(&mut *self.readers.get().await?, owner).await.map_err(store_error)
    }

    async fn search_add(
        &self,
        owner: OwnerId,
        head: Seq,
        entries: &[(Seq, Vec<String>)],
    ) -> Result<(), StoreError> {
        search::add(self.writer().await.connection()?, owner, head, entries).await.map_err(store_error)
    }

    async fn search(
        &self,
        owner: OwnerId,
        words: &[String],
        query: &LogQuery,
    ) -> Result<Vec<Seq>, StoreError> {
        search::page(&mut *self.readers.get().await?, owner, words, query).await.map_err(store_error)
    }

    async fn trim_archive(&self, owner: OwnerId, keep: u64) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let mut writer = self.writer().await;
            let taken = retention::trim(writer.connection()?, owner, keep, RETENTION_STEP)
                .await
                .map_err(store_error)?;
            total += taken;
            if taken < RETENTION_STEP {
                return Ok(total);
            }
        }
    }

    async fn expire_archive(&self, owner: OwnerId, before: Seq) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let mut writer = self.writer().await;
            let taken = retention::expire(writer.connection()?, owner, before, RETENTION_STEP)
                .await
                .map_err(store_error)?;
            total += taken;
            if taken < RETENTION_STEP {
                return Ok(total);
            }
        }
    }

    async fn archives(
        &self,
        after: OwnerId,
        kind: &str,
        key: &str,
        limit: u32,
    ) -> Result<Vec<ArchiveHead>, StoreError> {
        retention::archives(&mut *self.readers.get().await?, after, kind, key, limit)
            .await
            .map_err(store_error)
    }

    async fn log_marks(&self, owner: OwnerId, seq: Seq) -> Result<Option<Marks>, StoreError> {
        let marks: Option<(bool, bool)> =
            sqlx::query_as("SELECT archived, pending FROM log WHERE owner = ? AND seq = ?")
                .bind(owner)
                .bind(position(seq.min(i64::MAX as u64)))
                .fetch_optional(&mut *self.readers.get().await?)
                .await
                .map_err(store_error)?;
        Ok(marks.map(|(archived, pending)| Marks { archived, pending }))
    }

    async fn expire_resend_rows(&self, before: UnixMillis, limit: u32) -> Result<u64, StoreError> {
        retention::expire_resends(self.writer().await.connection()?, before, limit).await.map_err(store_error)
    }

    async fn forget_boot(&self, boot: u64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM resends WHERE boot = ?")
            .bind(position(boot))
            .execute(self.writer().await.connection()?)
            .await
            .map(drop)
            .map_err(store_error)
    }

    async fn roster(&self, owner: OwnerId) -> Result<Roster, StoreError> {
        accounts::roster(&mut *self.readers.get().await?, owner).await
    }

    async fn doc(&self, owner: OwnerId, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query_scalar("SELECT value FROM docs WHERE owner = ? AND kind = ? AND key = ?")
            .bind(owner)
            .bind(kind)
            .bind(key)
            .fetch_optional(&mut *self.readers.get().await?)
            .await
            .map_err(store_error)
    }

    async fn docs(&self, owner: OwnerId, kind: &str) -> Result<Vec<Doc>, StoreError> {
        sqlx::query("SELECT key, value FROM docs WHERE owner = ? AND kind = ? ORDER BY key")
            .bind(owner)
            .bind(kind)
            .try_map(|row: SqliteRow| Ok(Doc { key: row.try_get(0)?, value: row.try_get(1)? }))
            .fetch_all(&mut *self.readers.get().await?)
            .await
            .map_err(store_error)
    }

    async fn account_on(
        &self,
        jid: &str,
        device: &str,
    ) -> Result<Option<(AccountRow, Option<DeviceRow>)>, StoreError> {
        accounts::on_device(&mut *self.readers.get().await?, jid, device).await
    }

    async fn device(&self, owner: OwnerId, id: &str) -> Result<Option<DeviceRow>, StoreError> {
        sqlx::query(
            "SELECT owner, id, software, name, seen, tokens, first FROM devices WHERE owner = ? AND id = ?",
        )
        .bind(owner)
        .bind(id)
        .try_map(accounts::device)
        .fetch_optional(&mut *self.readers.get().await?)
        .await
        .map_err(store_error)
    }

    async fn devices(&self, owner: OwnerId) -> Result<Vec<DeviceRow>, StoreError> {
        sqlx::query(
            "SELECT owner, id, software, name, seen, tokens, first FROM devices WHERE owner = ? \
             ORDER BY seen DESC, id",
        )
        .bind(owner)
        .try_map(accounts::device)
        .fetch_all(&mut *self.readers.get().await?)
        .await
        .map_err(store_error)
    }

    async fn reports(&self, query: &ReportQuery, limit: u32) -> Result<Vec<ReportHead>, StoreError> {
        reports::page(&mut *self.readers.get().await?, query, limit).await.map_err(store_error)
    }

    async fn report(&self, id: u64) -> Result<Option<(ReportHead, Vec<u8>)>, StoreError> {
        reports::one(&mut *self.readers.get().await?, id).await.map_err(store_error)
    }

    async fn remove_report(&self, id: u64) -> Result<bool, StoreError> {
        reports::remove(self.writer().await.connection()?, id).await.map_err(store_error)
    }

    async fn expire_reports(&self, before: UnixMillis, limit: u32) -> Result<u64, StoreError> {
        reports::expire(self.writer().await.connection()?, before, limit).await.map_err(store_error)
    }

    async fn close(&self) {
        // Readers first: the last connection to go writes the WAL back into the file.
        self.readers.close().await;
        let writer = self.writer.lock().await.take();
        if let Some(writer) = writer
            && let Err(error) = writer.close().await
        {
            tracing::warn!(%error, "closing the database");
        }
    }
}

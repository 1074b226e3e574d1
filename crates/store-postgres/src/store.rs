//! The store: which connection does what.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{ClientWrapper, Object, Pool};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};
use tokio::time::timeout;
use tokio_postgres::{Config, Error, Row};
use waxwing_store::{
    AccountRow, ApplyError, ArchiveHead, DeviceRow, Doc, LogHead, LogQuery, LogRow, Marks, NewAccount,
    OwnerId, ReportHead, ReportQuery, Roster, Seq, Step, Store, StoreError, StoredAccount, UnixMillis,
    Wanted, Write, report_id, steps,
};

use crate::connection::{ConnectError, connect};
use crate::error::{apply_error, pool_error, store_error, words};
use crate::pipeline::transaction;
use crate::rows::position;
use crate::{accounts, archive, load, one, reports, retention, rows, search};

/// How long a transaction or a look-up may take. A server that hangs would else hold up for ever all who wait for it.
const ANSWER: Duration = Duration::from_secs(30);

/// How long its last statement may take: the end of the connection does the same a little later.
const CLOSING: Duration = Duration::from_secs(5);

/// Entries that retention handles in one transaction, so that appends wait some milliseconds at most.
const RETENTION_STEP: u64 = 2000;

pub(crate) struct Postgres {
    config: Config,
    /// `None` while a transaction has it, and after it was lost: the next who writes connects again.
    writer: Mutex<Option<ClientWrapper>>,
    /// Reads, and tidies up where that is in no append's way.
    pool: Pool,
}

impl Postgres {
    pub(crate) fn new(config: Config, writer: ClientWrapper, pool: Pool) -> Postgres {
        Postgres { config, writer: Mutex::new(Some(writer)), pool }
    }

    /// The writing connection's place, with an open connection in it, a new one where the old was lost.
    async fn place(&self) -> Result<MutexGuard<'_, Option<ClientWrapper>>, StoreError> {
        let mut place = self.writer.lock().await;
        if place.as_ref().is_none_or(|client| client.is_closed()) && !self.pool.is_closed() {
            // The lost one first: it may still hold the lock.
            *place = None;
            *place = Some(connect(&self.config).await.map_err(|error| match error {
                ConnectError::Taken => StoreError("another Waxwing is using the database".to_owned()),
                ConnectError::Postgres(error) => store_error(&error),
                ConnectError::Silent => silent(),
            })?);
        }
        Ok(place)
    }

    /// The writing connection, for one statement.
    async fn writer(&self) -> Result<MappedMutexGuard<'_, ClientWrapper>, StoreError> {
        MutexGuard::try_map(self.place().await?, Option::as_mut).map_err(|_| closed())
    }

    /// Given up in the middle, it leaves no connection behind.
    async fn apply_all(&self, writes: &[&Write]) -> Result<(), ApplyError> {
        let steps = steps(writes);
        let mut statements = Vec::new();
        for step in &steps {
            match step {
                Step::Rows(rows) => rows::statements(rows, &mut statements),
                Step::One(write) => one::statements(write, &mut statements),
            }
        }
        let unknown = |error: StoreError| ApplyError::Unknown(error.0);
        let mut place = self.place().await.map_err(unknown)?;
        // Out of its place meanwhile: whoever stops in the middle leaves no half transaction behind.
        let client = place.take().ok_or_else(closed).map_err(unknown)?;
        let applied = transaction(&client, statements).await;
        *place = Some(client);
        applied.map_err(|error| apply_error(&error))
    }

    async fn client(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(|error| pool_error(&error))
    }

    async fn rows<T>(
        &self,
        sql: &str,
        values: &[&(dyn tokio_postgres::types::ToSql + Sync)],
        read: impl Fn(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, StoreError> {
        let client = self.client().await?;
        let rows = async {
            let select = client.prepare_cached(sql).await?;
            client.query(&select, values).await?.iter().map(read).collect::<Result<_, Error>>()
        };
        answer(rows).await
    }
}

#[async_trait]
impl Store for Postgres {
    async fn apply(&self, writes: &[&Write]) -> Result<(), ApplyError> {
        let applied = timeout(ANSWER, self.apply_all(writes)).await;
        applied.unwrap_or_else(|_| Err(ApplyError::Unknown(silent().0)))
    }

    async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.rows("SELECT value FROM meta WHERE key = $1", &[&key], |row| row.try_get(0)).await.map(first)
    }

    async fn set_meta(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let set = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        let client = self.writer().await?;
        answer(client.execute(set, &[&key, &value])).await.map(drop)
    }

    async fn create_accounts(&self, new: &[NewAccount]) -> Result<Vec<Option<OwnerId>>, StoreError> {
        let client = self.writer().await?;
        accounts::create(&client, new).await.map_err(|error| store_error(&error))
    }

    async fn account(&self, jid: &str) -> Result<Option<AccountRow>, StoreError> {
        let sql = "SELECT id, jid, keys, disabled, admin, created FROM accounts WHERE jid = $1";
        self.rows(sql, &[&jid], accounts::account).await.map(first)
    }

    async fn load(&self, jid: &str, wanted: &Wanted<'_>) -> Result<Option<StoredAccount>, StoreError> {
        let client = self.client().await?;
        timeout(ANSWER, load::load(&client, jid, wanted)).await.unwrap_or_else(|_| Err(silent()))
    }

    async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<AccountRow>, StoreError> {
        let sql = "SELECT id, jid, keys, disabled, admin, created FROM accounts WHERE jid > $1 ORDER BY jid LIMIT $2";
        // Every JID is greater than the empty text.
        self.rows(sql, &[&after.unwrap_or(""), &i64::from(limit)], accounts::account).await
    }

    async fn log_head(&self, owner: OwnerId) -> Result<LogHead, StoreError> {
        let sql = "SELECT greatest((SELECT max(seq) FROM log WHERE owner = $1), \
                   (SELECT last FROM log_heads WHERE owner = $1), 0), \
                   (SELECT count(*) FROM log WHERE owner = $1 AND pending), \
                   coalesce((SELECT archived FROM log_heads WHERE owner = $1), 0)";
        let head = |row: &Row| {
            let number = |at| row.try_get::<_, i64>(at).map(i64::cast_unsigned);
            Ok(LogHead { last: number(0)?, pending: number(1)?, archived: number(2)? })
        };
        self.rows(sql, &[&owner], head).await.map(|heads| first(heads).unwrap_or_default())
    }

    async fn log_pending(&self, owner: OwnerId, after: Seq, limit: u32) -> Result<Vec<LogRow>, StoreError> {
        let sql = "SELECT owner, seq, at, archived, pending, peer, resource, stanza FROM log \
                   WHERE owner = $1 AND seq > $2 AND pending ORDER BY seq LIMIT $3";
        self.rows(sql, &[&owner, &position(after.min(i64::MAX as u64)), &i64::from(limit)], archive::log_row)
            .await
    }

    async fn log_pending_archived(
        &self,
        owner: OwnerId,
        after: Seq,
        before: Seq,
        newest: u64,
    ) -> Result<Vec<Seq>, StoreError> {
        let client = self.client().await?;
        answer(archive::pending(&client, owner, after, before, newest)).await
    }

    async fn log_archived(&self, owner: OwnerId, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        answer(archive::page(&self.client().await?, owner, query)).await
    }

    async fn log_archived_at(&self, owner: OwnerId, seqs: &[Seq]) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {} WHERE archived", archive::AMONG);
        let count = |row: &Row| row.try_get::<_, i64>(0).map(i64::cast_unsigned);
        self.rows(&sql, &[&owner, &archive::bounds(seqs)], count)
            .await
            .map(|counts| first(counts).unwrap_or(0))
    }

    async fn search_head(&self, owner: OwnerId) -> Result<Seq, StoreError> {
        let sql = "SELECT seq FROM search_heads WHERE owner = $1";
        let head = |row: &Row| row.try_get::<_, i64>(0).map(i64::cast_unsigned);
        self.rows(sql, &[&owner], head).await.map(|heads| first(heads).unwrap_or(0))
    }

    async fn search_add(
        &self,
        owner: OwnerId,
        head: Seq,
        entries: &[(Seq, Vec<String>)],
    ) -> Result<(), StoreError> {
        answer(search::add(&self.client().await?, owner, head, entries)).await
    }

    async fn search(
        &self,
        owner: OwnerId,
        words: &[String],
        query: &LogQuery,
    ) -> Result<Vec<Seq>, StoreError> {
        answer(search::page(&self.client().await?, owner, words, query)).await
    }

    async fn trim_archive(&self, owner: OwnerId, keep: u64) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let client = self.writer().await?;
            let taken = answer(retention::trim(&client, owner, keep, RETENTION_STEP)).await?;
            total += taken;
            if taken < RETENTION_STEP {
                return Ok(total);
            }
        }
    }

    async fn expire_archive(&self, owner: OwnerId, before: Seq) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let client = self.writer().await?;
            let taken = answer(retention::expire(&client, owner, before, RETENTION_STEP)).await?;
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
        let sql = "SELECT owner, jid, oldest, doc FROM (\
                SELECT head.owner, accounts.jid, docs.value AS doc, \
                    (SELECT seq FROM log WHERE log.owner = head.owner AND archived ORDER BY seq LIMIT 1) AS oldest \
                FROM log_heads AS head JOIN accounts ON accounts.id = head.owner \
                LEFT JOIN docs ON docs.owner = head.owner AND docs.kind = $2 AND docs.key = $3 \
                WHERE head.owner > $1 AND head.archived > 0 ORDER BY head.owner LIMIT $4) AS archives \
             WHERE oldest IS NOT NULL ORDER BY owner";
        let head = |row: &Row| {
            let oldest: i64 = row.try_get(2)?;
            let (owner, jid, doc) = (row.try_get(0)?, row.try_get(1)?, row.try_get(3)?);
            Ok(ArchiveHead { owner, jid, oldest: oldest.cast_unsigned(), doc })
        };
        self.rows(sql, &[&after, &kind, &key, &i64::from(limit)], head).await
    }

    async fn log_marks(&self, owner: OwnerId, seq: Seq) -> Result<Option<Marks>, StoreError> {
        let sql = "SELECT archived, pending FROM log WHERE owner = $1 AND seq = $2";
        let marks = |row: &Row| Ok(Marks { archived: row.try_get(0)?, pending: row.try_get(1)? });
        match i64::try_from(seq) {
            Ok(seq) => self.rows(sql, &[&owner, &seq], marks).await.map(first),
            Err(_) => Ok(None),
        }
    }

    async fn expire_resend_rows(&self, before: UnixMillis, limit: u32) -> Result<u64, StoreError> {
        let client = self.client().await?;
        answer(retention::expire_resends(&client, before, limit)).await
    }

    async fn forget_boot(&self, boot: u64) -> Result<(), StoreError> {
        let client = self.client().await?;
        answer(client.execute("DELETE FROM resends WHERE boot = $1", &[&position(boot)])).await.map(drop)
    }

    async fn roster(&self, owner: OwnerId) -> Result<Roster, StoreError> {
        let client = self.client().await?;
        timeout(ANSWER, accounts::roster(&client, owner)).await.unwrap_or_else(|_| Err(silent()))
    }

    async fn doc(&self, owner: OwnerId, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT value FROM docs WHERE owner = $1 AND kind = $2 AND key = $3";
        self.rows(sql, &[&owner, &kind, &key], |row| row.try_get(0)).await.map(first)
    }

    async fn docs(&self, owner: OwnerId, kind: &str) -> Result<Vec<Doc>, StoreError> {
        let sql = "SELECT key, value FROM docs WHERE owner = $1 AND kind = $2 ORDER BY key";
        let doc = |row: &Row| Ok(Doc { key: row.try_get(0)?, value: row.try_get(1)? });
        self.rows(sql, &[&owner, &kind], doc).await
    }

    async fn account_on(
        &self,
        jid: &str,
        device: &str,
    ) -> Result<Option<(AccountRow, Option<DeviceRow>)>, StoreError> {
        let sql = "SELECT accounts.id, jid, keys, disabled, admin, created, owner, devices.id, software, name, seen, \
                   tokens, first FROM accounts LEFT JOIN devices ON owner = accounts.id AND devices.id = $2 WHERE jid = $1";
        self.rows(sql, &[&jid, &device], accounts::on_device).await.map(first)
    }

    async fn device(&self, owner: OwnerId, id: &str) -> Result<Option<DeviceRow>, StoreError> {
        let sql =
            "SELECT owner, id, software, name, seen, tokens, first FROM devices WHERE owner = $1 AND id = $2";
        self.rows(sql, &[&owner, &id], accounts::device).await.map(first)
    }

    async fn devices(&self, owner: OwnerId) -> Result<Vec<DeviceRow>, StoreError> {
        let sql = "SELECT owner, id, software, name, seen, tokens, first FROM devices WHERE owner = $1 \
                   ORDER BY seen DESC, id";
        self.rows(sql, &[&owner], accounts::device).await
    }

    async fn reports(&self, query: &ReportQuery, limit: u32) -> Result<Vec<ReportHead>, StoreError> {
        let after = position(query.after.min(i64::MAX.unsigned_abs()));
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&after, &query.host, &query.reported, &i64::from(limit)];
        self.rows(reports::PAGE, &values, reports::head).await
    }

    async fn report(&self, id: u64) -> Result<Option<(ReportHead, Vec<u8>)>, StoreError> {
        let whole = |row: &Row| Ok((reports::head(row)?, row.try_get(5)?));
        self.rows(reports::ONE, &[&position(id)], whole).await.map(first)
    }

    async fn remove_report(&self, id: u64) -> Result<bool, StoreError> {
        let client = self.client().await?;
        let removed = answer(client.execute("DELETE FROM reports WHERE id = $1", &[&position(id)])).await?;
        Ok(removed > 0)
    }

    async fn expire_reports(&self, before: UnixMillis, limit: u32) -> Result<u64, StoreError> {
        let client = self.client().await?;
        answer(client.execute(reports::EXPIRE, &[&position(report_id(before, 0)), &i64::from(limit)])).await
    }

    async fn close(&self) {
        self.pool.close();
        let client = self.writer.lock().await.take();
        // The connection ends some time after it is dropped; the next Waxwing need not wait for that.
        let Some(client) = client else { return };
        match timeout(CLOSING, client.batch_execute("SELECT pg_advisory_unlock_all()")).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = words(&error), "closing the database"),
            Err(_) => tracing::warn!(error = %silent(), "closing the database"),
        }
    }
}

/// The answer of Postgres, if it comes in time.
async fn answer<T>(asked: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
    match timeout(ANSWER, asked).await {
        Ok(answer) => answer.map_err(|error| store_error(&error)),
        Err(_) => Err(silent()),
    }
}

fn silent() -> StoreError {
    StoreError("Postgres does not answer".to_owned())
}

fn closed() -> StoreError {
    StoreError("the database is closed".to_owned())
}

fn first<T>(rows: Vec<T>) -> Option<T> {
    rows.into_iter().next()
}

//! The seam between the server and its databases.

use async_trait::async_trait;

use crate::{
    AccountRow, ApplyError, ArchiveHead, DeviceRow, Doc, LogHead, LogQuery, LogRow, Marks, NewAccount,
    OwnerId, ReportHead, ReportQuery, Roster, Seq, StoreError, StoredAccount, UnixMillis, Wanted, Write,
};

/// A database, held by one process. What sessions change goes through [`apply`](Store::apply), called by the one
/// [`Writer`](crate::Writer) only; the rest reads beside it, makes accounts and tidies up in the background.
///
/// A read sees everything that was applied before it began. Reads are bounded by `limit` where there may be many.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Applies all of `writes`, in order, in one durable transaction, or none. They have passed
    /// [`Write::check`]. Once this returns `Ok` they survive the death of the process and of the machine.
    async fn apply(&self, writes: &[&Write]) -> Result<(), ApplyError>;

    /// A value the server keeps about itself.
    async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Sets such a value, durably.
    async fn set_meta(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;

    /// Makes the accounts in one transaction; says of each, in order, its number, or `None` where it existed.
    async fn create_accounts(&self, new: &[NewAccount]) -> Result<Vec<Option<OwnerId>>, StoreError>;
    /// One account by its bare JID.
    async fn account(&self, jid: &str) -> Result<Option<AccountRow>, StoreError>;
    /// All that is kept in memory of an account while it is in use, by its bare JID; in one look at the database. To be
    /// asked while nobody changes the account: not all of it need be of one moment.
    async fn load(&self, jid: &str, wanted: &Wanted<'_>) -> Result<Option<StoredAccount>, StoreError>;
    /// Accounts in the order of their JIDs, from after `after`, at most `limit`.
    async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<AccountRow>, StoreError>;

    /// What a log looks like.
    async fn log_head(&self, owner: OwnerId) -> Result<LogHead, StoreError>;
    /// Entries that carry the pending mark, in order, from after `after`, at most `limit`.
    async fn log_pending(&self, owner: OwnerId, after: Seq, limit: u32) -> Result<Vec<LogRow>, StoreError>;
    /// Positions of entries that carry both marks, in order, between `after` and `before`, and among the owner's
    /// `newest` newest archived entries.
    async fn log_pending_archived(
        &self,
        owner: OwnerId,
        after: Seq,
        before: Seq,
        newest: u64,
    ) -> Result<Vec<Seq>, StoreError>;
    /// Archived entries, oldest first or newest first. A page costs the same wherever it lies in the log; one of a
    /// full JID may cost a walk through what the bare JID has.
    async fn log_archived(&self, owner: OwnerId, query: &LogQuery) -> Result<Vec<LogRow>, StoreError>;
    /// How many archived entries there are at these positions.
    async fn log_archived_at(&self, owner: OwnerId, seqs: &[Seq]) -> Result<u64, StoreError>;
    /// Up to which position the owner's archive is searchable, 0 if it was never searched.
    async fn search_head(&self, owner: OwnerId) -> Result<Seq, StoreError>;
    /// Makes entries searchable by their words, and the archive up to `head`. Words are letters and digits in lower
    /// case. Entries that are known already or not archived (any more) are left out.
    async fn search_add(
        &self,
        owner: OwnerId,
        head: Seq,
        entries: &[(Seq, Vec<String>)],
    ) -> Result<(), StoreError>;
    /// As [`log_archived`](Store::log_archived), but only entries that have all of these words, of which there is
    /// at least one, and only their positions. Costs what the owner's matches cost.
    async fn search(
        &self,
        owner: OwnerId,
        words: &[String],
        query: &LogQuery,
    ) -> Result<Vec<Seq>, StoreError>;
    /// Takes the archived mark off the owner's oldest archived entries until `keep` are left; says how many.
    /// Works in short transactions, so that appends are never held up for long.
    async fn trim_archive(&self, owner: OwnerId, keep: u64) -> Result<u64, StoreError>;
    /// Takes the archived mark off the owner's entries before this position; says how many. In short transactions too.
    async fn expire_archive(&self, owner: OwnerId, before: Seq) -> Result<u64, StoreError>;
    /// Accounts with something in their archive, in the order of their numbers, from after `after`, at most `limit`;
    /// with each its doc of this kind and key.
    async fn archives(
        &self,
        after: OwnerId,
        kind: &str,
        key: &str,
        limit: u32,
    ) -> Result<Vec<ArchiveHead>, StoreError>;
    /// The marks of one entry, `None` if it is not there.
    async fn log_marks(&self, owner: OwnerId, seq: Seq) -> Result<Option<Marks>, StoreError>;

    /// Removes resend rows older than `before`, at most `limit`; says how many.
    async fn expire_resend_rows(&self, before: UnixMillis, limit: u32) -> Result<u64, StoreError>;
    /// Removes every resend row written by start `boot` (a stop in good order).
    async fn forget_boot(&self, boot: u64) -> Result<(), StoreError>;

    /// A whole roster.
    async fn roster(&self, owner: OwnerId) -> Result<Roster, StoreError>;

    /// One doc.
    async fn doc(&self, owner: OwnerId, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// All docs of a kind, by key.
    async fn docs(&self, owner: OwnerId, kind: &str) -> Result<Vec<Doc>, StoreError>;

    /// One account by its bare JID, with one of its devices.
    async fn account_on(
        &self,
        jid: &str,
        device: &str,
    ) -> Result<Option<(AccountRow, Option<DeviceRow>)>, StoreError>;
    /// One device.
    async fn device(&self, owner: OwnerId, id: &str) -> Result<Option<DeviceRow>, StoreError>;
    /// The devices of an account, the last that logged in first.
    async fn devices(&self, owner: OwnerId) -> Result<Vec<DeviceRow>, StoreError>;

    /// Reports, oldest first, at most `limit`.
    async fn reports(&self, query: &ReportQuery, limit: u32) -> Result<Vec<ReportHead>, StoreError>;
    /// One report with its content.
    async fn report(&self, id: u64) -> Result<Option<(ReportHead, Vec<u8>)>, StoreError>;
    /// Removes a report; says whether it was there.
    async fn remove_report(&self, id: u64) -> Result<bool, StoreError>;
    /// Removes reports made before `before`, at most `limit`; says how many.
    async fn expire_reports(&self, before: UnixMillis, limit: u32) -> Result<u64, StoreError>;

    /// Lets go of the database in good order.
    async fn close(&self);
}

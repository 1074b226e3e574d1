//! What is stored, and the one door that writes go through.
//!
//! A [`Store`] is a database: it reads, and it applies a batch of [`Write`]s in one transaction.
//! A [`Writer`] is the group commit in front of it: writes of all sessions join one transaction,
//! in the order in which they were submitted. Backends know no stanza: they store bytes.

mod batch;
mod error;
mod groups;
mod model;
mod reports;
pub mod schema;
mod store;
#[cfg(feature = "suite")]
pub mod suite;
mod write;
mod writer;

pub use batch::{HeadChange, Rows, Step, steps};
pub use error::{ApplyError, StoreError};
pub use groups::{groups_from_text, groups_to_text};
pub use model::{
    AccountRow, ArchiveHead, DeviceRow, Doc, LogHead, LogQuery, LogRow, Marks, NewAccount, OwnerId,
    ResendRow, Roster, RosterRow, Seq, StoredAccount, Subscription, UnixMillis, Wanted,
};
pub use reports::{Report, ReportHead, ReportQuery, report_id, reported_at};
pub use store::Store;
pub use write::{MAX_KEY, MAX_KIND, MAX_WRITE, Unit, Write};
pub use writer::{Done, OnCommit, Outcome, Permit, Writer, WriterOptions, WriterStats};

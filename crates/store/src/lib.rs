//! What is stored, and the one door that writes go through.
//!
//! A [`Store`] is a database: it reads, and it applies a batch of [`Write`]s in one transaction.
//! A [`Writer`] is the group commit in front of it: writes of all sessions join one transaction,
//! in the order in which they were submitted. Backends know no stanza: they store bytes.

mod error;
mod model;
mod store;
mod writer;

pub use error::{ApplyError, StoreError};
pub use model::{
    AccountRow, Doc, LogHead, LogRow, Marks, NewAccount, OwnerId, ResendRow, Roster, RosterRow, Seq, Subscription,
    UnixMillis,
};
pub use store::{Store, Write};
pub use writer::{Done, OnCommit, Outcome, Permit, Writer, WriterOptions};

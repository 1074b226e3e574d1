//! What became of an account's registrations for push notifications.

use serde::{Deserialize, Serialize};
use waxwing_store::{OwnerId, Store};

use crate::AdminError;

/// One registration, as its module stores it; credentials and keys are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushInfo {
    /// The push service.
    pub jid: String,
    pub node: Option<String>,
    /// Whose client enabled it.
    pub resource: String,
    pub ledger: PushLedger,
}

/// Counts, and times in milliseconds since 1970-01-01T00:00:00Z, 0 for never.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushLedger {
    pub registered: i64,
    /// Messages that the device was to be woken for.
    pub queued: u64,
    pub last_queued: i64,
    /// Notifications published.
    pub sent: u64,
    pub last_sent: i64,
    /// Results that came.
    pub answered: u64,
    pub last_answered: i64,
    /// Errors that came, or no answer.
    pub errors: u64,
    pub last_error_at: i64,
    /// The condition of the last.
    pub last_error: Option<String>,
}

/// The registrations of an account as stored: a running server stores what changes within seconds.
pub async fn push_registrations(store: &dyn Store, owner: OwnerId) -> Result<Vec<PushInfo>, AdminError> {
    let docs = store.docs(owner, "push").await?;
    let read = docs.iter().map(|doc| serde_json::from_slice(&doc.value));
    read.collect::<Result<_, _>>().map_err(|_| AdminError("a push registration cannot be read".into()))
}

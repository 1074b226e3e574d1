//! The group commit: one task, one transaction after another, in the order of submission.

use std::sync::Arc;



/// How a submitted unit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Durable.
    Stored,
    /// Can never be stored; nothing of it was.
    Refused,
    /// The database is away or its answer was lost, also after trying again: it may or may not be there.
    Lost,
}

/// Somebody who is told, on the writer's task, in the order of submission. Must not block.
pub trait OnCommit: Send + Sync {
    fn committed(self: Arc<Self>, token: u64, outcome: Outcome);
}

/// Whom to tell about a unit; the token is the caller's own (an account gives the entry's position).
pub struct Done(pub Option<(Arc<dyn OnCommit>, u64)>);

//! The group commit: one task, one transaction after another, in the order of submission.
//!
//! An idle writer commits at once; what arrives while a transaction runs forms the next. So batches grow with the
//! load and nothing waits for a timer.

mod queue;
mod run;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use self::queue::Permit;
use self::queue::{Queue, Submission};
use crate::{OwnerId, Seq, Store, StoreError, Unit, Write};

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

impl Done {
    /// A panic of the one who is told ends nobody else's commits.
    fn tell(self, outcome: Outcome) {
        if let Some((who, token)) = self.0
            && catch_unwind(AssertUnwindSafe(|| who.committed(token, outcome))).is_err()
        {
            tracing::error!("a panic while a commit was reported");
        }
    }
}

/// The writer's bounds.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Bytes that may wait or be under way before [`Writer::permit`] waits, with what is kept beside them; also bounds
    /// the units, each of which counts as at least 4 KiB.
    pub queue_bytes: usize,
    /// Rows in one transaction; a single larger unit has one to itself.
    pub batch_rows: usize,
    /// Bytes in one transaction; a single larger unit has one to itself.
    pub batch_bytes: usize,
    /// For how long a batch of unknown outcome is tried again before it is [`Outcome::Lost`].
    pub retry_for: Duration,
}

impl Default for WriterOptions {
    fn default() -> WriterOptions {
        WriterOptions {
            queue_bytes: 64 << 20,
            batch_rows: 4096,
            batch_bytes: 8 << 20,
            retry_for: Duration::from_secs(10),
        }
    }
}

/// What a writer has done since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriterStats {
    /// Transactions committed.
    pub batches: u64,
    /// Writes in them; the settles of one owner in one batch count as one.
    pub writes: u64,
    /// Log entries among them.
    pub entries: u64,
    /// The most writes in one of them.
    pub largest: u64,
}

/// The door to a database's one writing task. Clones share it; the task ends with [`stop`](Writer::stop), or when
/// the last clone is dropped and what was submitted has its outcome.
#[derive(Clone)]
pub struct Writer {
    handle: Arc<Handle>,
}

struct Handle {
    queue: Arc<Queue>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Writer {
    /// Starts the writing task on the current runtime.
    pub fn start(store: Arc<dyn Store>, options: WriterOptions) -> Writer {
        let queue = Arc::new(Queue::new(options.queue_bytes));
        let task = tokio::spawn(run::run(store, Arc::clone(&queue), options));
        Writer { handle: Arc::new(Handle { queue, task: Mutex::new(Some(task)) }) }
    }

    /// Waits while too much is queued. To be awaited before an account's lock is taken; covers one unit. Dropped
    /// unused, it is given back.
    pub async fn permit(&self) -> Permit {
        self.handle.queue.permit().await
    }

    /// As [`permit`](Writer::permit), for what is worth less than waiting: `None` while too much is queued.
    pub fn try_permit(&self) -> Option<Permit> {
        self.handle.queue.try_permit()
    }

    /// Queues a unit: all of its writes in one transaction. Never blocks and never fails; the order of calls is the
    /// order of commits and of what `done` is told. After [`stop`](Writer::stop) a unit is dropped untold.
    pub fn submit(&self, permit: Permit, writes: Unit, done: Done) {
        self.submit_beside(0, permit, writes, done);
    }

    /// The same; the caller keeps so many bytes more until `done` is told.
    pub fn submit_beside(&self, beside: usize, permit: Permit, writes: Unit, done: Done) {
        self.handle.queue.push(Submission::beside(beside, writes, done), Some(permit));
    }

    /// Submits and waits for the outcome: for rosters, docs, passwords.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let permit = self.permit().await;
        let (waiter, outcome) = waiter();
        self.submit(permit, Unit::from_vec(writes), waiter);
        match outcome.await {
            Ok(Outcome::Stored) => Ok(()),
            Ok(Outcome::Refused) => Err(StoreError("the database refused the change".to_owned())),
            Ok(Outcome::Lost) => Err(StoreError("the database is away".to_owned())),
            Err(_) => Err(StoreError("the server is stopping".to_owned())),
        }
    }

    /// Takes the pending mark off an entry, some time soon and after what was submitted before. Nobody is told and
    /// no permit is needed: settles are small and no more than was appended.
    pub fn settle(&self, owner: OwnerId, seq: Seq) {
        self.handle.queue.settle(owner, seq);
    }

    /// Waits until everything submitted so far has its outcome, settles too.
    pub async fn flush(&self) {
        // Twice: the settles of a batch are its last unit, so they may end just after the first.
        for _ in 0..2 {
            let (waiter, outcome) = waiter();
            self.handle.queue.push(Submission::new(Unit::new(), waiter), None);
            // An error means that somebody has called `stop`, which waits by itself.
            let _ = outcome.await;
        }
    }

    /// Ends the task once everything submitted so far has its outcome.
    pub async fn stop(&self) {
        self.handle.queue.close();
        let task = self.handle.task.lock().take();
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("the writer ended by a panic");
        }
    }

    /// Counters since the start.
    pub fn stats(&self) -> WriterStats {
        self.handle.queue.stats()
    }
}

/// One who waits for one outcome.
struct Waiter(Mutex<Option<oneshot::Sender<Outcome>>>);

fn waiter() -> (Done, oneshot::Receiver<Outcome>) {
    let (sender, receiver) = oneshot::channel();
    (Done(Some((Arc::new(Waiter(Mutex::new(Some(sender)))), 0))), receiver)
}

impl OnCommit for Waiter {
    fn committed(self: Arc<Self>, _token: u64, outcome: Outcome) {
        if let Some(sender) = self.0.lock().take() {
            // Whoever asked may have gone.
            let _ = sender.send(outcome);
        }
    }
}

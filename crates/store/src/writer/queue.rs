//! What waits for the next transaction, and who may add to it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{Done, Outcome, WriterOptions, WriterStats};
use crate::{OwnerId, Seq, Unit, Write};

/// What one token of the semaphore stands for. A unit costs at least one.
const TOKEN_BYTES: usize = 4096;

/// Leave to submit one unit.
pub struct Permit(OwnedSemaphorePermit);

/// A unit in the queue.
pub(super) struct Submission {
    pub writes: Unit,
    pub bytes: usize,
    /// What is kept beside it meanwhile, in bytes.
    beside: usize,
    done: Done,
    /// Tokens to give back with the outcome.
    tokens: usize,
}

impl Submission {
    pub fn new(writes: Unit, done: Done) -> Submission {
        Submission::beside(0, writes, done)
    }

    pub fn beside(beside: usize, writes: Unit, done: Done) -> Submission {
        let bytes = writes.iter().map(Write::bytes).sum();
        Submission { writes, bytes, beside, done, tokens: 0 }
    }

    /// Rows, but at least one: an empty unit is still work.
    pub fn rows(&self) -> usize {
        self.writes.len().max(1)
    }
}

pub(super) struct Queue {
    state: Mutex<State>,
    tokens: Arc<Semaphore>,
    filled: Notify,
}

#[derive(Default)]
struct State {
    units: VecDeque<Submission>,
    /// With the number of units that had been submitted before: a settle never overtakes its append.
    settles: VecDeque<(u64, OwnerId, Seq)>,
    submitted: u64,
    taken: u64,
    /// Tokens that units cost beyond those that were free at the time, owed before any is given out again.
    debt: usize,
    closed: bool,
    stats: WriterStats,
}

impl Queue {
    pub fn new(bytes: usize) -> Queue {
        let tokens = (bytes / TOKEN_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        Queue {
            state: Mutex::new(State::default()),
            tokens: Arc::new(Semaphore::new(tokens)),
            filled: Notify::new(),
        }
    }

    #[allow(clippy::expect_used)]
    pub async fn permit(&self) -> Permit {
        if let Some(permit) = self.try_permit() {
            return permit;
        }
        // Cannot fail: nobody closes this semaphore.
        Permit(Arc::clone(&self.tokens).acquire_owned().await.expect("an open semaphore"))
    }

    pub fn try_permit(&self) -> Option<Permit> {
        Arc::clone(&self.tokens).try_acquire_owned().ok().map(Permit)
    }

    pub fn push(&self, mut unit: Submission, permit: Option<Permit>) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        if let Some(Permit(token)) = permit {
            token.forget();
            unit.tokens = (unit.bytes + unit.beside).div_ceil(TOKEN_BYTES).max(1);
            let more = unit.tokens - 1;
            if more > 0 {
                state.debt += more - self.tokens.forget_permits(more);
            }
        }
        state.submitted += 1;
        state.units.push_back(unit);
        let first = state.units.len() == 1;
        drop(state);
        if first {
            self.filled.notify_one();
        }
    }

    pub fn settle(&self, owner: OwnerId, seq: Seq) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        let before = state.submitted;
        state.settles.push_back((before, owner, seq));
        let first = state.settles.len() == 1;
        drop(state);
        if first {
            self.filled.notify_one();
        }
    }

    /// Nothing more is taken in; the task ends when all is done.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.filled.notify_one();
    }

    /// Waits for something to do and takes as much of it as one transaction may hold, settles last, as a unit of
    /// their own. `None` once the queue is closed and empty.
    pub async fn next(&self, options: &WriterOptions) -> Option<Vec<Submission>> {
        loop {
            if let Some(batch) = self.take(options) {
                return batch;
            }
            self.filled.notified().await;
        }
    }

    /// The outer `None`: nothing to do yet. The inner: nothing to do ever.
    fn take(&self, options: &WriterOptions) -> Option<Option<Vec<Submission>>> {
        let mut state = self.state.lock();
        if state.units.is_empty() && state.settles.is_empty() {
            return state.closed.then_some(None);
        }
        let (mut rows, mut bytes) = (0, 0);
        let mut count = 0;
        for unit in &state.units {
            rows += unit.rows();
            bytes += unit.bytes;
            if count > 0 && (rows > options.batch_rows || bytes > options.batch_bytes) {
                break;
            }
            count += 1;
        }
        let mut batch: Vec<Submission> = state.units.drain(..count).collect();
        state.taken += count as u64;
        let taken = state.taken;
        let settles = state.settles.partition_point(|(before, ..)| *before <= taken);
        let settled: Vec<(OwnerId, Seq)> =
            state.settles.drain(..settles).map(|(_, owner, seq)| (owner, seq)).collect();
        drop(state);
        if !settled.is_empty() {
            batch.push(Submission::new(by_owner(settled), Done(None)));
        }
        Some(Some(batch))
    }

    /// Tells everyone how it ended and gives the tokens back.
    pub fn finish(&self, units: Vec<Submission>, outcome: Outcome) {
        let mut tokens = 0;
        for unit in units {
            tokens += unit.tokens;
            unit.done.tell(outcome);
        }
        let mut state = self.state.lock();
        let owed = state.debt.min(tokens);
        state.debt -= owed;
        drop(state);
        self.tokens.add_permits(tokens - owed);
    }

    pub fn count(&self, writes: &[&Write]) {
        let entries = writes.iter().filter(|write| matches!(write, Write::Append(_))).count();
        let writes = writes.len();
        let stats = &mut self.state.lock().stats;
        stats.batches += 1;
        stats.writes += writes as u64;
        stats.entries += entries as u64;
        stats.largest = stats.largest.max(writes as u64);
    }

    pub fn stats(&self) -> WriterStats {
        self.state.lock().stats
    }
}

fn by_owner(mut settled: Vec<(OwnerId, Seq)>) -> Unit {
    settled.sort_unstable();
    settled
        .chunk_by(|a, b| a.0 == b.0)
        .map(|entries| Write::Settle {
            owner: entries[0].0,
            seqs: entries.iter().map(|(_, seq)| *seq).collect(),
        })
        .collect()
}

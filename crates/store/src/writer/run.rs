//! The writing task: batches, halving, trying again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep};

use super::queue::{Queue, Submission};
use super::{Outcome, WriterOptions};
use crate::{ApplyError, Store, Write};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn run(store: Arc<dyn Store>, queue: Arc<Queue>, options: WriterOptions) {
    while let Some(batch) = queue.next(&options).await {
        let mut good = Vec::with_capacity(batch.len());
        for unit in batch {
            match unit.writes.iter().try_for_each(Write::check) {
                Ok(()) => good.push(unit),
                // After those before it, for the order in which people are told.
                Err(why) => {
                    commit(&*store, &queue, &options, std::mem::take(&mut good)).await;
                    refuse(&queue, unit, why);
                }
            }
        }
        commit(&*store, &queue, &options, good).await;
        // Those who were just told go first, so that what they send next is in the next transaction and not in the one
        // after it: with one message in flight from each of 50 senders 45 of them share one, without this 25.
        tokio::task::yield_now().await;
    }
}

fn refuse(queue: &Queue, unit: Submission, why: &str) {
    tracing::warn!(why, "a write was refused");
    queue.finish(vec![unit], Outcome::Refused);
}

/// Commits the units in order. Where the database refuses, halves down to the units that it refuses.
async fn commit(store: &dyn Store, queue: &Queue, options: &WriterOptions, units: Vec<Submission>) {
    let mut waiting = vec![units];
    while let Some(mut units) = waiting.pop() {
        match apply(store, queue, options, &units).await {
            Ok(()) => queue.finish(units, Outcome::Stored),
            Err(ApplyError::Refused(why)) if units.len() == 1 => {
                tracing::warn!(why, "a write was refused");
                queue.finish(units, Outcome::Refused);
            }
            Err(ApplyError::Refused(_)) => {
                let second = units.split_off(units.len() / 2);
                waiting.extend([second, units]);
            }
            Err(ApplyError::Unknown(why)) => {
                tracing::error!(why, units = units.len(), "writes were lost");
                queue.finish(units, Outcome::Lost);
            }
        }
    }
}

/// One transaction, tried again while its outcome is unknown.
async fn apply(
    store: &dyn Store,
    queue: &Queue,
    options: &WriterOptions,
    units: &[Submission],
) -> Result<(), ApplyError> {
    let writes: Vec<&Write> = units.iter().flat_map(|unit| &unit.writes).collect();
    if writes.is_empty() {
        return Ok(());
    }
    let give_up = Instant::now() + options.retry_for;
    let mut pause = FIRST_PAUSE;
    loop {
        // A panic in a store would else leave everybody waiting for ever.
        let applied = AssertUnwindSafe(store.apply(&writes)).catch_unwind().await;
        match applied.unwrap_or_else(|_| Err(ApplyError::Unknown("a panic in the store".to_owned()))) {
            Ok(()) => {
                queue.count(&writes);
                return Ok(());
            }
            Err(ApplyError::Unknown(why)) if Instant::now() + pause <= give_up => {
                tracing::warn!(why, "the outcome of a transaction is unknown, trying again");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

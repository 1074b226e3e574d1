//! Docs that are written late, many in one transaction: what changes with every coming and going, and what a crash may
//! set back by a few seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;
use waxwing_store::{OwnerId, Write, Writer};

use crate::Core;

/// How long a doc waits. A crash loses what waits.
const INTERVAL: Duration = Duration::from_secs(5);
/// Docs in one transaction.
const BATCH: usize = 512;
/// Docs that wait, at most. With half as many the interval is cut short; what does not fit is not kept, which takes a
/// database that does not answer.
const MOST: usize = 65_536;

/// One doc for each owner and kind, its newest value only.
#[derive(Default)]
pub struct Late {
    waiting: Mutex<HashMap<Key, Vec<u8>>>,
    bell: Arc<Bell>,
}

type Key = (OwnerId, &'static str);

#[derive(Default)]
struct Bell {
    some: Notify,
    many: Notify,
}

impl Late {
    /// Sets the doc of that kind without a key. Readers ask [`Late::get`] before the store.
    pub fn set(&self, owner: OwnerId, kind: &'static str, value: Vec<u8>) {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= MOST && !waiting.contains_key(&(owner, kind)) {
            tracing::warn!(owner, kind, "too much waits to be written: a value is not kept");
            return;
        }
        waiting.insert((owner, kind), value);
        match waiting.len() {
            1 => self.bell.some.notify_one(),
            n if n >= MOST / 2 => self.bell.many.notify_one(),
            _ => {}
        }
    }

    /// A value that may not be in the store yet.
    pub fn get(&self, owner: OwnerId, kind: &'static str) -> Option<Vec<u8>> {
        self.waiting.lock().get(&(owner, kind)).cloned()
    }

    /// Writes what waits now, as far as the database takes it: the rest goes on waiting.
    pub async fn flush(&self, writer: &Writer) {
        let keys: Vec<Key> = self.waiting.lock().keys().copied().collect();
        for keys in keys.chunks(BATCH) {
            let batch: Vec<(Key, Vec<u8>)> = {
                let waiting = self.waiting.lock();
                keys.iter().filter_map(|key| Some((*key, waiting.get(key)?.clone()))).collect()
            };
            let doc = |((owner, kind), value): &(Key, Vec<u8>)| Write::DocSet {
                owner: *owner,
                kind,
                key: String::new(),
                value: value.clone(),
            };
            if let Err(error) = writer.commit(batch.iter().map(doc).collect()).await {
                tracing::warn!(%error, docs = batch.len(), "what is written late has to wait longer");
                return;
            }
            let mut waiting = self.waiting.lock();
            for (key, written) in batch {
                if waiting.get(&key).is_some_and(|value| *value == written) {
                    waiting.remove(&key);
                }
            }
        }
    }

    pub(crate) fn start(core: &Arc<Core>) {
        let (weak, bell) = (Arc::downgrade(core), core.late.bell.clone());
        tokio::spawn(async move {
            while let Some(empty) = weak.upgrade().map(|core| core.late.waiting.lock().is_empty()) {
                if empty {
                    bell.some.notified().await;
                }
                let _ = timeout(INTERVAL, bell.many.notified()).await;
                let Some(core) = weak.upgrade() else { return };
                core.late.flush(&core.writer).await;
            }
        });
    }
}

impl Drop for Late {
    /// Lets the task see that it is over.
    fn drop(&mut self) {
        self.bell.some.notify_one();
        self.bell.many.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_waits_and_no_more_than_fit() {
        let late = Late::default();
        late.set(1, "k", vec![1]);
        late.set(1, "k", vec![2]);
        late.set(1, "other", vec![3]);
        assert_eq!((late.get(1, "k"), late.get(2, "k")), (Some(vec![2]), None));
        (2..).take(MOST).for_each(|owner| late.set(owner, "k", Vec::new()));
        assert_eq!(late.waiting.lock().len(), MOST);
        late.set(1, "k", vec![4]);
        assert_eq!(late.get(1, "k"), Some(vec![4]));
    }
}

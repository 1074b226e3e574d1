//! Something small that a module keeps for each account, loaded when it is needed.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use waxwing_store::{OwnerId, StoreError};

type Loading<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;
type Loader<T> = Box<dyn Fn(OwnerId) -> Loading<T> + Send + Sync>;
type Lock = tokio::sync::Mutex<()>;

/// A bounded cache of one value per account. Values are shared and replaced whole; a change is made by one
/// task at a time per account and stands in the cache only once it is durable.
pub struct AccountCache<T> {
    entries: Mutex<HashMap<OwnerId, Arc<T>, RandomState>>,
    locks: Mutex<HashMap<OwnerId, Weak<Lock>>>,
    limit: usize,
    load: Loader<T>,
}

/// The right to change one account's value.
pub struct Edit<'a, T> {
    cache: &'a AccountCache<T>,
    owner: OwnerId,
    /// The value as it stands.
    pub current: Arc<T>,
    _lock: OwnedMutexGuard<()>,
}

impl<T: Send + Sync + 'static> AccountCache<T> {
    /// `limit`: how many accounts' values stay in memory.
    pub fn new<F>(limit: usize, load: impl Fn(OwnerId) -> F + Send + Sync + 'static) -> AccountCache<T>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let load: Loader<T> = Box::new(move |owner| Box::pin(load(owner)));
        AccountCache { entries: Mutex::default(), locks: Mutex::default(), limit, load }
    }

    /// The value if it is in memory.
    pub fn present(&self, owner: OwnerId) -> Option<Arc<T>> {
        self.entries.lock().get(&owner).cloned()
    }

    /// Looks at the value if it is in memory. Nobody else does meanwhile.
    pub fn peek<R>(&self, owner: OwnerId, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.entries.lock().get(&owner).map(|value| look(value))
    }

    /// The value, loaded if need be.
    pub async fn get(&self, owner: OwnerId) -> Result<Arc<T>, StoreError> {
        match self.present(owner) {
            Some(value) => Ok(value),
            None => Ok(self.edit(owner).await?.current.clone()),
        }
    }

    /// Puts in what was read with the account, before anybody has the account: nothing can have changed since.
    pub fn fill(&self, owner: OwnerId, value: T) {
        self.put(owner, Arc::new(value));
    }

    /// Waits for the right to change the value.
    pub async fn edit(&self, owner: OwnerId) -> Result<Edit<'_, T>, StoreError> {
        let _lock = self.lock(owner).lock_owned().await;
        // Loaded under the lock, so that a load never brings back what a change has replaced meanwhile.
        let current = match self.present(owner) {
            Some(value) => value,
            None => {
                let value = Arc::new((self.load)(owner).await?);
                self.put(owner, value.clone());
                value
            }
        };
        Ok(Edit { cache: self, owner, current, _lock })
    }

    /// Forgets a value: the account is gone, or what stands in memory is not to be trusted.
    pub fn forget(&self, owner: OwnerId) {
        self.entries.lock().remove(&owner);
    }

    fn lock(&self, owner: OwnerId) -> Arc<Lock> {
        let mut locks = self.locks.lock();
        if let Some(lock) = locks.get(&owner).and_then(Weak::upgrade) {
            return lock;
        }
        if locks.len() > self.limit {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::new(Lock::default());
        locks.insert(owner, Arc::downgrade(&lock));
        lock
    }

    fn put(&self, owner: OwnerId, value: Arc<T>) {
        let mut entries = self.entries.lock();
        if entries.len() >= self.limit && !entries.contains_key(&owner) {
            // A map's order is arbitrary: about a sixteenth goes, whichever it is; what is missed is loaded again.
            let mut n = 0;
            entries.retain(|_, _| {
                n += 1;
                n % 16 != 0
            });
        }
        entries.insert(owner, value);
    }
}

impl<T: Send + Sync + 'static> Edit<'_, T> {
    /// The change is durable: it stands.
    pub fn replace(&mut self, value: T) -> Arc<T> {
        let value = Arc::new(value);
        self.current = value.clone();
        self.cache.put(self.owner, value.clone());
        value
    }
}

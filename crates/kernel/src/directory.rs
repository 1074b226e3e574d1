//! Which accounts are in memory.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, Weak};
use std::time::Duration;

use foldhash::quality::RandomState;
use jid::Jid;
use parking_lot::Mutex;
use waxwing_stanza::{Addr, bare, bare_str};
use waxwing_store::StoreError;

use crate::{Account, Core, Host};

/// How often accounts that nobody uses are let go.
const SWEEP: Duration = Duration::from_secs(60);
/// Loads at once, at most; the database has fewer connections.
const LOADS: usize = 64;

/// Accounts by bare JID. One object per account, ever: positions in its log are given by it alone.
#[derive(Default)]
pub struct Directory {
    present: Mutex<HashSet<Named, RandomState>>,
    loading: Loading,
}

/// An account, known by its bare JID.
struct Named(Arc<Account>);

impl Borrow<str> for Named {
    fn borrow(&self) -> &str {
        self.0.jid.as_str()
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Named) -> bool {
        self.0.jid == other.0.jid
    }
}

impl Eq for Named {}

impl Hash for Named {
    /// As its name is, which it is asked for by.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.jid.as_str().hash(state);
    }
}

/// Who loads an account holds the lock of its name. Names share locks: a load takes no longer than a look at the database.
struct Loading {
    locks: [tokio::sync::Mutex<()>; LOADS],
    places: RandomState,
}

impl Default for Loading {
    fn default() -> Loading {
        Loading { locks: std::array::from_fn(|_| Default::default()), places: RandomState::default() }
    }
}

impl Loading {
    fn of(&self, name: &str) -> &tokio::sync::Mutex<()> {
        // In range.
        #[allow(clippy::indexing_slicing)]
        &self.locks[self.places.hash_one(name) as usize % LOADS]
    }
}

impl Directory {
    /// The account if it is in memory: whoever has a session is.
    pub fn present(&self, jid: &Jid) -> Option<Arc<Account>> {
        self.present_at(bare_str(jid))
    }

    /// The same for a bare JID that was prepared before.
    pub fn present_at(&self, bare: &str) -> Option<Arc<Account>> {
        self.present.lock().get(bare).map(|named| named.0.clone())
    }

    /// The account, loaded if need be. `host` is the host of the address's domain.
    pub async fn find(&self, host: &Arc<Host>, addr: &Addr) -> Result<Option<Arc<Account>>, StoreError> {
        let name = bare_str(addr);
        if let Some(account) = self.present_at(name) {
            return Ok(Some(account));
        }
        // One load at a time, so that who loads knows that nobody has the account, or had it meanwhile.
        let _loading = self.loading.of(name).lock().await;
        if let Some(account) = self.present_at(name) {
            return Ok(Some(account));
        }
        let loaded = Account::load(host, bare(addr)).await?;
        if let Some(account) = &loaded {
            self.present.lock().insert(Named(account.clone()));
        }
        Ok(loaded)
    }

    /// The account was removed: its name may be given anew.
    pub fn forget(&self, account: &Account) {
        self.present.lock().remove(bare_str(&account.jid));
    }

    /// Everyone in memory.
    pub fn all(&self) -> Vec<Arc<Account>> {
        self.present.lock().iter().map(|named| named.0.clone()).collect()
    }

    pub(crate) fn start_sweeping(core: &Arc<Core>) {
        let core: Weak<Core> = Arc::downgrade(core);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(core) = core.upgrade() else { return };
                core.directory.sweep();
            }
        });
    }

    /// Lets go of accounts that only the directory holds and that have nothing in memory which a load would
    /// not bring back. Whoever takes one out does so under this lock, so none is taken while it goes.
    fn sweep(&self) {
        let mut present = self.present.lock();
        present.retain(|Named(account)| !account.is_idle() || Arc::strong_count(account) > 1);
    }
}
